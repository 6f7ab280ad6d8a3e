import { describe, expect, it } from 'vitest'
import { ManualClock } from '../src/clock.ts'
import { createRandom } from '../src/random.ts'
import type { Random } from '../src/random.ts'
import type { MemoryStoreHooks } from '../src/outbox/memory-store.ts'
import { MemoryStore } from '../src/outbox/memory-store.ts'
import type { RoomLog, RoomLogHandlers } from '../src/outbox/outbox.ts'
import { TOMBSTONE } from '../src/outbox/store.ts'
import type { InsertOutcome, LogEvent } from '../src/outbox/store.ts'
import { everything, pass, startRig } from './outbox-support.ts'
import type { Rig } from './outbox-support.ts'

const ROOMS = ['red', 'green', 'blue', 'grey']
const SEEDS = 100
const CHAOS_MS = 9_000
const limits = {
  pollMs: 100,
  holeTimeoutMs: 600,
  snapshotEvery: 10,
  retentionMs: 1e12,
  retentionEvents: 1e9,
}

/** What the test knows of one ownership. */
interface Owned {
  readonly index: number
  readonly room: string
  log: RoomLog | null
  readonly appended: string[]
  /** How many events were known to be durable. */
  durableCount: number
  /** When it was told so; null = never. */
  fencedAt: number | null
  refusedAt: number | null
}

/** A store whose answers are late, lost, doubled or wrong about nothing: it never lies, it only fails. */
class Weather {
  readonly #random: Random
  readonly #clock: ManualClock
  isBad = true

  constructor(seed: number, clock: ManualClock) {
    this.#random = createRandom(seed)
    this.#clock = clock
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(ms, resolve))
  }

  readonly hooks: MemoryStoreHooks = {
    before: async (operation) => {
      if (!this.isBad) return
      const chance = this.#random.next()
      if (operation !== 'insert' && chance < 0.05) throw new Error(`${operation} failed`)
      if (operation === 'allocate' && chance > 0.9) await this.#wait(this.#random.int(100, 1_500))
      else if (chance > 0.3) await this.#wait(this.#random.int(0, 15))
    },
    insert: async (events, apply) => {
      const refused = events.findIndex((event) => event.data.includes('refuse'))
      const store = (count: number): InsertOutcome => {
        const most = refused < 0 ? count : Math.min(count, refused)
        const outcome = apply(events.slice(0, most))
        if (outcome.kind !== 'stored' || refused < 0 || count <= refused) return outcome
        return { kind: 'refused', index: refused, cause: new Error('refused') }
      }
      if (!this.isBad) return store(events.length)
      const unknown: InsertOutcome = { kind: 'unknown', cause: new Error('no answer') }
      const fate = this.#random.next()
      if (fate < 0.1) return unknown
      if (fate < 0.2) {
        store(events.length)
        return unknown
      }
      if (fate < 0.3) {
        store(this.#random.int(0, events.length))
        return unknown
      }
      if (fate < 0.4) {
        const count = this.#random.int(1, events.length)
        void this.#wait(this.#random.int(1, 3_000)).then(() => store(count))
        return unknown
      }
      if (fate < 0.5) await this.#wait(this.#random.int(300, 1_500))
      else await this.#wait(this.#random.int(0, 10))
      const outcome = store(events.length)
      if (fate > 0.95) void this.#wait(this.#random.int(1, 500)).then(() => store(events.length))
      if (outcome.kind === 'blocked' && fate > 0.9) return { ...outcome, blocking: null }
      return outcome
    },
  }
}

/** Two writers, two tails, one store; returns what is to be checked. */
class Simulation {
  readonly random: Random
  readonly clock = new ManualClock()
  readonly weather: Weather
  readonly store: MemoryStore
  readonly owned: Owned[] = []
  readonly sides: Rig[] = []
  #opening = 0

  constructor(seed: number) {
    this.random = createRandom(seed)
    this.weather = new Weather(seed ^ 0x5bd1e995, this.clock)
    this.store = new MemoryStore({ clock: this.clock, hooks: this.weather.hooks })
  }

  async run(): Promise<void> {
    this.weather.isBad = false
    for (let side = 0; side < 2; side++) this.sides.push(await startRig({ limits, share: this }))
    for (const room of ROOMS) this.#open(room)
    this.weather.isBad = true
    for (let ms = 0; ms < CHAOS_MS; ms += 30) {
      this.#act()
      await pass(this.clock, 30, 10)
    }
    this.weather.isBad = false
    for (let round = 0; round < 200 && !(await this.#isQuiet()); round++)
      await pass(this.clock, 200, 20)
    expect(await this.#isQuiet(), 'everything settles once the weather is good').toBe(true)
  }

  async #isQuiet(): Promise<boolean> {
    if (this.#opening > 0) return false
    if (this.sides.some((side) => side.outbox.stats.pendingEvents > 0)) return false
    const last = (await everything(this.store)).at(-1)?.seq ?? 0
    return this.sides.every((side) => side.outbox.sealed >= last)
  }

  #open(room: string): void {
    const side = this.sides[this.random.int(0, 1)]
    if (!side) return
    const owned: Owned = {
      index: this.owned.length,
      room,
      log: null,
      appended: [],
      durableCount: 0,
      fencedAt: null,
      refusedAt: null,
    }
    const handlers: RoomLogHandlers = {
      onFenced: () => (owned.fencedAt = this.clock.now()),
      onWritable: () => {},
      onRefused: () => (owned.refusedAt ??= owned.appended.length),
      onSnapshotDue: () =>
        owned.log?.snapshot({
          publicState: String(owned.appended.length),
          hiddenState: null,
          runtime: '{}',
        }),
    }
    this.#opening++
    side.outbox
      .openRoom(room, handlers)
      .then((log) => {
        owned.log = log
        this.owned.push(Object.assign(owned, { index: this.owned.length }))
      })
      // Lost to another owner, or the store did not answer: there is no ownership then.
      .catch(() => {})
      .finally(() => this.#opening--)
  }

  #act(): void {
    if (this.random.next() < 0.03) this.#open(ROOMS[this.random.int(0, ROOMS.length - 1)] ?? 'red')
    for (const owned of this.owned) {
      if (this.random.next() < 0.4) continue
      for (let count = this.random.int(1, 3); count > 0; count--) this.#append(owned)
      if (this.random.next() < 0.2) this.#awaitDurable(owned)
    }
  }

  #append(owned: Owned): void {
    const isRefused = this.random.next() < 0.002
    const data = JSON.stringify({
      owner: owned.index,
      i: owned.appended.length,
      ...(isRefused ? { refuse: 1 } : {}),
    })
    const type = this.random.next() < 0.7 ? 'patch' : 'kill'
    if (owned.log?.append({ type, data })) owned.appended.push(data)
  }

  #awaitDurable(owned: Owned): void {
    const count = owned.appended.length
    owned.log?.durable().then(
      () => (owned.durableCount = Math.max(owned.durableCount, count)),
      () => {},
    )
  }
}

function checkRooms(log: readonly LogEvent[]): void {
  for (const room of ROOMS) {
    let patchN = 0
    let last: LogEvent | null = null
    for (const event of log.filter((event) => event.room === room)) {
      expect(event.n, 'OB2 n is contiguous and grows with seq').toBe((last?.n ?? 0) + 1)
      expect(event.prev, 'prev is the n of the patch before').toBe(patchN)
      expect(event.at, 'at never goes back').toBeGreaterThanOrEqual(last?.at ?? 0)
      if (last && event.own !== last.own) {
        expect(event.type, 'OB4 an ownership begins with its marker').toBe('owner')
        expect(event.epoch, 'OB4 with a higher epoch').toBeGreaterThan(last.epoch)
      } else if (last) expect(event.epoch).toBe(last.epoch)
      if (event.type === 'patch') patchN = event.n
      last = event
    }
  }
}

function checkOwnerships(log: readonly LogEvent[], owned: readonly Owned[]): void {
  for (const each of owned) {
    const mark = `{"owner":${each.index},`
    const stored = log.filter((event) => event.data.startsWith(mark)).map((event) => event.data)
    expect(stored, 'OB2 no loss, no double, no change of order').toEqual(
      each.appended.slice(0, stored.length),
    )
    expect(stored.length, 'OB1 what was durable stays').toBeGreaterThanOrEqual(each.durableCount)
    if (each.fencedAt === null && each.refusedAt === null)
      expect(stored.length, 'OB2 nothing is lost without a word').toBe(each.appended.length)
    const last = log.findLast((event) => event.data.startsWith(mark))
    if (each.fencedAt === null || !last) continue
    const winner = log.find((event) => event.room === each.room && event.n === last.n + 1)
    expect(winner, 'OB2 fenced only by an event of another owner').toBeDefined()
    expect(winner?.own).not.toBe(last.own)
    expect(winner?.at, 'OB2 that was there already').toBeLessThanOrEqual(each.fencedAt)
  }
}

describe('the log under failures, with two writers', () => {
  const totals = { events: 0, tombstones: 0, fenced: 0, takeovers: 0, refused: 0 }

  it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
    'OB1-OB4 hold for seed %i',
    async (seed) => {
      const simulation = new Simulation(seed)
      await simulation.run()
      const log = await everything(simulation.store)
      const visible = log.filter((event) => event.type !== TOMBSTONE)
      checkRooms(log)
      checkOwnerships(log, simulation.owned)
      for (const side of simulation.sides) {
        expect(side.shown, 'OB3 the tail shows the log, once, in order, for good').toEqual(visible)
        const sorted = [...new Set(side.watermarks)].sort((a, b) => a - b)
        expect(side.watermarks, 'OB3 W only grows').toEqual(sorted)
      }
      for (const room of ROOMS) {
        const snapshot = await simulation.store.snapshotAt(room, Number.MAX_SAFE_INTEGER)
        if (!snapshot) continue
        const at = visible.find((event) => event.room === room && event.n === snapshot.n)
        expect(at, 'OB6 a snapshot is of an acknowledged event').toMatchObject({
          seq: snapshot.seq,
          epoch: snapshot.epoch,
        })
      }
      totals.events += visible.length
      totals.tombstones += log.length - visible.length
      totals.fenced += simulation.owned.filter((owned) => owned.fencedAt !== null).length
      totals.takeovers += visible.filter((event) => event.type === 'owner').length
      totals.refused += simulation.owned.filter((owned) => owned.refusedAt !== null).length
    },
  )

  it('the seeds above met what they are meant to meet', () => {
    expect(totals.events).toBeGreaterThan(10_000)
    for (const count of [totals.tombstones, totals.fenced, totals.takeovers, totals.refused])
      expect(count).toBeGreaterThan(SEEDS / 10)
  })
})
