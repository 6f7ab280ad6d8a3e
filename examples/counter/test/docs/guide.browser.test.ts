import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { chromiumHint, findChromium } from '../../../../scripts/services.mjs'
import { readBlocks, readPage, root } from './blocks.ts'

const chromiumPath = findChromium()
if (chromiumPath === null) console.error(`the guide is not carried out: ${chromiumHint}`)
const WAIT = { timeout: 30_000, interval: 100 }

const blocks = readBlocks('docs/guide.md', readPage('docs/guide.md'))
const commands = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code)
const files = blocks.filter(({ file }) => file !== null)

/** As a terminal has it: npm, which runs this test, tells its children how it was called itself. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|VITE|NODE_ENV|NODE_OPTIONS)/i.test(name)),
)

describe.skipIf(chromiumPath === null)('EX10 the guide, from an empty folder', () => {
  // Not in the repository: nothing may be found there but what the guide installs.
  const place = mkdtempSync(join(tmpdir(), 'ringside guide-'))
  const folder = join(place, 'my-game')
  const ports = { server: 0, web: 0 }
  const children: ChildProcess[] = []
  let output = ''
  let browser: Browser

  beforeAll(async () => {
    ports.server = await freePort()
    ports.web = await freePort()
    const [pack = '', install = ''] = commands
    shell(pack, root)
    // npm install is not run, for a test needs no registry: the packed packages are unpacked beside links to the rest.
    const offline = install.replaceAll(/^npm install .*\n/gm, '')
    shell(offline, place)
    for (const name of ['protocol', 'server', 'client']) unpack(name)
    linkOthers(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const { file, code } of files) {
      mkdirSync(dirname(join(folder, String(file))), { recursive: true })
      writeFileSync(join(folder, String(file)), here(code))
    }
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    for (const child of children) await stop(child)
    rmSync(place, { recursive: true, force: true })
  }, 30_000)

  it('its files are those that it names, and compile', () => {
    const names = ['index.html', 'src/game.ts', 'src/main.ts', 'src/server.ts', 'tsconfig.json']
    expect(new Set(files.map(({ file }) => file))).toEqual(new Set([...names, 'vite.config.ts']))
    expect(blocks.filter(({ notRun }) => notRun !== null)).toEqual([])
    shell('npm run types', folder)
  }, 60_000)

  it('two tabs see each other move, and one that is closed goes', async () => {
    start('server')
    await vi.waitFor(async () => expect((await fetch(health())).status, output).toBe(200), WAIT)
    start('web')
    const address = `http://localhost:${ports.web}/`
    await vi.waitFor(async () => expect((await fetch(address)).status, output).toBe(200), WAIT)
    browser = await chromium.launch({
      executablePath: String(chromiumPath),
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'],
    })
    const complaints: string[] = []
    const [first, second] = [await open(address, complaints), await open(address, complaints)]
    for (const page of [first, second]) await figures(page, 2)
    await first.locator('#field').click({ position: { x: 123, y: 45 } })
    for (const page of [first, second])
      await vi.waitFor(async () => expect(await places(page)).toContain('123px 45px'), WAIT)
    await second.locator('#field').click({ position: { x: 300, y: 200 } })
    await vi.waitFor(async () => expect(await places(first)).toContain('300px 200px'), WAIT)

    const list = String(spawnSync('bash', ['-c', here(commands.at(-1) ?? '')]).stdout)
    expect(JSON.parse(list)).toMatchObject({ rooms: [{ type: 'field', clients: 2 }] })
    await second.close()
    await figures(first, 1)
    expect(complaints).toEqual([])
  }, 120_000)

  /** Ports of the page are free ones here, and packages lie in the test's own folder. */
  function here(text: string): string {
    return text
      .replaceAll('/tmp', `'${place}'`)
      .replace(/(?<=127\.0\.0\.1:|port: )8080/g, `${ports.server}`)
  }

  function shell(command: string, cwd: string): void {
    const ran = spawnSync('bash', ['-ec', here(command)], {
      cwd,
      env: environment,
      encoding: 'utf8',
    })
    expect(ran.status, `${command}${ran.stdout}${ran.stderr}`).toBe(0)
  }

  function unpack(name: string): void {
    const to = join(folder, 'node_modules', '@ringside', name)
    mkdirSync(to, { recursive: true })
    const packed = join(place, `ringside-${name}-0.1.0.tgz`)
    const ran = spawnSync('tar', ['-xzf', packed, '--strip-components=1', '-C', to])
    expect(ran.status, String(ran.stderr)).toBe(0)
  }

  /** Runs one of the package's scripts, which the page has in `npm run <name>`. */
  function start(name: string): void {
    expect(commands).toContain(`npm run ${name}\n`)
    const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    // Without npm between, so that the test ends the process that it started.
    const [program = '', ...args] = String(scripts[name]).split(' ')
    const more = name === 'web' ? ['--port', `${ports.web}`, '--strictPort'] : []
    const path = join(folder, 'node_modules', '.bin', program)
    const child = spawn(path, [...args, ...more], { cwd: folder, env: environment, detached: true })
    child.stdout.on('data', (chunk) => (output += String(chunk)))
    child.stderr.on('data', (chunk) => (output += String(chunk)))
    children.push(child)
  }

  function health(): string {
    return `http://127.0.0.1:${ports.server}/health/ready`
  }

  async function open(address: string, complaints: string[]): Promise<Page> {
    const page = await browser.newPage()
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (line) => {
      if (line.type() === 'error' && !line.text().includes('404')) complaints.push(line.text())
    })
    await page.goto(address)
    await vi.waitFor(
      async () => expect(await page.locator('#status').textContent(), output).toBe('connected'),
      WAIT,
    )
    return page
  }
})

/** Links each package of a folder, but those of this repository, into another. */
function linkOthers(from: string, to: string): void {
  for (const name of readdirSync(from))
    if (name !== '@ringside' && !name.startsWith('.vite') && !existsSync(join(to, name)))
      symlinkSync(join(from, name), join(to, name))
}

async function figures(page: Page, count: number): Promise<void> {
  await vi.waitFor(async () => expect(await page.locator('.player').count()).toBe(count), WAIT)
}

async function places(page: Page): Promise<string[]> {
  return await page
    .locator('.player')
    .evaluateAll((all) =>
      all.map((one) => `${(one as HTMLElement).style.left} ${(one as HTMLElement).style.top}`),
    )
}

/** Ends a program with what it has started: `tsx watch` runs the server in a process of its own. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
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
