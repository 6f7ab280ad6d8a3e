import { SystemClock } from '../../../process/clock.ts'
import type { Clock } from '../../../process/clock.ts'
import { eventBytes } from '../../append/event-check.ts'
import { MemoryRecords } from './records.ts'
import { MemoryRoom } from './room.ts'
import { PageGauge } from '../../read/page-gauge.ts'
import { snapshotBytes } from '../../keep/snapshot-check.ts'
import { TOMBSTONE } from '../../contract/store.ts'
import type {
  Checkpoint,
  InsertOutcome,
  LogEvent,
  LogStore,
  RangeQuery,
  RoomRecord,
  Snapshot,
  SnapshotCut,
  SnapshotPlace,
} from '../../contract/store.ts'

/** Operations of a store that a test may delay or let fail. */
export type StoreOperation = 'allocate' | 'insert' | 'insertNext' | 'read' | 'write'

/** Where a test gets between: delays, failures, writes that land late, twice or in part. */
export interface MemoryStoreHooks {
  /** Awaited before each operation; what it throws is the operation's failure. */
  before?(operation: StoreOperation): void | Promise<void>
  /**
   * Stands in for each insert. `apply` does what the store would have done, now, with these events
   * or a prefix of them, as often as it is called.
   */
  insert?(
    events: readonly LogEvent[],
    apply: (events: readonly LogEvent[]) => InsertOutcome,
  ): Promise<InsertOutcome>
}

export interface MemoryStoreOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock
  readonly hooks?: MemoryStoreHooks
}

/** Checkpoints kept; the oldest go first. */
const MAX_CHECKPOINTS = 100_000

/**
 * The log in the process: the default, for one node. Several outboxes may share one, as several
 * processes would share a database. It holds what retention leaves of it.
 */
export class MemoryStore implements LogStore {
  readonly isLocal = true
  readonly #clock: Clock
  readonly #hooks: MemoryStoreHooks
  readonly #origin: number
  readonly #rooms = new Map<string, MemoryRoom>()
  readonly #listeners = new Set<() => void>()
  readonly #records = new MemoryRecords()
  readonly #checkpoints = new Map<string, number>()
  /** Event with seq `#base + 1 + i` at index i; holes are undefined. */
  #slots: (LogEvent | undefined)[] = []
  /** Of `data` and `hidden` of all of them. */
  #keptBytes = 0
  /** Everything at or below it was deleted. */
  #base: number
  #counter: number
  #floor: number
  #sealed: number

  constructor(options: MemoryStoreOptions = {}) {
    this.#clock = options.clock ?? new SystemClock()
    this.#hooks = options.hooks ?? {}
    // A later process begins higher, so that its log never takes an id of this one for its own.
    this.#origin = this.#clock.now() * 1000
    this.#base = this.#counter = this.#floor = this.#sealed = this.#origin
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  now(): number {
    return this.#clock.now()
  }

  async allocate(count: number): Promise<number> {
    await this.#hooks.before?.('allocate')
    const first = this.#counter + 1
    this.#counter += count
    return first
  }

  async counter(): Promise<number> {
    await this.#hooks.before?.('read')
    return this.#counter
  }

  async origin(): Promise<number> {
    return this.#origin
  }

  async insert(events: readonly LogEvent[]): Promise<InsertOutcome> {
    try {
      await this.#hooks.before?.('insert')
      if (this.#hooks.insert) return await this.#hooks.insert(events, (some) => this.#apply(some))
    } catch (cause) {
      return { kind: 'unknown', cause }
    }
    return this.#apply(events)
  }

  async insertNext(
    count: number,
    make: (first: number) => readonly LogEvent[],
  ): Promise<InsertOutcome> {
    try {
      await this.#hooks.before?.('insertNext')
    } catch (cause) {
      make(this.#counter + 1)
      return { kind: 'unknown', cause }
    }
    const events = make(this.#counter + 1)
    const places = new Set<string>()
    for (const [index, event] of events.entries()) {
      const blocking = this.#blocking(event)
      const place = `${event.n} ${event.room}`
      if (blocking || (event.n > 0 && places.has(place)))
        return { kind: 'blocked', index, blocking }
      places.add(place)
    }
    this.#counter += count
    return this.#apply(events)
  }

  async bySeq(seq: number): Promise<LogEvent | null> {
    await this.#hooks.before?.('read')
    return this.#slots[seq - this.#base - 1] ?? null
  }

  async byRoomN(room: string, n: number): Promise<LogEvent | null> {
    await this.#hooks.before?.('read')
    return this.#rooms.get(room)?.byN(n) ?? null
  }

  async range(query: RangeQuery): Promise<LogEvent[]> {
    await this.#hooks.before?.('read')
    const gauge = new PageGauge(query)
    const found: LogEvent[] = []
    for (const event of this.#eventsOf(query)) {
      found.push(query.isBare ? { ...event, data: '', hidden: null } : event)
      if (gauge.isFullWith(event)) break
    }
    return found
  }

  *#eventsOf(query: RangeQuery): Iterable<LogEvent> {
    const { room, rooms } = query
    if (room !== undefined) yield* this.#rooms.get(room)?.range(query) ?? []
    else if (rooms)
      yield* rooms
        .flatMap((each) => this.#rooms.get(each)?.range(query) ?? [])
        .sort((a, b) => a.seq - b.seq)
    else {
      const end = Math.min(query.upTo - this.#base, this.#slots.length)
      for (let i = Math.max(0, query.after - this.#base); i < end; i++) {
        const event = this.#slots[i]
        if (event) yield event
      }
    }
  }

  async lastOfRoom(room: string): Promise<LogEvent | null> {
    await this.#hooks.before?.('read')
    return this.#rooms.get(room)?.last ?? null
  }

  async floor(): Promise<number> {
    await this.#hooks.before?.('read')
    return this.#floor
  }

  async raiseFloor(seq: number): Promise<void> {
    await this.#hooks.before?.('write')
    this.#floor = Math.max(this.#floor, seq)
    this.#counter = Math.max(this.#counter, seq)
  }

  async deleteThrough(seq: number): Promise<number> {
    await this.#hooks.before?.('write')
    const gone = this.#slots.splice(0, Math.max(0, seq - this.#base))
    this.#base += gone.length
    const rooms = new Set<string>()
    let count = 0
    for (const event of gone) {
      if (!event) continue
      count++
      this.#keptBytes -= eventBytes(event)
      if (event.room !== null) rooms.add(event.room)
    }
    for (const room of rooms) {
      this.#rooms.get(room)?.deleteThrough(this.#base)
      this.#forgetIfEmpty(room)
    }
    return count
  }

  async sealed(): Promise<number> {
    await this.#hooks.before?.('read')
    return this.#sealed
  }

  async storeSealed(seq: number): Promise<void> {
    await this.#hooks.before?.('write')
    this.#sealed = Math.max(this.#sealed, seq)
  }

  async saveSnapshot(snapshot: Snapshot): Promise<void> {
    await this.#hooks.before?.('write')
    this.#room(snapshot.room).saveSnapshot(snapshot)
  }

  async snapshotAt(room: string, seq: number): Promise<Snapshot | null> {
    await this.#hooks.before?.('read')
    return this.#rooms.get(room)?.snapshotAt(seq) ?? null
  }

  async saveSnapshots(snapshots: readonly Snapshot[]): Promise<void> {
    await this.#hooks.before?.('write')
    for (const snapshot of snapshots) this.#room(snapshot.room).saveSnapshot(snapshot)
  }

  async snapshotPlaces(rooms: readonly string[], seq: number): Promise<SnapshotPlace[]> {
    await this.#hooks.before?.('read')
    const places: SnapshotPlace[] = []
    for (const room of rooms) {
      const found = this.#rooms.get(room)?.snapshotAt(seq)
      if (found) places.push({ room, seq: found.seq })
    }
    return places
  }

  async snapshotsOf(places: readonly SnapshotPlace[], maxBytes: number): Promise<Snapshot[]> {
    await this.#hooks.before?.('read')
    const found: Snapshot[] = []
    let bytes = 0
    for (const { room, seq } of places) {
      const snapshot = this.#rooms.get(room)?.snapshotOf(seq)
      if (!snapshot) continue
      found.push(snapshot)
      bytes += snapshotBytes(snapshot)
      if (bytes >= maxBytes) break
    }
    return found
  }

  async deleteSnapshots(cuts: readonly SnapshotCut[]): Promise<void> {
    await this.#hooks.before?.('write')
    for (const { room, below } of cuts) {
      this.#rooms.get(room)?.deleteSnapshotsBelow(below)
      this.#forgetIfEmpty(room)
    }
  }

  async saveRoom(record: RoomRecord): Promise<void> {
    await this.#hooks.before?.('write')
    this.#records.save(record)
  }

  async livingRooms(after: string, limit: number): Promise<RoomRecord[]> {
    await this.#hooks.before?.('read')
    return this.#records.living(after, limit)
  }

  async endedRooms(limit: number): Promise<RoomRecord[]> {
    await this.#hooks.before?.('read')
    return this.#records.ended(limit)
  }

  async saveCheckpoints(checkpoints: readonly Checkpoint[]): Promise<void> {
    await this.#hooks.before?.('write')
    for (const { clientId, seq } of checkpoints) {
      const known = this.#checkpoints.get(clientId) ?? 0
      this.#checkpoints.delete(clientId)
      this.#checkpoints.set(clientId, Math.max(known, seq))
    }
    for (const clientId of this.#checkpoints.keys()) {
      if (this.#checkpoints.size <= MAX_CHECKPOINTS) break
      this.#checkpoints.delete(clientId)
    }
  }

  async checkpoint(clientId: string): Promise<number | null> {
    await this.#hooks.before?.('read')
    return this.#checkpoints.get(clientId) ?? null
  }

  subscribe(wake: () => void): () => void {
    // A wrapper of its own: the same function may subscribe twice.
    const listener = (): void => wake()
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #apply(events: readonly LogEvent[]): InsertOutcome {
    let outcome: InsertOutcome = { kind: 'stored' }
    for (const [index, event] of events.entries()) {
      const blocking = this.#blocking(event)
      if (blocking) {
        outcome = { kind: 'blocked', index, blocking }
        break
      }
      this.#put(event)
    }
    for (const wake of this.#listeners) wake()
    return outcome
  }

  #put(event: LogEvent): void {
    const index = event.seq - this.#base - 1
    while (this.#slots.length < index) this.#slots.push(undefined)
    this.#slots[index] = event
    this.#keptBytes += eventBytes(event)
    this.#counter = Math.max(this.#counter, event.seq)
    if (event.room !== null) this.#room(event.room).add(event)
  }

  #blocking(event: LogEvent): LogEvent | null {
    // What retention has deleted is taken still: a write that late must not vanish unseen.
    if (event.seq <= this.#base)
      return { ...event, room: null, n: 0, epoch: 0, own: '', type: TOMBSTONE, data: '' }
    const bySeq = this.#slots[event.seq - this.#base - 1]
    if (bySeq || event.room === null || event.n === 0) return bySeq ?? null
    return this.#rooms.get(event.room)?.byN(event.n) ?? null
  }

  #room(id: string): MemoryRoom {
    let room = this.#rooms.get(id)
    if (!room) this.#rooms.set(id, (room = new MemoryRoom()))
    return room
  }

  #forgetIfEmpty(id: string): void {
    if (this.#rooms.get(id)?.isEmpty) this.#rooms.delete(id)
  }
}
