import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MemoryStore, SystemClock, createServer, silentLogger } from '@ringside/server'
import type { Server, ServerOptions } from '@ringside/server'
import { hookedStore } from '@ringside/server/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from 'vite'
import { arenaRoom } from '../src/server/arena-room.ts'
import { BlindSeat } from '../src/server/blind-seat.ts'
import { Demo } from '../src/server/demo.ts'
import { addPages } from '../src/server/pages.ts'
import { game } from '../src/shared/game.ts'
import { Cable } from './support/cable.ts'
import { Tabs, chromiumPath } from './support/browser.ts'
import type { Tab } from './support/browser.ts'

const CI = process.env['CI'] === 'true'
const CONFIG = fileURLToPath(new URL('../vite.config.ts', import.meta.url))
const PATIENT = { timeout: 30_000, interval: 100 }

/** An arena whose log can be taken away while it runs, and that can be started again on it. */
class Outage implements AsyncDisposable {
  isAway = false
  readonly #clock = new SystemClock()
  readonly #folder: string
  readonly #options: ServerOptions
  #server: Server<typeof game> | null = null
  #demo: Demo | null = null
  #tabs: Tabs | null = null
  #cable: Cable | null = null

  constructor(folder: string, limits: Pick<ServerOptions, 'maxOutboxLagMs' | 'retentionMs'>) {
    const clock = this.#clock
    const store = hookedStore(new MemoryStore({ clock }), {
      insert: async (events, apply) =>
        this.isAway ? { kind: 'unknown', cause: new Error('away') } : apply(events),
    })
    this.#folder = folder
    this.#options = { clock, store, apiKey: 'browser-test-key', ...limits }
  }

  get server(): Server<typeof game> {
    if (!this.#server) throw new Error('Not started')
    return this.#server
  }

  /** Starts a server on the log, and a browser that goes to it. */
  async start(): Promise<{ tabs: Tabs; demo: Demo }> {
    const clock = this.#clock
    const server = createServer(game, this.#options)
    const demo = new Demo({ server, clock, logger: silentLogger, botKey: 'bots', seed: 5 })
    this.#server = server
    this.#demo = demo
    server.room('arena', arenaRoom({ botKey: 'bots' }))
    demo.register()
    addPages(server, this.#folder)
    const port = await server.listen({ port: 0, host: '127.0.0.1' })
    this.#cable ??= new Cable(port)
    this.#cable.target = port
    await this.#cable.cut()
    await this.#cable.plug()
    this.#tabs ??= await Tabs.open(this.#cable.address)
    return { tabs: this.#tabs, demo }
  }

  async stop(): Promise<void> {
    this.#demo?.halt()
    // A log that was given up has lost what it says it has lost.
    await this.#server?.close().catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tabs?.[Symbol.asyncDispose]()
    await this.stop()
    await this.#cable?.[Symbol.asyncDispose]()
  }
}

describe.skipIf(chromiumPath === null && !CI)('an outage of the log in a real browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-outage-'))
  beforeAll(async () => {
    await build({
      configFile: CONFIG,
      logLevel: 'silent',
      build: { outDir: folder, emptyOutDir: true },
    })
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const text = (tab: Tab, selector: string): Promise<string> =>
    tab.page.locator(selector).first().innerText()
  const stateOf = (tab: Tab): Promise<string | null> =>
    tab.page.locator('.connection').first().getAttribute('data-state')
  const asked = (tab: Tab): number => tab.requests.filter((path) => path === '/health/ready').length

  test('[AR54 AR55] spectators and players are told that the log is away, and that it is back', async () => {
    await using outage = new Outage(folder, { maxOutboxLagMs: 6_000 })
    const { tabs, demo } = await outage.start()
    const [roomId = ''] = await demo.start({ rooms: 1, bots: 4, title: 'Main Ring' })
    const quietId = await outage.server.createRoom('arena', { title: 'Quiet Yard' })
    // The player sends nothing, and so nothing happens there.
    const idle = await outage.server.reserveSeat(quietId, { name: 'Idle' })
    await BlindSeat.take(outage.server.loopback(), idle)
    const quiet = await tabs.tab(`/watch/${quietId}`)
    const player = await tabs.tab(`/play/${roomId}`)
    const watch = await tabs.tab(`/watch/${roomId}`)
    const wall = await tabs.tab('/watch')
    await expect.poll(() => text(watch, '.connection'), PATIENT).toBe('Live')
    await expect.poll(() => text(player, '.connection'), PATIENT).toMatch(/^\d+ ms$/)
    await expect.poll(() => text(wall, '.lobby-status'), PATIENT).toMatch(/live rooms/)
    // Nothing moves there: it asks, and stays live.
    await expect.poll(() => asked(quiet), PATIENT).toBeGreaterThan(0)
    await quiet.page.waitForTimeout(500)
    expect(await text(quiet, '.connection')).toBe('Live')
    expect([asked(watch), asked(wall), asked(player)]).toEqual([0, 0, 0])

    for (const tab of [quiet, watch, wall, player]) tab.isOnline = false
    outage.isAway = true
    await expect
      .poll(() => text(watch, '.connection'), PATIENT)
      .toMatch(/^Waiting for the server's log · what you see is \d+ s old$/)
    expect(await stateOf(watch)).toBe('waiting')
    expect(await watch.page.locator('.live-button').getAttribute('data-on')).toBe('false')
    await expect.poll(() => text(wall, '.lobby-status'), PATIENT).toMatch(/^Waiting for the server/)
    await expect.poll(() => text(quiet, '.connection'), PATIENT).toMatch(/^Waiting/)
    expect(asked(wall), 'once for all rooms').toBeLessThanOrEqual(asked(watch) + 1)
    await expect
      .poll(() => text(player, '.connection'), PATIENT)
      .toBe('Paused: the server cannot save the match')
    expect(await text(player, '.banner')).toMatch(/^Paused/)
    const shown = await text(player, '.clock-time')
    await player.page.waitForTimeout(2_500)
    expect(await text(player, '.clock-time'), 'time stands still').toBe(shown)
    const pending = await player.page.locator('main').getAttribute('data-pending')
    expect(pending, 'no input is sent that nobody takes').toBe('0')

    outage.isAway = false
    await expect.poll(() => text(player, '.connection'), PATIENT).toMatch(/^\d+ ms$/)
    const banner = player.page.locator('.banner[data-shown="true"][data-kind="paused"]')
    await expect.poll(() => banner.count(), PATIENT).toBe(0)
    const seconds = (time: string): number =>
      Number(time.split(':')[0]) * 60 + Number(time.split(':')[1])
    const after = seconds(await text(player, '.clock-time'))
    expect(seconds(shown) - after, 'the round has lost nothing').toBeLessThan(3)
    await expect.poll(() => text(watch, '.connection'), PATIENT).toBe('Live')
    await expect.poll(() => text(wall, '.lobby-status'), PATIENT).toMatch(/live rooms/)
    await expect.poll(() => text(quiet, '.connection'), PATIENT).toBe('Live')
    for (const tab of [quiet, watch, wall, player])
      expect(tab.complaints.filter((line) => !line.includes('503'))).toEqual([])
  }, 120_000)

  test('[AR56] a player who cannot get back is not told that the room is over, and may try again', async () => {
    await using outage = new Outage(folder, { maxOutboxLagMs: 1_000, retentionMs: 30_000 })
    const { tabs } = await outage.start()
    const roomId = await outage.server.createRoom('arena', { title: 'Quiet Yard' })
    const tab = await tabs.tab(`/play/${roomId}`)
    await expect.poll(() => text(tab, '.connection'), PATIENT).toMatch(/^\d+ ms$/)
    tab.isOnline = false
    outage.isAway = true
    const box = tab.page.locator('.farewell')
    await box.waitFor({ timeout: 30_000 })
    expect(await box.innerText()).toMatch(/could not get back into this room/)
    expect(await tab.page.locator('body').innerText()).not.toMatch(/is over/)
    expect(await box.getByText('Join a room').isVisible()).toBe(true)
    // The seat is asked for again, each time.
    for (const attempt of [1, 2]) {
      tab.requests.length = 0
      await tab.page.getByText('Try again').click()
      await expect
        .poll(() => tab.requests, { ...PATIENT, message: `attempt ${attempt}` })
        .toContain(`/matchmake/reconnect/${roomId}`)
      await tab.page.getByText('Try again').waitFor()
      expect(await tab.page.locator('.notice-text').innerText()).toMatch(/does not have this room/)
    }
    // The process ends for that, and the next one goes on with the room: the seat is still there.
    await outage.stop()
    outage.isAway = false
    await outage.start()
    tab.requests.length = 0
    await tab.page.getByText('Try again').click()
    await expect.poll(() => text(tab, '.connection').catch(() => ''), PATIENT).toMatch(/^\d+ ms$/)
    expect(tab.requests.filter((path) => path.startsWith('/matchmake'))).toEqual([
      `/matchmake/reconnect/${roomId}`,
    ])
    const rows = tab.page.locator('.scores tr')
    const message = 'a heading and one player, in the old seat'
    await expect.poll(() => rows.count(), { ...PATIENT, message }).toBe(2)
    await tab.page.waitForTimeout(500)
    expect(await rows.count(), message).toBe(2)
  }, 120_000)
})
