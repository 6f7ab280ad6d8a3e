import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { MemoryStore, createRandom } from '../../src/index.ts'
import type { LogStore } from '../../src/index.ts'
import { overrideStore } from '../outbox/support.ts'
import { TestServer } from '../support/test-server.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import type { TestOptions } from '../support/test-server.ts'

const SECRET = 'a seed for tests, 32 characters long'

/** Draws once a tick, from the first on, and shows players and spectators what it drew. */
function drawing(draws: number[]): Partial<ArenaHandlers> {
  return {
    onCreate: () => ({ players: {}, ticks: 0, dice: 0, note: '' }),
    onTick(room) {
      draws.push((room.state.dice = room.random.int(0, 1e9)))
    },
  }
}

function drawsOf(seed: string | number, epoch: number, count: number): number[] {
  const random = createRandom(seed, epoch)
  return Array.from({ length: count }, () => random.int(0, 1e9))
}

interface Owners {
  readonly first: number[]
  readonly second: number[]
  readonly seed: string
  /** Events that spectators can read, at the end. */
  readonly log: string
}

interface Change {
  readonly how: 'close' | 'crash' | 'takeover'
  readonly options?: TestOptions
  /** The store as the second owner sees it. */
  readonly seen?: (store: MemoryStore) => LogStore
}

/** What two owners of a room drew, one after the other. */
async function twoOwners({ how, options = {}, seen }: Change): Promise<Owners> {
  const store = new MemoryStore()
  const first: number[] = []
  const second: number[] = []
  const old = await TestServer.start({ store, seed: SECRET, ...options }, drawing(first))
  const { roomId } = (await old.join('Ada')).seat
  await old.clock.advanceAsync(2_000, 5)
  const [record] = await store.rooms.living('', 1)
  if (how === 'close') await old[Symbol.asyncDispose]()
  if (how === 'crash') await old.crash()
  await using next = await TestServer.start(
    { store: seen?.(store) ?? store, idPrefix: 'b', ...options },
    drawing(second),
  )
  await next.clock.advanceAsync(2_000, 5)
  if (how === 'takeover') {
    await old.clock.advanceAsync(500, 5)
    expect(old.server.rooms).toEqual([])
    await old[Symbol.asyncDispose]()
  }
  expect(next.server.rooms.map(({ id }) => id)).toEqual([roomId])
  const page = await next.http('GET', `/rooms/${roomId}/events?limit=1000`)
  return { first, second, seed: record?.seed ?? '', log: JSON.stringify(page.body) }
}

function expectNothingRepeated({ first, second }: Owners): void {
  expect(first.length).toBeGreaterThan(20)
  expect(second.length).toBeGreaterThan(20)
  const shown = new Set(first.slice(-20))
  expect(second.slice(0, 20).filter((draw) => shown.has(draw))).toEqual([])
  expect(new Set([...first, ...second]).size).toBe(first.length + second.length)
}

describe.each(['close', 'crash', 'takeover'] as const)('a new owner after a %s', (how) => {
  it('OB20 the next 20 draws share nothing with the last 20 that were seen', async () => {
    expectNothingRepeated(await twoOwners({ how }))
  })

  it('OB20 the draws of each owner are those of the room and its epoch', async () => {
    const { first, second, seed } = await twoOwners({ how })
    expect(first).toEqual(drawsOf(seed, 1, first.length))
    expect(second).toEqual(drawsOf(seed, 2, second.length))
  })

  it('OB20 from the log alone, without a snapshot, it is the same', async () => {
    const withoutSnapshots = (store: MemoryStore): LogStore =>
      overrideStore(store, { snapshots: { at: async () => null } })
    const owners = await twoOwners({ how, seen: withoutSnapshots })
    expectNothingRepeated(owners)
    expect(owners.second).toEqual(drawsOf(owners.seed, 2, owners.second.length))
  })
})

/** The second owner finds this seed in the snapshot. */
function withRuntimeSeed(seed: number | undefined): NonNullable<Change['seen']> {
  return (store) =>
    overrideStore(store, {
      snapshots: {
        async at(room, upTo) {
          const snapshot = await store.snapshots.at(room, upTo)
          if (!snapshot) return null
          const runtime = JSON.stringify({ ...JSON.parse(snapshot.runtime), seed })
          return { ...snapshot, runtime }
        },
      },
    })
}

describe('seeds of rooms', () => {
  it('RM2 OB20 the same seed, inputs and takeover give the same log twice', async () => {
    const run = async (): Promise<string> => (await twoOwners({ how: 'crash' })).log
    const log = await run()
    // Times are the store's; the draws are in the states.
    const dice = (text: string): string[] => text.match(/"dice":\d+/g) ?? []
    expect(dice(log).length).toBeGreaterThan(20)
    expect(dice(await run())).toEqual(dice(log))
  })

  it('OB20 a number in a snapshot of an older version is a seed; the record has one where there is none', async () => {
    const old = await twoOwners({ how: 'crash', seen: withRuntimeSeed(12_345) })
    expect(old.second).toEqual(drawsOf(12_345, 2, old.second.length))
    const none = await twoOwners({ how: 'crash', seen: withRuntimeSeed(undefined) })
    expect(none.second).toEqual(drawsOf(none.seed, 2, none.second.length))
  })

  it("OB20 two rooms of one server draw different numbers; the server's seed decides them, or the system", async () => {
    const run = async (options: TestOptions): Promise<number[][]> => {
      const rooms = new Map<string, number[]>()
      await using test = await TestServer.start(options, {
        onTick(room) {
          const draws = rooms.get(room.id) ?? []
          rooms.set(room.id, [...draws, room.random.int(0, 1e9)])
        },
      })
      for (let count = 0; count < 2; count++) await test.http('POST', '/matchmake/create/arena', {})
      await test.clock.advanceAsync(1_000, 5)
      return [...rooms.values()].map((draws) => draws.slice(0, 20))
    }
    const drawn = await run({ seed: SECRET })
    expect(drawn).toHaveLength(2)
    expect(await run({ seed: SECRET })).toEqual(drawn)
    const others = [await run({ seed: 7 }), await run({ seed: 7 + 2 ** 32 })]
    // TestServer's own seed is 7.
    expect(await run({})).toEqual(others[0])
    const without = [
      await run({ seed: undefined as never }),
      await run({ seed: undefined as never }),
    ]
    const all = [drawn, ...others, ...without].flat(2)
    expect(new Set(all).size).toBe(all.length)
  })

  it('OB20 no player, no spectator and no log line is told a seed', async () => {
    const store = new MemoryStore()
    const runtimes: string[] = []
    const watched = overrideStore(store, {
      snapshots: {
        save(snapshot) {
          runtimes.push(snapshot.runtime)
          return store.snapshots.save(snapshot)
        },
      },
    })
    const first = await TestServer.start({ store: watched, seed: SECRET, snapshotEvery: 5 })
    const seen: string[] = []
    const watch = async (test: TestServer): Promise<void> => {
      const ada = await test.join('Ada')
      const { roomId } = ada.seat
      const paths = [
        '/feed?rooms=*&from=start',
        `/rooms/${roomId}/feed?from=start`,
        '/rooms/stream',
      ]
      const streams = paths.map((path) => test.transport.request({ path }))
      for (const name of ['hit', 'mine', 'refuse', 'fail'] as const)
        ada.ask(1, name, { target: 'x', x: 1 })
      await test.clock.advanceAsync(2_000, 5)
      const keyed = test.transport.request({
        path: '/metrics',
        headers: { 'x-api-key': 'a key for tests only' },
      })
      for (const path of [
        '/rooms',
        '/health/ready',
        '/health/live',
        '/nothing',
        `/rooms/${roomId}`,
        `/rooms/${roomId}/state`,
        `/rooms/${roomId}/events?limit=1000`,
      ])
        seen.push(JSON.stringify(await test.http('GET', path)))
      await test.during(keyed.done)
      expect([keyed, ...streams].map(({ status }) => status)).toEqual([200, 200, 200, 200])
      for (const stream of [keyed, ...streams]) seen.push(stream.text())
      for (const { bytes } of ada.frames) seen.push(Buffer.from(bytes).toString('latin1'))
      for (const stream of streams) stream.abort()
    }
    await watch(first)
    await first.crash()
    await using second = await TestServer.start({ store: watched, seed: SECRET, idPrefix: 'b' })
    await watch(second)
    seen.push(JSON.stringify([first.logged, second.logged]))

    const records = await store.rooms.living('', 10)
    const seeds = records.map(({ seed }) => seed)
    // What is looked for exists, where it may be.
    expect(seeds.length).toBeGreaterThan(0)
    for (const { room, seed } of records) {
      expect(seed).toBe(createHmac('sha256', SECRET).update(`ringside room ${room}`).digest('hex'))
      expect(runtimes.join()).toContain(seed)
    }
    const everything = seen.join('\n')
    for (const shown of ['"dice":', 'event: patch', 'ringside_', 'room restored', 'Ada'])
      expect(everything).toContain(shown)
    for (const secret of [SECRET, ...seeds])
      for (const form of formsOf(secret)) expect(everything.includes(form), form).toBe(false)
    expect(everything).not.toMatch(/\bseed\b/i)
  })
})

/** A secret as it stands, and its bytes as they could be written otherwise. */
function formsOf(secret: string): string[] {
  const bytes = [Buffer.from(secret), Buffer.from(secret, 'hex')].filter(({ length }) => length > 8)
  const encodings = ['hex', 'base64', 'base64url', 'latin1'] as const
  return [secret, ...bytes.flatMap((form) => encodings.map((encoding) => form.toString(encoding)))]
}
