import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SystemClock, createServer, silentLogger } from '@ringside/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from 'vite'
import { arenaRoom } from '../src/server/arena-room.ts'
import { Demo } from '../src/server/demo.ts'
import { addPages } from '../src/server/pages.ts'
import { game } from '../src/shared/game.ts'
import { Tabs, chromiumPath, feedText, seenAt } from './support/browser.ts'
import type { Tab } from './support/browser.ts'
import { Cable } from './support/cable.ts'

const CI = process.env['CI'] === 'true'
const CONFIG = fileURLToPath(new URL('../vite.config.ts', import.meta.url))
const PHONE = {
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true,
  deviceScaleFactor: 2,
}
const PATIENT = { timeout: 20_000, interval: 100 }

if (chromiumPath === null && !CI)
  console.warn('No Chromium was found (CHROMIUM_PATH names one): the browser tests are left out.')

describe.skipIf(chromiumPath === null && !CI)('the arena in a real browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-web-'))
  const clock = new SystemClock()
  const server = createServer(game, { clock, apiKey: 'browser-test-key' })
  const demo = new Demo({ server, clock, logger: silentLogger, botKey: 'bots', seed: 5 })
  let cable: Cable
  let tabs: Tabs
  let room = ''

  beforeAll(async () => {
    await build({
      configFile: CONFIG,
      logLevel: 'silent',
      build: { outDir: folder, emptyOutDir: true },
    })
    server.room('arena', arenaRoom({ botKey: 'bots' }))
    demo.register()
    addPages(server, folder)
    cable = new Cable(await server.listen({ port: 0, host: '127.0.0.1' }))
    await cable.plug()
    const [first = ''] = await demo.start({ rooms: 1, bots: 4, title: 'Main Ring' })
    room = first
    tabs = await Tabs.open(cable.address)
  }, 60_000)

  afterAll(async () => {
    await tabs?.[Symbol.asyncDispose]()
    demo.halt()
    await cable?.[Symbol.asyncDispose]()
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }, 30_000)

  /** Opens the game under a name and waits until it is drawn. */
  async function play(roomId: string, name: string): Promise<Tab> {
    const tab = await tabs.tab('/')
    await tab.page.fill('#name', name)
    await tab.page.goto(`${cable.address}/play/${roomId}`)
    await expect.poll(() => seenAt(tab.page, name), PATIENT).not.toBeNull()
    return tab
  }

  /** Opens a room without bots, where nobody shoots at what a test looks at. */
  function quietRoom(): Promise<string> {
    return server.createRoom('arena', { title: 'Quiet Yard' })
  }

  const text = (tab: Tab, selector: string): Promise<string> =>
    tab.page.locator(selector).first().innerText()
  const data = (tab: Tab, name: string): Promise<string | null> =>
    tab.page.locator('main').getAttribute(`data-${name}`)
  const close = (tab: Tab): Promise<void> => tab.page.context().close()

  test('[AR40] the lobby shows a live room with players, leader and time left, and keeps the name', async () => {
    const tab = await tabs.tab('/')
    await tab.page.getByText('Main Ring').waitFor()
    expect(await text(tab, '.room')).toMatch(/Players[\s\S]*4 \/ 16[\s\S]*Leader[\s\S]*Time left/)
    await expect.poll(() => text(tab, '.room'), PATIENT).toMatch(/[0-2]:\d\d/)
    await tab.page.fill('#name', 'Remembered')
    await tab.page.reload()
    expect(await tab.page.inputValue('#name')).toBe('Remembered')
    expect(await tab.page.locator('a[href^="watch/"], a[href^="play/"]').count()).toBe(2)
    expect(await tab.page.locator('a[href*="dashboard"]').count()).toBe(0)
    expect(tab.complaints).toEqual([])
    await close(tab)
  })

  test('[AR41] two tabs see each other move, and each chat line arrives as text only', async () => {
    const roomId = await quietRoom()
    const one = await play(roomId, 'Tab One')
    const two = await play(roomId, 'Tab Two')
    await expect.poll(() => seenAt(two.page, 'Tab One'), PATIENT).not.toBeNull()
    for (const [mover, watcher, name] of [
      [one, two, 'Tab One'],
      [two, one, 'Tab Two'],
    ] as const) {
      const before = await seenAt(watcher.page, name)
      // One of the two ways is free from a corner.
      for (const key of ['KeyD', 'KeyA', 'KeyS', 'KeyW']) {
        await mover.page.keyboard.down(key)
        await mover.page.waitForTimeout(350)
        await mover.page.keyboard.up(key)
        if (key === 'KeyD' || key === 'KeyS') {
          const after = await seenAt(watcher.page, name)
          if (
            Math.hypot((after?.x ?? 0) - (before?.x ?? 0), (after?.y ?? 0) - (before?.y ?? 0)) > 30
          )
            break
        }
      }
      await expect
        .poll(async () => {
          const after = await seenAt(watcher.page, name)
          return Math.hypot((after?.x ?? 0) - (before?.x ?? 0), (after?.y ?? 0) - (before?.y ?? 0))
        }, PATIENT)
        .toBeGreaterThan(20)
    }
    const line = '<img src=x onerror=alert(1)> & <b>hello</b>'
    await one.page.keyboard.press('Enter')
    await one.page.keyboard.type(line)
    await one.page.keyboard.press('Enter')
    await expect.poll(() => text(two, '.chat-lines'), PATIENT).toContain(`Tab One ${line}`)
    await expect.poll(() => text(one, '.chat-lines'), PATIENT).toContain(line)
    expect(await two.page.locator('.chat-lines img, .chat-lines b').count()).toBe(0)
    // Own movement, once it stands still, is where the server and the other tab have it.
    await expect
      .poll(async () => {
        const own = await seenAt(one.page, 'Tab One')
        const other = await seenAt(two.page, 'Tab One')
        return Math.hypot((own?.x ?? 0) - (other?.x ?? 999), (own?.y ?? 0) - (other?.y ?? 999))
      }, PATIENT)
      .toBeLessThan(2)
    expect([...one.complaints, ...two.complaints]).toEqual([])
    await close(one)
    await close(two)
  })

  test('[AR42] one look tells who one is, the health, the leader and the time left', async () => {
    const tab = await play(room, 'Somebody')
    expect(await text(tab, '.self')).toMatch(/YOU\s+Somebody[\s\S]*Health[\s\S]*\d+ \/ 100/i)
    expect(await text(tab, '.clock')).toMatch(/time left[\s\S]*\d:\d\d[\s\S]*Leader/i)
    await expect.poll(() => text(tab, '.scores tr.self'), PATIENT).toMatch(/Somebody\s*YOU/i)
    expect(await tab.page.locator('[aria-label="Sound is off"]').count()).toBe(1)
    expect(tab.complaints).toEqual([])
    await close(tab)
  })

  test('[AR43] the spectator page follows both players by the feed alone and learns of no mine', async () => {
    const roomId = await quietRoom()
    const one = await play(roomId, 'Miner')
    const two = await play(roomId, 'Walker')
    const watch = await tabs.tab(`/watch/${roomId}`)
    await expect.poll(() => data(watch, 'status'), PATIENT).toBe('live')
    await expect.poll(() => seenAt(watch.page, 'Miner'), PATIENT).not.toBeNull()
    await one.page.keyboard.down('KeyE')
    await expect.poll(() => text(one, '.self .stats'), PATIENT).toMatch(/[012] mines left/)
    await one.page.keyboard.up('KeyE')
    expect(await text(two, '.self .stats')).toMatch(/3 mines left/)
    const before = await seenAt(watch.page, 'Walker')
    await two.page.keyboard.down('KeyD')
    await two.page.keyboard.down('KeyS')
    await two.page.waitForTimeout(500)
    await two.page.keyboard.up('KeyS')
    await two.page.keyboard.up('KeyD')
    await expect
      .poll(async () => {
        const spectated = await seenAt(watch.page, 'Walker')
        const own = await seenAt(two.page, 'Walker')
        return Math.hypot((spectated?.x ?? 0) - (own?.x ?? 0), (spectated?.y ?? 0) - (own?.y ?? 0))
      }, PATIENT)
      .toBeLessThan(2)
    expect(await seenAt(watch.page, 'Walker')).not.toEqual(before)
    const received = await feedText(watch.page)
    expect(received).toContain('event: patch')
    expect(received).toContain('Walker')
    expect(received).not.toMatch(/mines|armedAt|lastInput/)
    expect(watch.requests.filter((path) => path.startsWith('/matchmake'))).toEqual([])
    expect([...one.complaints, ...two.complaints, ...watch.complaints]).toEqual([])
    for (const tab of [one, two, watch]) await close(tab)
  })

  test('[AR44] a reloaded spectator page goes on from its checkpoint and reaches live again', async () => {
    const tab = await tabs.tab(`/watch/${room}`)
    await expect.poll(() => data(tab, 'status'), PATIENT).toBe('live')
    await tab.page.waitForTimeout(1_500)
    const seen = Number(await data(tab, 'n'))
    tab.requests.length = 0
    await tab.page.reload()
    await expect.poll(() => data(tab, 'status'), PATIENT).toBe('live')
    const feeds = tab.requests.filter(
      (path) => path.startsWith('/rooms/') && path.includes('/feed'),
    )
    expect(feeds).toHaveLength(1)
    const from = Number(/(?:from|checkpoint)=(\d+)/.exec(feeds[0] ?? '')?.[1])
    expect(from).toBeGreaterThanOrEqual(seen)
    const first = /event: snapshot\ndata: \{.*?"n":(\d+)/.exec(await feedText(tab.page))
    expect(Number(first?.[1])).toBeLessThanOrEqual(from)
    await expect.poll(async () => Number(await data(tab, 'n')), PATIENT).toBeGreaterThan(from)
    expect(tab.complaints).toEqual([])
    await close(tab)
  })

  test('[AR45] the timeline goes back, stands still, plays at a speed and returns to live', async () => {
    const tab = await tabs.tab(`/watch/${room}`)
    await expect.poll(() => data(tab, 'status'), PATIENT).toBe('live')
    await expect
      .poll(async () => Number(await tab.page.locator('.range').getAttribute('max')), PATIENT)
      .toBeGreaterThan(1)
    const live = Number(await data(tab, 'n'))
    await tab.page.getByLabel('Pause').click()
    expect(await data(tab, 'mode')).toBe('paused')
    await tab.page.getByText('−10 s').click()
    await expect.poll(async () => Number(await data(tab, 'n')), PATIENT).toBeLessThan(live)
    expect(tab.requests.some((path) => /\/state\?at=\d+/.test(path))).toBe(true)
    expect(tab.requests.some((path) => /\/events\?/.test(path))).toBe(true)
    const past = Number(await data(tab, 'n'))
    await tab.page.waitForTimeout(600)
    expect(Number(await data(tab, 'n'))).toBe(past)
    await tab.page.locator('.speed').selectOption('2')
    await expect.poll(() => data(tab, 'mode'), PATIENT).toBe('replay')
    expect(tab.requests.at(-1)).toMatch(
      new RegExp(`/feed\\?(from=${past}&speed=2|speed=2&from=${past})`),
    )
    await expect.poll(async () => Number(await data(tab, 'n')), PATIENT).toBeGreaterThan(past)
    // A reload in the past stays in the past.
    await tab.page.getByLabel('Pause').click()
    const place = Number(await data(tab, 'n'))
    await tab.page.reload()
    await expect.poll(async () => Number(await data(tab, 'n')), PATIENT).toBe(place)
    expect(await data(tab, 'mode')).toBe('paused')
    await tab.page.locator('.live-button').click()
    await expect.poll(() => data(tab, 'status'), PATIENT).toBe('live')
    await expect.poll(async () => Number(await data(tab, 'n')), PATIENT).toBeGreaterThan(live)
    expect(tab.complaints).toEqual([])
    await close(tab)
  })

  test('[AR50] a key that is up again at once counts, and a new name reaches everybody', async () => {
    const roomId = await quietRoom()
    const one = await play(roomId, 'Quick')
    const two = await play(roomId, 'Other')
    await one.page.keyboard.press('KeyE')
    await expect.poll(() => text(one, '.self .stats'), PATIENT).toMatch(/2 mines left/)
    await one.page.getByLabel('Change your name').click()
    await one.page.locator('.rename-form input').fill('Quicker')
    await one.page.keyboard.press('Enter')
    await expect.poll(() => seenAt(two.page, 'Quicker'), PATIENT).not.toBeNull()
    expect(await text(one, '.self')).toContain('Quicker')
    // The keys are the game's again, and the name is kept.
    await one.page.waitForTimeout(1_600)
    await one.page.keyboard.press('KeyE')
    await expect.poll(() => text(one, '.self .stats'), PATIENT).toMatch(/1 mines left/)
    await one.page.goto(`${cable.address}/`)
    expect(await one.page.inputValue('#name')).toBe('Quicker')
    expect([...one.complaints, ...two.complaints]).toEqual([])
    await close(one)
    await close(two)
  })

  test('[AR52] from a room that is over the spectator is led to a live one of the same name', async () => {
    const roomId = await quietRoom()
    const one = await play(roomId, 'Last')
    const watch = await tabs.tab(`/watch/${roomId}`)
    await expect.poll(() => data(watch, 'status'), PATIENT).toBe('live')
    const otherId = await quietRoom()
    const two = await play(otherId, 'First')
    // An empty room is over after a while.
    await one.page.getByText('Leave').click()
    const link = watch.page.locator('.elsewhere')
    await expect.poll(() => link.getAttribute('href'), PATIENT).toBe(`watch/${otherId}`)
    expect(await link.innerText()).toBe('Watch Quiet Yard')
    expect(await watch.page.getByText('Play here').isVisible()).toBe(false)
    expect(await watch.page.locator('.live-button').getAttribute('data-on')).toBe('false')
    await link.click()
    await expect.poll(() => seenAt(watch.page, 'First'), PATIENT).not.toBeNull()
    expect(watch.complaints).toEqual([])
    for (const tab of [one, two, watch]) await close(tab)
  }, 60_000)

  test('[AR53] a panel lets the own figure behind it be seen, and only then', async () => {
    const tab = await play(await quietRoom(), 'Hidden')
    const covers = (): Promise<string | null> =>
      tab.page.locator('.play .chat').getAttribute('data-covers')
    await expect.poll(() => tab.page.locator('.clock').getAttribute('data-covers')).not.toBeNull()
    await tab.page.addStyleTag({
      content:
        '.play .chat { position: fixed; inset: 0; width: auto; height: auto; max-height: none }',
    })
    await expect.poll(covers, PATIENT).toBe('true')
    await tab.page.addStyleTag({ content: '.play .chat { inset: auto; width: 1px; height: 1px }' })
    await expect.poll(covers, PATIENT).toBe('false')
    expect(tab.complaints).toEqual([])
    await close(tab)
  })

  test('[AR46] the wall shows every room over one stream', async () => {
    const roomId = await quietRoom()
    const guest = await play(roomId, 'Guest')
    const tab = await tabs.tab('/watch')
    await expect.poll(() => tab.page.locator('.tile').count(), PATIENT).toBeGreaterThanOrEqual(2)
    await tab.page.locator(`.tile[data-room="${roomId}"]`).waitFor()
    await expect.poll(() => text(tab, `[data-room="${room}"]`), PATIENT).toMatch(/[0-2]:\d\d/)
    // Its name comes with the list of rooms, which is asked for beside the feed.
    await expect.poll(() => text(tab, `[data-room="${room}"]`), PATIENT).toContain('Main Ring')
    await tab.page.waitForTimeout(1_000)
    const feeds = tab.requests.filter((path) => path.includes('feed') || path.includes('stream'))
    expect(feeds).toHaveLength(1)
    expect(feeds[0]).toMatch(/^\/feed\?rooms=(\*|%2A)/)
    expect(tab.complaints).toEqual([])
    await close(tab)
    await close(guest)
  })

  test('[AR57] every spectator page shows the news as text, and one stream of the browser brings it', async () => {
    const tab = await tabs.tab(`/watch/${room}`)
    const context = tab.page.context()
    const second = await context.newPage()
    const pages = [tab.page, second]
    const streams: (typeof second)[] = []
    context.on('request', (request) => {
      if (/\/feed\?.*topics=public/.test(request.url())) streams.push(request.frame().page())
    })
    for (const page of pages) await page.goto(`${cable.address}/watch/${room}`)
    for (const page of pages) await page.locator('.news').waitFor({ state: 'attached' })
    await expect.poll(() => streams.length, PATIENT).toBeGreaterThan(0)
    await second.waitForTimeout(500)
    // The page that was opened first may have begun, and ended when it was loaded again.
    const begun = streams.length
    const publish = (title: string): Promise<unknown> =>
      server.publish({
        type: 'notification',
        data: { id: title, title, message: '<b>in a minute</b>', level: 'info' },
      })
    await publish('Final')
    for (const page of pages)
      await expect
        .poll(() => page.locator('.news-entry').allInnerTexts(), PATIENT)
        .toEqual([expect.stringMatching(/Final\s*<b>in a minute<\/b>/)])
    expect(streams).toHaveLength(begun)
    // Another page goes on when the one that followed leaves.
    const leader = streams.at(-1)
    await leader?.close()
    const [left = second] = pages.filter((page) => page !== leader)
    await expect.poll(() => streams.length, PATIENT).toBe(begun + 1)
    expect(streams.at(-1)).toBe(left)
    await expect
      .poll(async () => {
        await publish('Overtime')
        return left.locator('.news-entry').allInnerTexts()
      }, PATIENT)
      .toContainEqual(expect.stringContaining('Overtime'))
    await context.close()
  }, 60_000)

  test('[AR47] no page scrolls sideways on a phone, upright or on its side', async () => {
    const sides = [PHONE, { ...PHONE, viewport: { width: 844, height: 390 } }]
    for (const options of sides)
      for (const path of ['/', `/play/${room}`, '/watch', `/watch/${room}`]) {
        const tab = await tabs.tab(path, options)
        if (path !== '/') await tab.page.locator('canvas').first().waitFor()
        else await tab.page.getByText('Main Ring').waitFor()
        await tab.page.waitForTimeout(300)
        const [width, seen] = await tab.page.evaluate(() => [
          document.documentElement.scrollWidth,
          document.documentElement.clientWidth,
        ])
        expect(`${path} ${width}`).toBe(`${path} ${options.viewport.width}`)
        expect(seen).toBe(options.viewport.width)
        if (path.startsWith('/play'))
          expect(await tab.page.locator('.stick').isVisible()).toBe(true)
        expect(tab.complaints).toEqual([])
        await close(tab)
      }
  }, 60_000)

  test('[AR48] while the server is away every page says so, and goes on when it is back', async () => {
    const player = await play(room, 'Patient')
    const watch = await tabs.tab(`/watch/${room}`)
    const wall = await tabs.tab('/watch')
    const lobby = await tabs.tab('/')
    const all = [player, watch, wall, lobby]
    await expect.poll(() => data(watch, 'status'), PATIENT).toBe('live')
    await wall.page.locator('.tile').first().waitFor()
    await lobby.page.getByText('Main Ring').waitFor()
    const n = Number(await data(watch, 'n'))
    for (const tab of all) tab.isOnline = false
    await cable.cut()
    await expect.poll(() => text(player, '.connection'), PATIENT).toMatch(/Server away/)
    await expect.poll(() => text(watch, '.stage-notice'), PATIENT).toMatch(/server is away/i)
    await expect.poll(() => text(wall, '.lobby-status'), PATIENT).toMatch(/server is away/i)
    await expect.poll(() => text(lobby, '.lobby-status'), PATIENT).toMatch(/server is away/i)
    await cable.plug()
    await expect.poll(() => data(watch, 'status'), PATIENT).toBe('live')
    await expect.poll(async () => Number(await data(watch, 'n')), PATIENT).toBeGreaterThan(n)
    await expect.poll(() => data(player, 'status'), PATIENT).toBe('connected')
    await expect.poll(() => seenAt(player.page, 'Patient'), PATIENT).not.toBeNull()
    await expect.poll(() => text(wall, '.lobby-status'), PATIENT).toMatch(/live room/)
    await expect.poll(() => text(lobby, '.lobby-status'), PATIENT).toMatch(/room/)
    expect(await watch.page.locator('.stage-notice').isVisible()).toBe(false)
    for (const tab of all) {
      expect(tab.complaints.filter((line) => !/net::ERR_|WebSocket connection/.test(line))).toEqual(
        [],
      )
      await close(tab)
    }
  }, 90_000)

  test('[AR49] a reload within the grace time takes the same seat again', async () => {
    const roomId = await quietRoom()
    const tab = await play(roomId, 'Reloader')
    await tab.page.reload()
    await expect.poll(() => seenAt(tab.page, 'Reloader'), PATIENT).not.toBeNull()
    await expect.poll(() => data(tab, 'players'), PATIENT).toBe('1')
    expect(tab.requests.filter((path) => path.startsWith('/matchmake/reconnect'))).toHaveLength(1)
    expect(tab.complaints).toEqual([])
    await close(tab)
  })
})
