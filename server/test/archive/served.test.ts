import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { ArchiveStore } from '../../src/archive/contract.ts'
import { folderArchive } from '../../src/archive/folder/folder-archive.ts'
import type { RoomEnd } from '../../src/outbox/contract/store.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestOptions } from '../support/test-server.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import { MemoryArchive } from './memory-archive.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const KEEP_MS = 600_000

interface World {
  readonly clock: ManualClock
  readonly store: MemoryStore
  readonly archive: ArchiveStore
}

function newWorld(archive: ArchiveStore = new MemoryArchive()): World {
  const clock = new ManualClock()
  return { clock, store: new MemoryStore({ clock }), archive }
}

function start(
  world: TestOptions,
  handlers: Partial<ArenaHandlers> = {},
  idPrefix = 'a',
): Promise<TestServer> {
  const limits = { retentionMs: 40_000, readsPerSecondPerIp: 1e6, archiveHoldMs: 3_600_000 }
  return TestServer.start(
    { ...limits, ...world, idPrefix },
    { archive: { keepMs: KEEP_MS }, ...handlers },
  )
}

/** A player plays for a while, and ends the match. */
async function play(test: TestServer): Promise<{ room: string; end: RoomEnd }> {
  const player = await test.join('Ada')
  for (let index = 0; index < 10; index++) {
    player.ask(index, 'hit', { target: 'x' })
    player.send('mine', { x: 987_654_321 })
    await test.clock.advanceAsync(200, 10)
  }
  player.ask(99, 'finish', {})
  await test.clock.advanceAsync(300, 10)
  const room = player.seat.roomId
  const record = await test.kit.store.rooms.get(room)
  if (!record?.end) throw new Error('Expected the end of the match')
  return { room, end: record.end }
}

/** The test's time passes, and some of the machine's: packing takes that. */
async function until(test: TestServer, condition: () => Promise<boolean>): Promise<void> {
  for (let count = 0; count < 2_000; count++) {
    if (await condition()) return
    await test.clock.advanceAsync(100)
    await sleep(1)
  }
  throw new Error('Expected it to come')
}

async function cut(test: TestServer, { seq }: RoomEnd): Promise<void> {
  await until(test, async () => (await test.kit.store.marks.floor()) >= seq)
}

/** A packed chunk is read in the machine's time. */
async function get(test: TestServer, path: string, headers = {}): Promise<[number, string]> {
  const exchange = test.transport.request({ method: 'GET', path, headers, remoteAddress: '::1' })
  let isDone = false
  void exchange.done.then(() => (isDone = true))
  await until(test, async () => isDone)
  const text = exchange.text().replace(/event: hello\ndata: .*/, 'hello')
  return [exchange.status, text.replaceAll(/^: hb\n\n/gm, '')]
}

/** All that can be asked of a match. */
function questionsOf(room: string, { n }: RoomEnd): string[] {
  const base = `/rooms/${room}`
  return [
    `${base}/feed`,
    `${base}/feed?from=start`,
    `${base}/feed?from=7`,
    `${base}/feed?checkpoint=7`,
    `${base}/feed?from=start&types=kill`,
    `${base}/feed?checkpoint=${n}`,
    `${base}/events`,
    `${base}/events?after=5&limit=3`,
    `${base}/events?after=${n - 1}`,
    `${base}/events?after=${n}`,
    `${base}/series?path=ticks,players.*.score&every=100ms`,
    `${base}/series?path=ticks&every=1s&from=5&to=${n}`,
    `${base}/series?path=ticks&to=${n + 1}`,
    `${base}/state`,
    ...Array.from({ length: n }, (_, index) => `${base}/state?at=${index + 1}`),
    `${base}/state?at=${n + 1}`,
  ]
}

async function answersOf(test: TestServer, questions: readonly string[]): Promise<unknown[]> {
  const answers: unknown[] = []
  for (const question of questions) answers.push([question, ...(await get(test, question))])
  return answers
}

describe.each([
  ['in memory', (): ArchiveStore => new MemoryArchive()],
  [
    'in a folder',
    (): ArchiveStore => {
      const folder = mkdtempSync(join(tmpdir(), 'ringside-archive-'))
      folders.push(folder)
      return folderArchive(folder)
    },
  ],
])('a match that has left the log, with an archive %s', (_name, make) => {
  it('FE122 is answered as the log answered, byte for byte, also after a restart on another log', async () => {
    const world = newWorld(make())
    const test = await start(world)
    const { room, end } = await play(test)
    const questions = questionsOf(room, end)
    const expected = await answersOf(test, questions)
    expect(JSON.stringify(expected)).toContain('event: end')
    await cut(test, end)
    expect(await answersOf(test, questions)).toEqual(expected)
    await test.kit.crash()
    const empty = { ...world, store: new MemoryStore({ clock: world.clock }) }
    const next = await start(empty, {}, 'b')
    // Its index is read in the machine's time.
    await until(next, async () => (await get(next, `/rooms/${room}/state`))[0] === 200)
    expect(await answersOf(next, questions)).toEqual(expected)
    expect(JSON.stringify(expected)).not.toContain('987654321')
    await next.kit.close()
  }, 60_000)
})

describe('a match of the archive', () => {
  it('FE122 is replayed at a speed, and gone on with where a reader left off', async () => {
    const world = newWorld()
    const test = await start(world)
    const { room, end } = await play(test)
    await cut(test, end)
    const slow = await test.kit.follow(`/rooms/${room}/feed?from=start&speed=1`)
    await until(test, async () => slow.events.length > 3)
    expect(slow.isOver).toBe(false)
    const seen = slow.events.length
    const { id } = slow.events.at(-1) ?? {}
    slow.close()
    const rest = await test.kit.follow(`/rooms/${room}/feed`, {
      headers: { 'last-event-id': id ?? '' },
    })
    await until(test, async () => rest.isOver)
    const shown = [...slow.events.slice(1, seen), ...rest.events.slice(1)]
    const numbers = shown.map(({ data }) => (data as { n: number }).n)
    expect(numbers).toEqual(Array.from({ length: end.n }, (_, index) => index + 1))
    await test.kit.close()
  }, 60_000)

  it('FE124 FE116 is over once its time in the archive is over, and says so', async () => {
    const world = newWorld()
    const test = await start(world)
    const { room, end } = await play(test)
    await cut(test, end)
    await test.clock.advanceAsync(KEEP_MS + 61_000, 200)
    expect((world.archive as MemoryArchive).matches.size).toBe(0)
    expect((await get(test, `/rooms/${room}/state`))[0]).toBe(410)
    expect((await get(test, `/rooms/${room}/feed`))[1]).toContain('event: end')
    await test.kit.close()
  }, 60_000)

  it('FE123 a private match stays private, also for a process that knows it from the archive alone', async () => {
    const world = newWorld()
    const secret: Partial<ArenaHandlers> = { onCreate: undefined as never }
    delete secret.onCreate
    const test = await start(world, {
      ...secret,
      onJoin: (room) => room.setPrivate(true),
    })
    const { room, end } = await play(test)
    await cut(test, end)
    await test.kit.crash()
    const next = await start({ ...world, store: new MemoryStore({ clock: world.clock }) }, {}, 'b')
    for (const path of ['feed', 'state', 'events', 'state?at=3'])
      expect((await get(next, `/rooms/${room}/${path}`))[0]).toBe(403)
    await next.kit.close()
  }, 60_000)

  it('FE123 of a match with a delay a process that knows it from the archive alone tells nothing early', async () => {
    const world = newWorld()
    const test = await start(world, { delayMs: 20_000 })
    const { room, end } = await play(test)
    await until(test, async () => (await world.archive.find(room))?.end != null)
    await test.kit.crash()
    world.clock.advance(Math.max(0, end.at + 15_000 - world.clock.now()))
    const next = await start({ ...world, store: new MemoryStore({ clock: world.clock }) }, {}, 'b')
    if (world.clock.now() < end.at + 20_000)
      expect((await get(next, `/rooms/${room}/state`))[0]).toBe(404)
    await next.clock.advanceAsync(21_000, 20)
    expect((await get(next, `/rooms/${room}/state`))[0]).toBe(200)
    await next.kit.close()
  }, 60_000)

  it('FE122 a damaged match is over as one that is gone, and its damage is counted', async () => {
    const world = newWorld()
    const test = await start(world)
    const { room, end } = await play(test)
    await cut(test, end)
    for (const { chunks } of (world.archive as MemoryArchive).matches.values())
      for (const [index] of chunks.entries()) chunks[index] = Buffer.from('no gzip')
    expect((await get(test, `/rooms/${room}/state`))[0]).toBe(410)
    expect((await get(test, `/rooms/${room}/events?after=3`))[0]).toBe(410)
    const [status, text] = await get(test, `/rooms/${room}/feed?from=start`)
    expect([status, text.includes('event: end')]).toEqual([200, true])
    const metrics = await test.kit.get('/metrics', {
      headers: { 'x-api-key': 'a key for tests only' },
    })
    expect(metrics.text).toMatch(/ringside_archive_broken_total [1-9]/)
    await test.kit.close()
  }, 60_000)

  it('FE116 while the archive does not answer nothing is said to be gone: it may be asked again', async () => {
    const world = newWorld()
    const archive = world.archive as MemoryArchive
    const test = await start(world)
    const early = await play(test)
    await cut(test, early.end)
    const late = await play(test)
    await until(test, async () => archive.matches.size === 2)
    archive.failure = new Error('away')
    expect((await get(test, `/rooms/${early.room}/state`))[0]).toBe(503)
    const [status, text] = await get(test, `/rooms/${early.room}/feed`)
    expect([status, text]).toEqual([200, expect.stringMatching(/^retry: \d+\n/)])
    expect(text).not.toContain('event:')
    expect((await get(test, `/rooms/never/state`))[0]).toBe(503)
    expect((await get(test, `/rooms/${late.room}/state`))[0], 'the log has it').toBe(200)
    archive.failure = null
    expect((await get(test, `/rooms/${early.room}/state`))[0]).toBe(200)
    await test.kit.close()
  }, 60_000)

  it('FE119 FE118 options: a type that wants an archive needs one, and a time that makes sense', async () => {
    const refused = (options: TestOptions, handlers: Partial<ArenaHandlers>) =>
      expect(() => TestServer.make(options, handlers))
    const noStore = { archive: { keepMs: KEEP_MS } }
    refused({}, noStore).toThrow('Expected the option archive of the server')
    for (const keepMs of [0, 59_999, 1.5, Number.NaN, '1d'])
      refused({ archive: new MemoryArchive() }, { archive: { keepMs: keepMs as number } }).toThrow(
        'keepMs of archive',
      )
    refused({ archive: {} as ArchiveStore }, {}).toThrow('archive')
    refused({ archive: new MemoryArchive() }, { archive: { keep: 1 } as never }).toThrow('keep')
  })

  it('FE119 /health/ready tells of an archive that fails, and stays ready', async () => {
    const world = newWorld()
    const archive = world.archive as MemoryArchive
    archive.failure = new Error('away')
    const test = await start(world)
    await test.clock.advanceAsync(100)
    const { json, status } = await test.kit.get('/health/ready')
    expect(status).toBe(200)
    expect(json).toMatchObject({ archive: { isFailing: true } })
    archive.failure = null
    await test.clock.advanceAsync(11_000, 10)
    const headers = { 'x-api-key': 'a key for tests only' }
    expect((await test.kit.get('/health/ready', { headers })).json).toMatchObject({
      archive: { isFailing: false, waiting: 0 },
    })
    await test.kit.close()
  })
})
