import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findNginx, nginxHint } from '../../../../scripts/services.mjs'
import { readBlocks, readPage, root } from './blocks.ts'

const nginx = findNginx()
if (nginx === null) console.error(`the proxies of the documents are not run: ${nginxHint}`)

const WAIT = { timeout: 20_000, interval: 50 }

/** What a player does over the proxy; it trusts the certificate of the test and no other. */
const PLAYER = `
import { connect, openFeed } from '@ringside/client'
import { game } from './game.ts'
const address = process.argv[2]
const room = await connect(game, address).create('counter', { name: 'Ada' })
const { total } = await room.request('add', { by: 10 })
openFeed({ address, room: room.id }, { from: 'start', onEvent(event) {
  if (event.type === 'game') console.log('spectator', event.name)
} })
room.onStatus((status) => console.log('status', status))
console.log('player', total, room.id)
`

/** A block of a page, by its number among those of its language. */
function block(page: string, language: string): string {
  const found = readBlocks(page, readPage(page)).find((one) => one.language === language)
  if (!found) throw new Error(`Expected a block of ${language} in ${page}`)
  return found.code
}

describe.skipIf(nginx === null)('EX9 the proxies of the documents', () => {
  let folder = ''
  let server: ChildProcess
  let serverPort = 0
  const children: ChildProcess[] = []

  beforeAll(async () => {
    mkdirSync(join(root, '.cache'), { recursive: true })
    folder = mkdtempSync(join(root, '.cache', 'deploying-'))
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const files = ['-keyout', join(folder, 'game.key'), '-out', join(folder, 'game.pem')]
    const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '2']
    const made = spawnSync('openssl', ['req', '-x509', ...key, ...files, ...subject])
    expect(made.status, String(made.stderr)).toBe(0)
    serverPort = await freePort()
    for (const name of ['game.ts', 'server.ts'])
      copyFileSync(join(root, 'examples/counter/src', name), join(folder, name))
    const main = block('docs/deploying.md', 'ts').replace('8080', `${serverPort}`)
    writeFileSync(join(folder, 'main.ts'), main)
    writeFileSync(join(folder, 'player.ts'), PLAYER)
    server = startNode('main.ts').child
    const ready = `http://127.0.0.1:${serverPort}/health/ready`
    await vi.waitFor(async () => expect((await fetch(ready)).status).toBe(200), WAIT)
  }, 60_000)

  afterAll(async () => {
    for (const child of children) await stop(child, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  it('a player plays over wss and a feed streams over https, through the nginx of deploying.md', async () => {
    const port = await freePort()
    const conf = block('docs/deploying.md', 'nginx')
      .replace('listen 443', `listen 127.0.0.1:${port}`)
      .replace('127.0.0.1:8080', `127.0.0.1:${serverPort}`)
      .replace(/\/etc\/ssl\/play\.example\.com(\.\w+)/g, `"${join(folder, 'game')}$1"`)
    startNginx(conf)
    const player = startPlayer(`https://localhost:${port}`)
    await says(player, 'player 10')
    await says(player, 'spectator round')
    // The page's own origin needs no entry, that of the option is let in, and no other is.
    for (const [origin, status] of [
      [`https://localhost:${port}`, 101],
      ['https://www.example.com', 101],
      ['https://evil.example', 403],
    ] as const)
      expect(await handshake(port, origin), origin).toBe(status)
  }, 60_000)

  it('the nginx of operations.md shows the server under a path', async () => {
    const port = await freePort()
    const conf = block('docs/operations.md', 'nginx')
      .replace('server {', `server {\n listen 127.0.0.1:${port};`)
      .replace('127.0.0.1:8080', `127.0.0.1:${serverPort}`)
    startNginx(conf)
    const player = startPlayer(`http://127.0.0.1:${port}/games/`)
    await says(player, 'player 10')
    await says(player, 'spectator round')
    expect(await fetch(`http://127.0.0.1:${port}/rooms`).then(({ status }) => status)).toBe(404)
  }, 60_000)

  it('the process ends with 0 on SIGTERM, and players wait for the next one', async () => {
    const player = startPlayer(`http://127.0.0.1:${serverPort}`)
    await says(player, 'player 10')
    server.kill('SIGTERM')
    const [code] = (await once(server, 'exit')) as [number]
    expect(code).toBe(0)
    await says(player, 'status reconnecting')
  }, 60_000)

  function startNode(script: string, ...args: string[]): { child: ChildProcess; output(): string } {
    const flags = ['--conditions=source', '--import', 'tsx', join(folder, script), ...args]
    const child = spawn(process.execPath, flags, {
      cwd: folder,
      env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'game.pem') },
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += String(chunk)))
    child.stderr.on('data', (chunk) => (output += String(chunk)))
    children.push(child)
    return { child, output: () => output }
  }

  function startPlayer(address: string): { output(): string } {
    return startNode('player.ts', address)
  }

  function startNginx(site: string): void {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path "${folder}/${name}";`)
      .join('\n')
    const conf = `daemon off; master_process off; pid "${folder}/nginx.pid"; error_log stderr warn;
      events {} http { access_log off; ${temporary}\n${site} }`
    writeFileSync(join(folder, 'nginx.conf'), conf)
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr']
    const tested = spawnSync(String(nginx), ['-t', ...args], { encoding: 'utf8' })
    expect(tested.status, tested.stderr).toBe(0)
    children.push(spawn(String(nginx), args, { stdio: 'ignore' }))
  }

  /** The status of a WebSocket handshake with that Origin. */
  function handshake(port: number, origin: string): Promise<number | undefined> {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      origin,
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const options = { host: 'localhost', port, path: '/ws', headers, rejectUnauthorized: false }
    return new Promise((resolve, reject) => {
      const request = get(options, (response) => resolve(response.statusCode))
      request.on('upgrade', (response, socket) => {
        socket.destroy()
        resolve(response.statusCode)
      })
      request.on('error', reject)
    })
  }
})

/** Waits until a program has printed the text. */
function says(program: { output(): string }, text: string): Promise<void> {
  return vi.waitFor(() => expect(program.output()).toContain(text), WAIT)
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
