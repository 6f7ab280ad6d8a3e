import type { Clock } from '../../../src/process/clock.ts'
import { markRestored, planRestored } from '../../../src/outbox/history/restored.ts'
import type { RestoredPlan } from '../../../src/outbox/history/restored.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import type {
  LogEvent,
  LogHistory,
  LogStore,
  RoomRecord,
  Snapshot,
} from '../../../src/outbox/contract/store.ts'

/** The documents of a log at one moment. */
interface Backup {
  readonly history: LogHistory
  readonly counter: number
  readonly events: readonly LogEvent[]
  readonly snapshots: readonly Snapshot[]
  readonly rooms: readonly RoomRecord[]
}

const ALL = Number.MAX_SAFE_INTEGER

/** A log in memory that can be backed up, and put back under whoever has it open. */
export class RestorableLog {
  readonly #clock: Clock
  #current: MemoryStore
  readonly store: LogStore

  constructor(clock: Clock) {
    this.#clock = clock
    this.#current = new MemoryStore({ clock })
    const current = (): LogStore => this.#current
    this.store = new Proxy(this.#current, {
      get: (_target, name) => {
        const value = current()[name as keyof LogStore]
        if (typeof value === 'function') return value.bind(current())
        return typeof value === 'object' ? live(() => current()[name as 'events']) : value
      },
    })
  }

  async backUp(): Promise<Backup> {
    const { events, marks, snapshots, rooms } = this.#current
    const all = await events.range({ after: 0, upTo: ALL, limit: 100_000 })
    const kept: Snapshot[] = []
    for (const room of new Set(all.flatMap((event) => event.room ?? [])))
      for (let at = await snapshots.at(room, ALL); at; at = await snapshots.at(room, at.seq - 1))
        kept.push(at)
    return {
      history: await marks.history(),
      counter: await marks.counter(),
      events: all,
      snapshots: kept,
      rooms: [...(await rooms.living('', 1_000)), ...(await rooms.ended(1_000))],
    }
  }

  /** As mongorestore --drop does it: whoever has the log open finds the old documents the next time. */
  async putBack({ history, counter, events, snapshots, rooms }: Backup): Promise<void> {
    let isMade = false
    const clock = this.#clock
    const store = new MemoryStore({
      clock: {
        now: () => (isMade ? clock.now() : history.origin / 1000),
        after: (ms, callback) => clock.after(ms, callback),
        soon: (callback) => clock.soon(callback),
      },
    })
    isMade = true
    const { id: from } = await store.marks.history()
    await store.events.insert(events)
    await store.marks.raiseFloor(history.floor)
    await store.marks.beginHistory({ ...history, from, base: counter })
    await store.snapshots.saveAll(snapshots)
    for (const record of rooms) await store.rooms.save(record)
    this.#current = store
  }

  /** As `ringside-log restored` does it. */
  async restored(id = `history-${this.#clock.now()}`): Promise<RestoredPlan> {
    const plan = await planRestored(this.#current, id)
    await markRestored(this.#current, plan)
    return plan
  }
}

function live<T extends object>(target: () => T): T {
  return new Proxy(target(), {
    get: (_target, name) => {
      const value = target()[name as keyof T]
      return typeof value === 'function' ? (value.bind(target()) as unknown) : value
    },
  })
}
