import { RingsideError } from '../../src/process/errors.ts'
import { MemoryCheckpoints } from '../../src/outbox/stores/memory/checkpoints.ts'
import { MemoryRecords } from '../../src/outbox/stores/memory/records.ts'
import { MemoryRooms } from '../../src/outbox/stores/memory/rooms.ts'
import type {
  CheckpointStore,
  EventStore,
  InsertOutcome,
  LogEvent,
  LogStore,
  MarkStore,
  MessageKey,
  RecordStore,
  RoomStore,
  Snapshot,
  SnapshotStore,
  StoreClock,
  WakeSource,
} from '../../src/outbox/contract/store.ts'
import type { Documents } from './documents.ts'
import { Unknown, isOther } from './replica-set.ts'
import type { InsertReply, ReplicaSet } from './replica-set.ts'
import type { ProcessClock, SimClock } from './sim-clock.ts'
import type { Weather } from './weather.ts'

/** How long the client of a lost request waits before it gives up, in ms. */
const GIVES_UP_MS = 400
/** Reads of the tail ask for no end. */
const NO_END = Number.MAX_SAFE_INTEGER

export interface SimStoreParts {
  readonly set: ReplicaSet
  readonly world: SimClock
  readonly weather: Weather
  /** Replies reach the process by its own clock: a dead one gets none, a frozen one later. */
  readonly clock: ProcessClock
  readonly name: string
  /** Called with each reply to a read of the tail: the seqs it showed, or null for a failure. */
  readonly onLook: (events: readonly LogEvent[] | null) => void
  readonly onAllocate: (first: number, count: number) => void
  readonly onInsert: (events: readonly LogEvent[]) => void
  /** Called with each answer that an event was blocked, and by what. */
  readonly onBlocked: (event: LogEvent, blocking: LogEvent) => void
}

/**
 * The store of one process: each operation is a request, an effect and a reply, and each of the three may
 * be late, doubled or lost. What is true of a write is said; what is not known is said to be unknown.
 */
export class SimStore implements LogStore {
  readonly events: EventStore
  readonly marks: MarkStore
  readonly snapshots: SnapshotStore
  // Nothing of the simulation keeps anything else: a memory of its own will do.
  readonly rooms: RoomStore = new MemoryRooms()
  readonly checkpoints: CheckpointStore = new MemoryCheckpoints()
  readonly records: RecordStore
  readonly clock: StoreClock
  readonly wake: WakeSource
  readonly #parts: SimStoreParts
  #requests = 0
  /** Of the newest reply. */
  #knownTime = 0

  constructor(parts: SimStoreParts) {
    this.#parts = parts
    this.events = this.#events()
    this.marks = this.#marks()
    this.snapshots = this.#snapshots()
    this.clock = { now: () => parts.clock.now() }
    this.records = new MemoryRecords(this.clock)
    this.wake = { subscribe: (wake) => this.#subscribe(wake) }
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  #events(): EventStore {
    const { set, weather, onAllocate, onLook } = this.#parts
    return {
      allocate: async (count, historyId) => {
        const first = await this.#call((request) => set.increment(request, count, historyId))
        onAllocate(first, count)
        return first
      },
      insert: (events) => this.#insert(events),
      insertNext: (count, make, historyId) => this.#insertNext(count, make, historyId),
      bySeq: (seq) => this.#look((seen) => seen.events.get(seq) ?? null),
      byRoomN: (room, n) => this.#byRoomN(room, n),
      byMessageId: (principal, messageId) => this.#byMessage({ principal, messageId }),
      byMessageIds: (keys) =>
        this.#read((seen) => keys.flatMap((key) => seen.byMessage(key) ?? [])),
      range: async (query) => {
        const isLook = query.upTo === NO_END && query.room === undefined
        // A read that never answers at all: the tail must notice (OB5).
        if (isLook && weather.strikes(0.001)) return new Promise(() => {})
        try {
          const found = await this.#read((seen) => seen.range(query))
          if (isLook) onLook(found)
          return found
        } catch (error) {
          if (isLook) onLook(null)
          throw error
        }
      },
      lastOfRoom: (room) => this.#read((seen) => seen.lastOfRoom(room)),
      deleteThrough: (seq) => this.#call(() => set.deleteThrough(seq)),
      deleteVoid: (range) => this.#call(() => set.deleteVoid(range)),
    }
  }

  #marks(): MarkStore {
    const { set } = this.#parts
    return {
      origin: async () => set.origin,
      counter: () => this.#read((seen) => seen.counter),
      floor: (historyId) =>
        this.#read((seen) => {
          if (isOther(seen, historyId)) throw new RingsideError('log_restored')
          return seen.floor
        }),
      raiseFloor: (seq, historyId) => this.#call(() => set.raiseFloor(seq, historyId)),
      history: () =>
        this.#look(({ historyId: id, floor, voids, restoredAt }) => {
          return { id, origin: set.origin, floor, voids, restoredAt }
        }),
      beginHistory: (next) => this.#call(() => set.beginHistory(next)),
      sealed: () => this.#read((seen) => seen.sealed),
      storeSealed: (seq) => this.#call(() => set.update({ kind: 'sealed', to: seq })),
    }
  }

  #snapshots(): SnapshotStore {
    const { set } = this.#parts
    const save = (snapshot: Snapshot): Promise<void> => this.#call(() => set.saveSnapshot(snapshot))
    return {
      save,
      saveAll: async (snapshots) => {
        await Promise.all(snapshots.map(save))
      },
      at: (room, seq) => this.#read((seen) => seen.snapshotAt(room, seq)),
      places: (rooms, seq) =>
        this.#read((seen) =>
          rooms.flatMap((room) => {
            const found = seen.snapshotAt(room, seq)
            return found ? [{ room, seq: found.seq }] : []
          }),
        ),
      of: (places) =>
        this.#read((seen) =>
          places.flatMap(({ room, seq }) => {
            const found = seen.snapshotAt(room, seq)
            return found?.seq === seq ? [found] : []
          }),
        ),
      delete: async (cuts) => {
        await Promise.all(
          cuts.map(({ room, below }) => this.#call(() => set.deleteSnapshots(room, below))),
        )
      },
    }
  }

  async #insert(events: readonly LogEvent[]): Promise<InsertOutcome> {
    const [first] = events
    if (!first) return { kind: 'stored' }
    this.#parts.onInsert(events)
    try {
      const reply = await this.#call((request) => this.#parts.set.insert(request, events))
      return await this.#outcome(reply, events)
    } catch (cause) {
      return { kind: 'unknown', cause }
    }
  }

  async #insertNext(
    count: number,
    make: (first: number) => readonly LogEvent[],
    historyId: string | undefined,
  ): Promise<InsertOutcome> {
    const { set } = this.#parts
    for (;;) {
      try {
        const first = await this.#call(async () => set.next)
        const events = make(first)
        this.#parts.onAllocate(first, count)
        this.#parts.onInsert(events)
        const transaction = { first, count, events, historyId }
        const reply = await this.#call((request) => set.commit(request, transaction))
        if (reply.kind !== 'conflict') return await this.#outcome(reply, events)
      } catch (cause) {
        return { kind: 'unknown', cause }
      }
    }
  }

  #bySeq(seq: number): Promise<LogEvent | null> {
    return this.#read((seen) => seen.events.get(seq) ?? null)
  }

  #byRoomN(room: string, n: number): Promise<LogEvent | null> {
    return this.#read((seen) => seen.byRoomN(room, n))
  }

  #byMessage(key: MessageKey): Promise<LogEvent | null> {
    return this.#read((seen) => seen.byMessage(key))
  }

  #subscribe(wake: () => void): () => void {
    const { set, weather, clock } = this.#parts
    return set.watch(() => {
      if (weather.isWakeLost || weather.strikes(0.3)) return
      clock.after(weather.hopMs(), wake)
      if (weather.strikes(0.1)) clock.after(weather.slowMs(), wake)
    })
  }

  async #outcome(reply: InsertReply, events: readonly LogEvent[]): Promise<InsertOutcome> {
    this.#knownTime = Math.max(this.#knownTime, reply.time)
    if (reply.kind === 'stored') return { kind: 'stored' }
    const { index } = reply
    if (reply.kind === 'refused') return { kind: 'refused', index, cause: new Error('Refused') }
    const event = events[index]
    const blocking = event ? await this.#blocking(event) : null
    // What is void is deleted, and then sent again.
    const isVoid = this.#parts.set.majority.voids.length > 0
    if (event && blocking && !isVoid) this.#parts.onBlocked(event, blocking)
    return { kind: 'blocked', index, blocking }
  }

  /** The server names only one of the indexes, so each that the event is in is looked at. */
  async #blocking(event: LogEvent): Promise<LogEvent | null> {
    try {
      const bySeq = await this.#bySeq(event.seq)
      if (bySeq) return bySeq
      if (event.message) return await this.#byMessage(event.message)
      if (event.room === null || event.n === 0) return null
      return await this.#byRoomN(event.room, event.n)
    } catch {
      return null
    }
  }

  /** Never older than what this process has seen, or was told is stored. */
  async #read<T>(look: (seen: Documents) => T): Promise<T> {
    const after = this.#knownTime
    const { value, time } = await this.#call(async () => {
      const seen = await this.#parts.set.visible(after)
      return { value: look(seen), time: seen.time }
    })
    this.#knownTime = Math.max(this.#knownTime, time)
    return value
  }

  /**
   * The looks at the history of the log take no time and no draws, so that a log that is never restored is the same
   * run as without them. Later reads show no less.
   */
  async #look<T>(look: (seen: Documents) => T): Promise<T> {
    const { majority } = this.#parts.set
    if (majority.voids.length > 0) this.#knownTime = Math.max(this.#knownTime, majority.time)
    return look(majority)
  }

  /** One operation: the request on its way, its effect, the reply on its way. */
  async #call<T>(effect: (request: string) => Promise<T>): Promise<T> {
    const { world, weather, clock, name } = this.#parts
    const request = `${name}/${++this.#requests}`
    const fate = weather.fate()
    return new Promise<T>((resolve, reject) => {
      const fail = (afterMs: number): void =>
        void clock.after(afterMs, () => reject(new Unknown(`No answer (${fate})`)))
      const run = async (toMs: number, backMs: number): Promise<void> => {
        await world.wait(toMs)
        try {
          const value = await effect(request)
          clock.after(backMs, () => resolve(value))
        } catch (error) {
          // Errors of the simulation itself must not pass for bad weather.
          if (error instanceof Unknown) clock.after(backMs, () => reject(error))
          else clock.after(0, () => reject(error))
        }
      }
      const hop = weather.hopMs()
      const back = weather.hopMs()
      if (fate === 'fine') void run(hop, back)
      else if (fate === 'slow') void run(weather.slowMs(), back)
      else if (fate === 'refused') fail(hop)
      else if (fate === 'lost') fail(GIVES_UP_MS)
      else if (fate === 'reply-lost') {
        void run(hop, NO_END)
        fail(GIVES_UP_MS)
      } else if (fate === 'retried') {
        // The driver sends it again under the same number; the first may come later than the second.
        void run(weather.chance(0.5) ? hop : weather.slowMs(), NO_END)
        void world.wait(weather.random.int(1, 100)).then(() => run(hop, back))
      } else {
        fail(hop)
        void run(weather.zombieMs(), NO_END)
      }
    })
  }
}
