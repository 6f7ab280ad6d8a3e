import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createServer } from '@ringside/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaverGame } from './support/leaver-game.ts'

const PROGRAM = fileURLToPath(new URL('support/leaver.ts', import.meta.url))
/** So long may a process take to end once it has nothing more to do. */
const LET_GO_MS = 1_500
const CHILD_LIMIT_MS = 60_000

/** Every scenario of the program: none is left out by mistake. */
const scenarios = [
  ...readFileSync(PROGRAM, 'utf8').matchAll(/^ {2}async (?:'([^']+)'|(\w+))\(\)/gm),
].map(([, quoted, plain]) => quoted ?? plain ?? '')

const server = createServer(leaverGame, {
  logger: { debug() {}, info() {}, warn() {}, error() {} },
})
server.command(7, (session) => session.close(1000, 'Enough'))
server.command(8, (session) => session.close(4_100, 'Dropped'))
server.rpc('add', (params) => (params as number[]).reduce((a, b) => a + b))
server.room('hall', {
  onCreate: () => ({ count: 0 }),
  commands: {
    ping: () => ({}),
    finish: (room) => room.end(),
    hang: () => new Promise<never>(() => {}),
  },
})

/** A peer that takes the handshake of a WebSocket, and answers nothing else, not even a close. */
const sockets = new Set<Socket>()
const deaf = createTcpServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    const key = /sec-websocket-key: (\S+)/i.exec(String(chunk))?.[1]
    if (key === undefined) return
    const hash = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Protocol: ringside.1\r\nSec-WebSocket-Accept: ${hash.digest('base64')}\r\n\r\n`,
    )
  })
})

let address = ''
let deafAddress = ''

beforeAll(async () => {
  address = `http://127.0.0.1:${await server.listen({ port: 0, host: '127.0.0.1' })}`
  deaf.listen(0, '127.0.0.1')
  await once(deaf, 'listening')
  deafAddress = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`
})

afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  deaf.close()
  await server.close()
})

/** Ms, by the program's own clock, from its last word to the end of its process. */
async function letGoMs(scenario: string): Promise<number> {
  const watched = await server.createRoom('hall')
  const args = ['--conditions=source', '--import', 'tsx', PROGRAM]
  const child = spawn(process.execPath, [...args, scenario, address, deafAddress, watched], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), CHILD_LIMIT_MS)
  let out = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  expect([code, /^\d+$/.test(out)]).toEqual([0, true])
  return Number(out)
}

describe('CN62: a process that has closed everything ends by itself', () => {
  it.each(scenarios)(
    '%s',
    async (scenario) => {
      expect(await letGoMs(scenario)).toBeLessThan(LET_GO_MS)
    },
    CHILD_LIMIT_MS + 5_000,
  )
})
