import { RingsideError } from '../../process/errors.ts'
import { eventBytes, isFullAnswer } from '../contract/sizes.ts'
import type {
  CheckpointStore,
  EventStore,
  InsertOutcome,
  LogEvent,
  LogHistory,
  LogStore,
  MarkStore,
  RangeQuery,
  RecordStore,
  RoomStore,
  SnapshotPlace,
  SnapshotStore,
  StoreClock,
  WakeSource,
} from '../contract/store.ts'
import { Voids, snapshotOutside } from './voids.ts'

/** What is void may be met again: a write that was on its way may land at any time. */
const MAX_MEETINGS = 3

/**
 * A store as one process sees it: the log of the history that the process started with, and nothing of what is
 * void (OB104). Every part of the outbox reads and writes through it, so that the rule is kept once for all stores.
 * An operation that meets another history throws `log_restored`, and `onRestored` is told. As long as nothing is
 * void the answers of the store are handed on as they are.
 */
export class LogView implements LogStore {
  readonly events: EventStore
  readonly marks: MarkStore
  readonly snapshots: SnapshotStore
  readonly rooms: RoomStore
  readonly checkpoints: CheckpointStore
  readonly records: RecordStore
  readonly clock: StoreClock
  readonly wake: WakeSource
  readonly #store: LogStore
  readonly #onRestored: (cause: RingsideError) => void
  #historyId = ''
  #voids = new Voids([])
  #restoredAt = 0

  constructor(store: LogStore, onRestored: (cause: RingsideError) => void) {
    this.#store = store
    this.#onRestored = onRestored
    this.events = this.#viewEvents()
    this.marks = this.#viewMarks()
    this.snapshots = this.#viewSnapshots()
    this.rooms = store.rooms
    this.checkpoints = store.checkpoints
    this.records = store.records
    this.clock = store.clock
    this.wake = store.wake
  }

  get isLocal(): boolean {
    return this.#store.isLocal ?? false
  }

  get keptBytes(): number {
    return this.#store.keptBytes ?? 0
  }

  /** The id of the history that this process started with; '' before `begin`. */
  get historyId(): string {
    return this.#historyId
  }

  /** Store time in ms of the last restore, if the event of this seq is older; else 0. */
  restoredAtSince(seq: number): number {
    return this.#voids.isAnyAbove(seq) ? this.#restoredAt : 0
  }

  get voids(): Voids {
    return this.#voids
  }

  open(): Promise<void> {
    return this.#store.open()
  }

  /** From here on the log is that of the history that it has now. */
  begin(): Promise<LogHistory> {
    const reading = this.#store.marks.history()
    reading.then(
      ({ id, voids, restoredAt }) => {
        this.#historyId = id
        this.#restoredAt = restoredAt
        this.#voids = new Voids(voids)
      },
      () => {},
    )
    return reading
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #viewEvents(): EventStore {
    const { events } = this.#store
    return {
      allocate: (count) => this.#told(events.allocate(count, this.#historyId)),
      insert: (batch) => (this.#voids.isEmpty ? events.insert(batch) : this.#insert(batch)),
      insertNext: (count, make) => {
        if (!this.#voids.isEmpty) return this.#insertNext(count, make)
        const inserting = events.insertNext(count, make, this.#historyId)
        void inserting.then((outcome) => this.#noteOutcome(outcome))
        return inserting
      },
      bySeq: (seq) => (this.#voids.has(seq) ? Promise.resolve(null) : events.bySeq(seq)),
      byRoomN: (room, n) => this.#notVoid(() => events.byRoomN(room, n)),
      byMessageId: (principal, messageId) =>
        this.#notVoid(() => events.byMessageId(principal, messageId)),
      byMessageIds: (keys) => this.#messagesNotVoid(events.byMessageIds(keys)),
      range: (query) =>
        this.#voids.isClear(query.after, query.upTo)
          ? events.range(query)
          : this.#rangeAround(query),
      lastOfRoom: (room) => this.#notVoid(() => events.lastOfRoom(room)),
      deleteThrough: (seq) => events.deleteThrough(seq),
      deleteVoid: (range) => events.deleteVoid(range),
    }
  }

  #viewMarks(): MarkStore {
    const { marks } = this.#store
    return {
      origin: () => marks.origin(),
      counter: () => marks.counter(),
      floor: () => this.#told(marks.floor(this.#historyId)),
      raiseFloor: (seq) => this.#told(marks.raiseFloor(seq, this.#historyId)),
      sealed: () => marks.sealed(),
      storeSealed: (seq) => marks.storeSealed(seq),
      history: () => marks.history(),
      beginHistory: (next) => marks.beginHistory(next),
    }
  }

  #viewSnapshots(): SnapshotStore {
    const { snapshots } = this.#store
    return {
      save: (snapshot) => snapshots.save(snapshot),
      saveAll: (some) => snapshots.saveAll(some),
      at: (room, seq) => snapshotOutside(this.#voids, snapshots, { room, seq }),
      places: (rooms, seq) =>
        this.#voids.isEmpty ? snapshots.places(rooms, seq) : this.#places(rooms, seq),
      of: (places, maxBytes) => snapshots.of(places, maxBytes),
      delete: (cuts) => snapshots.delete(cuts),
    }
  }

  #told<T>(work: Promise<T>): Promise<T> {
    work.catch((error: unknown) => this.#tell(error))
    return work
  }

  #noteOutcome(outcome: InsertOutcome): void {
    if (outcome.kind === 'unknown') this.#tell(outcome.cause)
  }

  #tell(error: unknown): void {
    if (error instanceof RingsideError && error.code === 'log_restored') this.#onRestored(error)
  }

  /** Reads the parts of the range that are not void. */
  async #rangeAround(query: RangeQuery): Promise<LogEvent[]> {
    const { limit, maxBytes = Infinity } = query
    const found: LogEvent[] = []
    let bytes = 0
    for (const part of this.#voids.partsOf(query.after, query.upTo)) {
      const left = { limit: limit - found.length, maxBytes: maxBytes - bytes }
      const asked = { ...query, ...part, ...left }
      const page = await this.#store.events.range(asked)
      for (const event of page) {
        found.push(event)
        bytes += eventBytes(event)
      }
      if (isFullAnswer(page, asked)) break
    }
    return found
  }

  async #insert(batch: readonly LogEvent[]): Promise<InsertOutcome> {
    let storedCount = 0
    for (let meetings = 0; ; meetings++) {
      const outcome = await this.#store.events.insert(batch.slice(storedCount))
      if (outcome.kind !== 'blocked' && outcome.kind !== 'refused') return outcome
      storedCount += outcome.index
      if (outcome.kind === 'refused') return { ...outcome, index: storedCount }
      const next = await this.#unblock({ ...outcome, index: storedCount }, meetings)
      if (next) return next
    }
  }

  async #insertNext(
    count: number,
    make: (first: number) => readonly LogEvent[],
  ): Promise<InsertOutcome> {
    for (let meetings = 0; ; meetings++) {
      const outcome = await this.#store.events.insertNext(count, make, this.#historyId)
      this.#noteOutcome(outcome)
      if (outcome.kind !== 'blocked') return outcome
      const next = await this.#unblock(outcome, meetings)
      if (next) return next
    }
  }

  /** Deletes what blocks an insert if that is void: null, it may be tried again. */
  async #unblock(
    outcome: Extract<InsertOutcome, { kind: 'blocked' }>,
    meetings: number,
  ): Promise<InsertOutcome | null> {
    const { blocking } = outcome
    if (!blocking || !this.#voids.has(blocking.seq)) return outcome
    // Whoever waits and sends again finds out what became of it.
    if (meetings === MAX_MEETINGS) return { ...outcome, blocking: null }
    try {
      await this.#clear(blocking)
      return null
    } catch {
      return { ...outcome, blocking: null }
    }
  }

  #notVoid(read: () => Promise<LogEvent | null>): Promise<LogEvent | null> {
    return this.#voids.isEmpty ? read() : this.#firstNotVoid(read)
  }

  /** @throws RingsideError unavailable while something void comes back as fast as it is deleted. */
  async #firstNotVoid(read: () => Promise<LogEvent | null>): Promise<LogEvent | null> {
    for (let meetings = 0; meetings < MAX_MEETINGS; meetings++) {
      const found = await read()
      if (!found || !this.#voids.has(found.seq)) return found
      await this.#clear(found)
    }
    throw new RingsideError('unavailable', 'What is void stays in the log')
  }

  /** One that is void is deleted by the insert that it blocks. */
  async #messagesNotVoid(reading: Promise<LogEvent[]>): Promise<LogEvent[]> {
    const found = await reading
    return this.#voids.isEmpty ? found : found.filter(({ seq }) => !this.#voids.has(seq))
  }

  /** Where one event of another history is, others may be. */
  async #clear({ seq }: LogEvent): Promise<void> {
    const range = this.#voids.rangeOf(seq)
    if (range) await this.#store.events.deleteVoid(range)
  }

  async #places(rooms: readonly string[], seq: number): Promise<SnapshotPlace[]> {
    const found: SnapshotPlace[] = []
    const below = new Map<number, string[]>()
    for (const place of await this.#store.snapshots.places(rooms, seq)) {
      const range = this.#voids.rangeOf(place.seq)
      if (!range) found.push(place)
      else below.set(range.after, [...(below.get(range.after) ?? []), place.room])
    }
    for (const [upTo, some] of below) found.push(...(await this.#places(some, upTo)))
    return found
  }
}
