import { setTimeout as sleep } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startReplicaSet } from '../../../scripts/replica-set.mjs'
import { MongoStore } from '../../src/outbox/stores/mongo/store.ts'
import { createServer } from '../../src/server.ts'
import type { FullLogPolicy, Server } from '../../src/index.ts'
import { hasMongod } from '../support/mongo.ts'
import { arenaHandlers, testGame } from '../support/test-game.ts'
import { FeedFollower } from './feed-follower.ts'
import { until } from './rig.ts'
import type { ReplicaSet } from './members.ts'
import { TcpProxy } from './tcp-proxy.ts'

const MAX_LAG_MS = 3_000

/** A server with one room that counts its ticks, on MongoDB behind a wire that can be cut. */
class Rig implements AsyncDisposable {
  readonly server: Server<typeof testGame>
  roomId = ''
  ticks = 0
  base = ''

  constructor(uri: string, database: string, whenLogIsFull: FullLogPolicy) {
    this.server = createServer(testGame, {
      store: new MongoStore({ uri, database }),
      maxOutboxLagMs: MAX_LAG_MS,
      whenLogIsFull,
    })
    const handlers = arenaHandlers([], { emptyTimeoutMs: null })
    this.server.room('arena', {
      ...handlers,
      onTick: (room) => {
        this.ticks = ++room.state.ticks
      },
    })
  }

  static async start(uri: string, database: string, policy: FullLogPolicy): Promise<Rig> {
    const rig = new Rig(uri, database, policy)
    const port = await rig.server.listen({ port: 0 })
    rig.base = `http://127.0.0.1:${port}`
    rig.roomId = await rig.server.createRoom('arena')
    return rig
  }

  get feedUrl(): string {
    return `${this.base}/rooms/${this.roomId}/feed?from=start`
  }

  async status(path: string, method = 'GET'): Promise<number> {
    return (await fetch(this.base + path, { method })).status
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Rejects where MongoDB is away still: what is lost then is the matter of a test of its own.
    await this.server.close().catch(() => {})
  }
}

/** State by folding the patches that were shown. */
function ticksShown(feed: FeedFollower): number {
  let ticks = 0
  for (const { event, data } of feed.shown)
    if (event === 'patch') ticks = (data.data as { ticks?: number }).ticks ?? ticks
  return ticks
}

describe.skipIf(!(await hasMongod()))('a server whose MongoDB is away', () => {
  let set: ReplicaSet
  let proxy: TcpProxy
  let uri = ''
  let database = ''
  let count = 0

  beforeAll(async () => {
    set = await startReplicaSet({ count: 1 })
    proxy = await TcpProxy.start(set.members[0]?.port ?? 0)
    uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`
  }, 120_000)
  beforeEach(() => {
    database = `server-${++count}`
  })
  afterEach(() => proxy.mend())
  afterAll(async () => {
    await proxy.stop()
    await set.stop()
  }, 60_000)

  /** What the database has of the room, asked past the cut wire. */
  async function storedN(roomId: string): Promise<number> {
    const client = await MongoClient.connect(set.uri)
    try {
      const events = client.db(database).collection<{ room: string; n: number }>('events')
      return (await events.findOne({ room: roomId }, { sort: { n: -1 } }))?.n ?? 0
    } finally {
      await client.close()
    }
  }

  test.each(['cut', 'swallow'] as const)(
    'OB1 OB7 RM10 wire %s: rooms go on up to maxOutboxLagMs, then pause; nothing undurable is shown, nothing lost',
    async (kind) => {
      await using rig = await Rig.start(uri, database, 'pause')
      using feed = new FeedFollower(rig.feedUrl)
      await until(() => feed.lastN > 5, 'patches')
      expect(await rig.status('/health/ready')).toBe(200)
      if (kind === 'cut') proxy.cut()
      else proxy.swallow()
      const ticksAtCut = rig.ticks
      await sleep(MAX_LAG_MS / 2)
      expect(rig.ticks, 'the room goes on').toBeGreaterThan(ticksAtCut + 20)
      expect(await rig.status('/health/ready'), 'red before the rooms pause').toBe(503)
      expect(feed.lastN, 'only what is durable').toBeLessThanOrEqual(await storedN(rig.roomId))
      await sleep(MAX_LAG_MS)
      const ticksPaused = rig.ticks
      await sleep(500)
      expect(rig.ticks, 'paused').toBe(ticksPaused)
      expect(await rig.status(`/matchmake/joinById/${rig.roomId}`, 'POST')).toBe(503)
      expect(feed.lastN).toBeLessThanOrEqual(await storedN(rig.roomId))
      proxy.mend()
      await until(() => rig.ticks > ticksPaused + 10, 'the room to go on')
      await until(() => ticksShown(feed) > ticksPaused, 'spectators to be shown again')
      expect(feed.numbers).toEqual(feed.numbers.map((_, index) => index + 1))
      expect(feed.has('reset')).toBe(false)
      expect(await rig.status('/health/ready')).toBe(200)
    },
    90_000,
  )

  test('OB7 RM10 with close the room ends past the bound, and what it did is written when MongoDB is back', async () => {
    await using rig = await Rig.start(uri, database, 'close')
    using feed = new FeedFollower(rig.feedUrl)
    await until(() => feed.lastN > 5, 'patches')
    proxy.cut()
    await until(() => rig.server.rooms.length === 0, 'the room to end', MAX_LAG_MS * 3)
    const ticksAtEnd = rig.ticks
    expect(feed.has('end')).toBe(false)
    proxy.mend()
    await until(() => feed.has('end'), 'the end')
    expect(ticksShown(feed)).toBe(ticksAtEnd)
    expect(feed.numbers).toEqual(feed.numbers.map((_, index) => index + 1))
  }, 90_000)

  test('OB1 what needs the log is answered with 503 while it is away', async () => {
    await using rig = await Rig.start(uri, database, 'pause')
    using feed = new FeedFollower(rig.feedUrl)
    await until(() => feed.lastN > 5, 'patches')
    proxy.cut()
    const paths = [`/rooms/${rig.roomId}/events`, `/rooms/${rig.roomId}/state`]
    const statuses = paths.map((path) => rig.status(path))
    expect(await Promise.all([...statuses, rig.status('/matchmake/create/arena', 'POST')])).toEqual(
      [503, 503, 503],
    )
  }, 60_000)

  test('OB17 a server that closes while MongoDB is away ends in time, says what is lost, and its room goes on', async () => {
    const rig = await Rig.start(uri, database, 'pause')
    await sleep(500)
    proxy.swallow()
    await sleep(500)
    const shownAt = await storedN(rig.roomId)
    const startedAt = performance.now()
    await expect(rig.server.close()).rejects.toMatchObject({
      code: 'outbox_unreachable',
      message: expect.stringMatching(/got \d+ of 1 rooms that are not/) as string,
    })
    expect(performance.now() - startedAt).toBeLessThan(14_500)
    await expect(fetch(`${rig.base}/health/live`), 'nothing listens').rejects.toThrow()
    // Some may have landed all the same; the room goes on from there.
    expect(await storedN(rig.roomId)).toBeGreaterThanOrEqual(shownAt)
    proxy.mend()
    const next = new Rig(uri, database, 'pause')
    await next.server.listen({ port: 0 })
    expect(next.server.rooms.map(({ id }) => id)).toEqual([rig.roomId])
    await next.server.close()
  }, 60_000)
})
