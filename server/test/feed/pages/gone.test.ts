import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { checkOf, roomId } from '../../../src/feed/position/room-id.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { MongoStore } from '../../../src/outbox/stores/mongo/store.ts'
import type { Long } from 'mongodb'
import { createServer } from '../../../src/server.ts'
import { arenaHandlers, testGame } from '../../support/test-game.ts'
import { TestServer } from '../../support/test-server.ts'
import type { TestOptions } from '../../support/test-server.ts'
import { hasMongo } from '../../support/mongo.ts'
import { useMongo } from '../../support/use-mongo.ts'
import type { TestStream } from '../../../src/testing/event-stream.ts'
import type { LogStore, RoomEnd } from '../../../src/outbox/contract/store.ts'

const RETENTION_MS = 15_000

interface World {
  readonly clock: ManualClock
  readonly store: LogStore
}

/** A match is played and ends; the log is cut at or after its end, or only in part of it. */
class Match {
  readonly test: TestServer
  readonly room: string
  readonly end: RoomEnd
  constructor(test: TestServer, room: string, end: RoomEnd) {
    this.test = test
    this.room = room
    this.end = end
  }

  get endId(): string {
    return roomId({ n: this.end.n, check: checkOf(this.end) })
  }

  /** Time passes until the log was cut beyond the end. */
  async cut(): Promise<void> {
    for (let count = 0; count < 200; count++) {
      const floor = await this.test.kit.store.marks.floor()
      if (floor >= this.end.seq) return
      await this.test.clock.advanceAsync(1_000)
    }
    throw new Error('Expected the log to be cut')
  }
}

async function play(world: World, options: TestOptions = {}): Promise<Match> {
  const { clock, store } = world
  const test = await TestServer.start({
    clock,
    store,
    retentionMs: RETENTION_MS,
    readsPerSecondPerIp: 1e6,
    ...options,
  })
  const player = await test.join('Ada')
  await test.clock.advanceAsync(500, 10)
  player.ask(1, 'finish', {})
  await test.clock.advanceAsync(300, 10)
  const room = player.seat.roomId
  const record = await test.during(store.rooms.get(room))
  if (!record?.end) throw new Error(`Expected the end in ${JSON.stringify(record)}`)
  return new Match(test, room, record.end)
}

async function follow(
  { test }: Match,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestStream> {
  const stream = await test.kit.follow(path, { headers })
  await test.clock.advanceAsync(6_000, 6)
  return stream
}

const types = (stream: TestStream): string[] => stream.events.map(({ type }) => type)

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let count = 0; count < 300; count++) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(100)
  }
  throw new Error('Expected it to come')
}

/** Everything that a room which is over and gone answers with. */
async function expectOver(match: Match): Promise<void> {
  const { room, end, test, endId } = match
  const last = { id: endId, type: 'end', data: { room, n: end.n, at: end.at } }
  for (const query of ['', '?from=start', '?from=-30s', '?speed=4', '?from=live&types=kill']) {
    const stream = await follow(match, `/rooms/${room}/feed${query}`)
    expect(types(stream), query).toEqual(['hello', 'end'])
    expect(stream.events.at(-1)).toEqual(last)
    expect(stream.isOver, 'the body ends').toBe(true)
  }
  const wrongId = roomId({ n: end.n, check: checkOf({ ...end, own: 'another' }) })
  for (const [position, reason] of [
    [roomId({ n: 3, check: 77 }), 'retention'],
    [wrongId, 'another-log'],
    [roomId({ n: end.n + 1, check: 7 }), 'unknown-checkpoint'],
    ['not a position', 'unknown-checkpoint'],
  ] as const) {
    const headers = { 'last-event-id': position }
    const stream = await follow(match, `/rooms/${room}/feed`, headers)
    expect(types(stream), position).toEqual(['hello', 'reset', 'end'])
    expect(stream.events[1]?.data, position).toMatchObject({ reason, room, to: end.n })
    expect(stream.events.at(-1)).toEqual(last)
    expect(stream.isOver).toBe(true)
  }
  for (const query of ['from=3', 'checkpoint=3']) {
    const from = await follow(match, `/rooms/${room}/feed?${query}`)
    expect(types(from)).toEqual(['hello', 'reset', 'end'])
  }
  for (const query of [`lastEventId=${endId}`, `checkpoint=${end.n}`]) {
    const back = await test.kit.follow(`/rooms/${room}/feed?${query}`)
    expect(back.status, 'who has seen the end is told so for good').toBe(204)
    expect(back.headers['ringside-feed']).toBe('ended')
  }
  for (const path of [
    `/rooms/${room}/state`,
    `/rooms/${room}/state?at=1`,
    `/rooms/${room}/state?at=${end.n}`,
    `/rooms/${room}/state?at=${end.n + 9}`,
    `/rooms/${room}/series?path=ticks`,
    `/rooms/${room}/series?path=ticks&to=${end.n + 9}`,
    `/rooms/${room}/events`,
    `/rooms/${room}/events?after=0`,
    `/rooms/${room}/events?after=1`,
    `/rooms/${room}/events?after=${end.n - 1}`,
  ]) {
    const { status, body } = await test.http('GET', path)
    expect([status, body], path).toMatchObject([
      410,
      {
        error: {
          code: 'past_retention',
          message: 'The room has ended, and its log is no longer kept',
        },
      },
    ])
  }
  for (const after of [end.n, end.n + 5])
    expect((await test.http('GET', `/rooms/${room}/events?after=${after}`)).body).toEqual({
      events: [],
      next: end.n,
      sealed: true,
    })
}

const worlds: [string, () => Promise<World>][] = [
  [
    'in memory',
    async () => {
      const clock = new ManualClock()
      return { clock, store: new MemoryStore({ clock }) }
    },
  ],
]

describe.each(worlds)('a room that is over and gone, %s', (_name, makeWorld) => {
  it('FE116 FE117 every surface says that it is over, in the process in which it ended', async () => {
    const match = await play(await makeWorld())
    await match.cut()
    await expectOver(match)
    await match.test.kit.close()
  })

  it('FE116 FE117 and after a restart', async () => {
    const world = await makeWorld()
    const match = await play(world)
    await match.test.kit.crash()
    await using next = await TestServer.start({
      ...world,
      retentionMs: RETENTION_MS,
      readsPerSecondPerIp: 1e6,
      idPrefix: 'b',
    })
    const again = new Match(next, match.room, match.end)
    await again.cut()
    await expectOver(again)
    await using third = await TestServer.start({
      ...world,
      retentionMs: RETENTION_MS,
      readsPerSecondPerIp: 1e6,
      idPrefix: 'c',
    })
    await expectOver(new Match(third, match.room, match.end))
  })

  it.each(['nothing is deleted yet', 'states are left behind'])(
    'FE116 FE117 and while retention is cutting: the floor is raised, and %s',
    async (what) => {
      const match = await play(await makeWorld(), { retentionMs: 3_600_000, snapshotEvery: 1 })
      const { store } = match.test.kit
      await store.marks.raiseFloor(match.end.seq)
      if (what !== 'nothing is deleted yet') await store.events.deleteThrough(match.end.seq)
      expect(await store.snapshots.at(match.room, match.end.seq)).not.toBeNull()
      // Whoever comes in the very moment may be told `reset` first.
      const first = await follow(match, `/rooms/${match.room}/feed`)
      expect(types(first).at(-1)).toBe('end')
      expect(first.isOver).toBe(true)
      await expectOver(match)
      await match.test.kit.close()
    },
  )

  it('FE117 while its log is there the end is shown, and pages behind it are sealed', async () => {
    const match = await play(await makeWorld(), { retentionMs: 3_600_000 })
    const { room, end, endId, test } = match
    for (const query of ['', '?from=start', '?from=-30s', `?from=${end.n}`]) {
      const stream = await follow(match, `/rooms/${room}/feed${query}`)
      expect(types(stream)[0]).toBe('hello')
      expect(stream.events.at(-1), query).toMatchObject({ id: endId, type: 'end' })
      expect(stream.isOver, query).toBe(true)
    }
    for (const position of ['not a position', roomId({ n: end.n + 1, check: 1 })]) {
      const headers = { 'last-event-id': position }
      const stream = await follow(match, `/rooms/${room}/feed`, headers)
      expect(types(stream)).toEqual(['hello', 'reset', 'snapshot', 'caught-up', 'end'])
      expect(stream.isOver).toBe(true)
    }
    expect((await test.http('GET', `/rooms/${room}/state`)).body).toMatchObject({ room, n: end.n })
    expect(await test.http('GET', `/rooms/${room}/state?at=${end.n + 1}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'not_found' } },
    })
    for (const after of [end.n, end.n + 1])
      expect((await test.http('GET', `/rooms/${room}/events?after=${after}`)).body).toEqual({
        events: [],
        next: end.n,
        sealed: true,
      })
    await test.kit.close()
  })

  it('FE117 the feed of many rooms says which of them are over, and goes on with the others', async () => {
    const match = await play(await makeWorld())
    const { room, end, test } = match
    await match.cut()
    const other = await test.join('Bob')
    const stream = await follow(match, `/feed?rooms=${room},${other.seat.roomId}`)
    expect(stream.all('end')).toEqual([{ room, n: end.n, at: end.at }])
    expect(stream.all('snapshot')).toMatchObject([{ room: other.seat.roomId }])
    expect(stream.isOver).toBe(false)
    const ids = stream.text.split('\n\n').filter((block) => block.includes('event: end'))
    expect(ids[0], 'no id before the last snapshot').not.toContain('id:')
    expect(stream.all('patch').length, 'it goes on').toBeGreaterThan(0)
    const all = await follow(match, '/feed')
    expect(all.all('end')).toEqual([])
    stream.close()
    all.close()
    await test.kit.close()
  })

  it('FE117 a client that comes back by its id is told so too', async () => {
    const match = await play(await makeWorld())
    const clientId = 'client-of-the-test'
    const read = { clientId, feedName: '', seq: match.end.seq - 2, selection: '*' }
    await match.test.during(match.test.kit.store.checkpoints.save([read]))
    await match.cut()
    const stream = await follow(match, `/rooms/${match.room}/feed?clientId=${clientId}`)
    expect(types(stream)).toEqual(['hello', 'reset', 'end'])
    expect(stream.isOver).toBe(true)
    await match.test.kit.close()
  })

  it('FE117 a slow stream that retention overtakes is told that the room is over', async () => {
    const world = await makeWorld()
    const match = await play(world)
    const stream = await match.test.kit.follow(`/rooms/${match.room}/feed?from=start&speed=0.1`)
    await match.cut()
    await match.test.clock.advanceAsync(30_000, 30)
    expect(types(stream).at(-1)).toBe('end')
    expect(stream.isOver).toBe(true)
    await match.test.kit.close()
  })

  it('FE116 a room that never was stays 404, and one that lives is not over', async () => {
    const match = await play(await makeWorld())
    await match.cut()
    for (const path of ['feed', 'state', 'events']) {
      const { status, body } = await match.test.http('GET', `/rooms/never/${path}`)
      expect([status, body]).toMatchObject([404, { error: { code: 'room_not_found' } }])
    }
    const living = await match.test.join('Eve')
    await match.test.clock.advanceAsync(500, 10)
    const stream = await follow(match, `/rooms/${living.seat.roomId}/feed`)
    expect(stream.has('end')).toBe(false)
    expect(stream.isOver).toBe(false)
    stream.close()
    await match.test.kit.close()
  })
})

describe('a room that is over and gone', () => {
  it('FE123 whoever sees a room with a delay learns of its end with it', async () => {
    const clock = new ManualClock()
    const store = new MemoryStore({ clock })
    const test = await TestServer.start({ clock, store, retentionMs: 60_000 }, { delayMs: 20_000 })
    const player = await test.join('Ada')
    await test.clock.advanceAsync(25_000, 50)
    player.ask(1, 'finish', {})
    await test.clock.advanceAsync(500, 10)
    const room = player.seat.roomId
    const record = await store.rooms.get(room)
    if (!record?.end) throw new Error('Expected the end')
    const match = new Match(test, room, record.end)
    const early = await test.kit.follow(`/rooms/${room}/feed`)
    await test.clock.advanceAsync(2_000, 10)
    expect(early.has('end')).toBe(false)
    const behind = `/rooms/${room}/state?at=${match.end.n + 1}`
    expect(await test.http('GET', behind)).toMatchObject({
      body: { error: { code: 'not_yet_visible' } },
    })
    const page = await test.http('GET', `/rooms/${room}/events?after=${match.end.n}`)
    expect(page.body).toMatchObject({ sealed: false })
    await test.clock.advanceAsync(20_000, 50)
    expect(early.has('end')).toBe(true)
    await match.cut()
    await test.clock.advanceAsync(25_000, 50)
    const late = await follow(match, `/rooms/${room}/feed`)
    expect(types(late)).toEqual(['hello', 'end'])
    await test.kit.close()
  })

  it('FE116 a private room that is over stays private', async () => {
    const clock = new ManualClock()
    const store = new MemoryStore({ clock })
    const world = { clock, store }
    const test = await TestServer.start(
      { ...world, retentionMs: RETENTION_MS },
      {
        onJoin: (room) => room.setPrivate(true),
      },
    )
    const player = await test.join('Ada')
    await test.clock.advanceAsync(500, 10)
    player.ask(1, 'finish', {})
    await test.clock.advanceAsync(60_000, 100)
    for (const path of ['feed', 'state', 'events']) {
      const { status } = await test.http('GET', `/rooms/${player.seat.roomId}/${path}`)
      expect(status).toBe(403)
    }
    await test.kit.close()
  })
})

describe.skipIf(!(await hasMongo()))('a room that is over and gone, in MongoDB', () => {
  const mongo = useMongo()

  async function serve(): Promise<{ base: string; close(): Promise<void> }> {
    const server = createServer(testGame, {
      store: new MongoStore({ uri: mongo.uri(), database: mongo.database('gone').databaseName }),
      readsPerSecondPerIp: 1e6,
    })
    server.room('arena', arenaHandlers())
    const port = await server.listen({ port: 0 })
    return { base: `http://127.0.0.1:${port}`, close: () => server.close() }
  }

  /** The whole body: it ends. */
  async function read(url: string, id = ''): Promise<{ status: number; text: string }> {
    const headers = id === '' ? {} : { 'last-event-id': id }
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) })
    return { status: response.status, text: await response.text() }
  }

  it('FE116 FE117 every surface says that it is over, from real play on through restarts', async () => {
    const first = await serve()
    const made = await fetch(`${first.base}/matchmake/create/arena`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"Ada"}',
    })
    const { roomId: room } = (await made.json()) as { roomId: string }
    // Its seat is not taken: it is empty, and ends.
    const rooms = mongo.database('gone').collection<{ _id: string; end?: { n: number } }>('rooms')
    const found = await eventually(async () => (await rooms.findOne({ _id: room }))?.end)
    await first.close()
    const log = mongo.database('gone').collection<{ _id: string; counter: Long }>('log')
    const marks = await log.findOne({ _id: 'log' })
    await mongo.database('gone').collection('events').deleteMany({ room })
    await mongo.database('gone').collection('snapshots').deleteMany({ room })
    await log.updateOne({ _id: 'log' }, [{ $set: { floor: '$counter' } }])
    expect(marks).not.toBeNull()
    // An older version wrote no end, and is not asked for it at the start.
    await rooms.insertOne({
      _id: 'older0000000',
      type: 'arena',
      seed: '1',
      delayMs: 0,
      isPrivate: false,
      isLive: false,
      createdAt: 1,
      endedAt: new Date(5_000),
    } as never)
    const next = await serve()
    for (const [id, n] of [
      [room, found.n],
      ['older0000000', 0],
    ] as const) {
      const url = `${next.base}/rooms/${id}`
      const fresh = await read(`${url}/feed`)
      expect(fresh.text).toContain(`event: end\ndata: {"room":"${id}","n":${n},"at":`)
      const back = /^id: (.*)$/m.exec(fresh.text)?.[1] ?? ''
      expect((await read(`${url}/feed`, back)).status).toBe(204)
      const resumed = await read(`${url}/feed`, '1-abc')
      expect(resumed.text).toContain('event: reset')
      expect(resumed.text).toContain('event: end')
      expect((await read(`${url}/state`)).status).toBe(410)
      expect((await read(`${url}/events?after=1`)).status).toBe(410)
    }
    expect((await read(`${next.base}/rooms/never/feed`)).status).toBe(404)
    await next.close()
  }, 60_000)

  it('FE116 a room is found in its record by a process that has never heard of it', async () => {
    const server = await serve()
    await mongo
      .database('gone')
      .collection('rooms')
      .insertOne({
        _id: 'forgotten000' as never,
        type: 'arena',
        seed: '1',
        delayMs: 0,
        isPrivate: false,
        isLive: false,
        createdAt: 1,
        endedAt: new Date(),
        end: { n: 9, seq: 5, at: 7, own: 'own' },
      })
    const { text } = await read(`${server.base}/rooms/forgotten000/feed`)
    expect(text).toContain('data: {"room":"forgotten000","n":9,"at":7}')
    const many = await fetch(`${server.base}/feed?rooms=forgotten000`)
    const { value } = (await many.body?.getReader().read()) ?? {}
    expect(many.status).toBe(200)
    expect(value).toBeDefined()
    await server.close()
  }, 60_000)
})
