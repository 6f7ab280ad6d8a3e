import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, openFeed } from '@ringside/client'
import { SystemClock, createServer, serveFolder, silentLogger } from '@ringside/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from 'vite'
import { arenaRoom } from '../src/server/arena-room.ts'
import { Demo } from '../src/server/demo.ts'
import { addPages } from '../src/server/pages.ts'
import { game } from '../src/shared/game.ts'
import { Tabs, chromiumPath, feedText, seenAt } from './support/browser.ts'
import type { Tab } from './support/browser.ts'
import { Nginx, nginxHint, nginxPath } from './support/nginx.ts'

const CI = process.env['CI'] === 'true'
const CONFIG = fileURLToPath(new URL('../vite.config.ts', import.meta.url))
const CHAT = fileURLToPath(new URL('../../chat/public', import.meta.url))
const PREFIX = '/games/'
const PATIENT = { timeout: 20_000, interval: 100 }
/** Pictures for people go there when it is named. */
const SHOTS = process.env['SCREENSHOTS']

const isMissing = (chromiumPath === null || nginxPath === null) && !CI
if (nginxPath === null && !CI) console.warn(`${nginxHint} The tests behind a proxy are left out.`)

describe.skipIf(isMissing)('EX6: everything under a path prefix, behind a real nginx', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-prefix-'))
  const clock = new SystemClock()
  const server = createServer(game, {
    clock,
    apiKey: 'prefix-test-key-of-16',
    trustedProxies: ['127.0.0.1'],
  })
  const demo = new Demo({ server, clock, logger: silentLogger, botKey: 'bots', seed: 5 })
  let nginx: Nginx
  let tabs: Tabs
  let base = ''
  let room = ''

  beforeAll(async () => {
    await build({
      configFile: CONFIG,
      logLevel: 'silent',
      build: { outDir: folder, emptyOutDir: true },
    })
    server.room('arena', arenaRoom({ botKey: 'bots' }))
    demo.register()
    for (const file of ['chat.css', 'chat.js'])
      server.route('GET', `/${file}`, serveFolder({ folder: CHAT }))
    addPages(server, folder)
    const port = await server.listen({ port: 0, host: '127.0.0.1' })
    nginx = await Nginx.start(PREFIX, port)
    base = `http://127.0.0.1:${nginx.port}${PREFIX}`
    const [first = ''] = await demo.start({ rooms: 1, bots: 4, title: 'Main Ring' })
    room = first
    tabs = await Tabs.open(`http://127.0.0.1:${nginx.port}`)
    if (SHOTS) mkdirSync(SHOTS, { recursive: true })
  }, 60_000)

  afterAll(async () => {
    await tabs?.[Symbol.asyncDispose]()
    demo.halt()
    await nginx?.[Symbol.asyncDispose]()
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }, 30_000)

  async function done(tab: Tab, name: string): Promise<void> {
    if (SHOTS) await tab.page.screenshot({ path: join(SHOTS, `${name}.png`) })
    expect(tab.complaints).toEqual([])
    // Not one of them has asked another site on the host.
    expect(tab.requests.filter((path) => !path.startsWith(PREFIX))).toEqual([])
    await tab.page.context().close()
  }

  test('EX6 the lobby leads into the game by its links, and the game is played', async () => {
    const tab = await tabs.tab('/games')
    const sockets: string[] = []
    tab.page.on('websocket', (socket) => sockets.push(socket.url()))
    await tab.page.getByText('Main Ring').waitFor()
    await tab.page.fill('#name', 'Prefixed')
    // nginx leads to the slash.
    tab.requests.splice(
      0,
      tab.requests.findIndex((path) => path === PREFIX),
    )
    await tab.page.click('a[href^="play/"]')
    await expect.poll(() => seenAt(tab.page, 'Prefixed'), PATIENT).not.toBeNull()
    expect(new URL(tab.page.url()).pathname).toBe(`${PREFIX}play/${room}`)
    const before = await seenAt(tab.page, 'Prefixed')
    await expect
      .poll(async () => {
        for (const key of ['KeyD', 'KeyA', 'KeyS', 'KeyW']) {
          await tab.page.keyboard.down(key)
          await tab.page.waitForTimeout(200)
          await tab.page.keyboard.up(key)
        }
        return seenAt(tab.page, 'Prefixed')
      }, PATIENT)
      .not.toEqual(before)
    expect(sockets).toEqual([`ws://127.0.0.1:${nginx.port}${PREFIX}ws`])
    await done(tab, 'play')
  }, 60_000)

  test('EX6 the room is watched, live, and so are all of them', async () => {
    const tab = await tabs.tab(`${PREFIX}watch`)
    await tab.page.locator(`a[data-room="${room}"]`).click()
    await expect.poll(() => feedText(tab.page), PATIENT).toContain('event: patch')
    expect(new URL(tab.page.url()).pathname).toBe(`${PREFIX}watch/${room}`)
    await expect
      .poll(() => tab.page.locator('main').getAttribute('data-seen'), PATIENT)
      .toMatch(/@/)
    await tab.page.waitForTimeout(500)
    await done(tab, 'watch')
  }, 60_000)

  test('EX6 the SDK of Node plays and watches there', async () => {
    for (const address of [base, base.slice(0, -1)]) {
      const client = connect(game, address)
      const seat = await client.joinById(room, { name: 'Node' })
      expect(seat.state.players[seat.sessionId]).toBeDefined()
      await seat.leave()
      let patches = 0
      const feed = openFeed({ address, room }, { onPatch: () => patches++ })
      await expect.poll(() => patches, PATIENT).toBeGreaterThan(1)
      feed.close()
    }
  }, 60_000)

  test('EX6 no page and no answer names a path from the root of the host', async () => {
    for (const path of ['', 'play', `play/${room}`, 'watch', `watch/${room}`]) {
      const answer = await fetch(base + path)
      const text = await answer.text()
      expect([path, answer.status]).toEqual([path, 200])
      expect(text.match(/(?:href|src)="\/[^"]*"/g)).toBeNull()
      expect(text).toContain(`<base href="${path.includes('/') ? '../' : './'}"`)
    }
    const seat = await fetch(`${base}matchmake/joinById/${room}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    expect(await seat.json()).toMatchObject({ url: 'ws' })
  })

  test('EX6 the files of the chat, too, lie where its page is', async () => {
    for (const file of ['chat.css', 'chat.js']) expect((await fetch(base + file)).status).toBe(200)
    const page = await import('node:fs').then((fs) =>
      fs.readFileSync(join(CHAT, 'index.html'), 'utf8'),
    )
    expect(page.match(/(?:href|src)="\/[^"]*"/g)).toBeNull()
  })
})
