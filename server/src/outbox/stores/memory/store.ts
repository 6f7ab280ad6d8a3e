import { checkMembers, checkMethods } from '../../../process/argument.ts'
import { SystemClock, wallNow } from '../../../process/clock.ts'
import type { Clock } from '../../../process/clock.ts'
import { Listeners } from '../../../process/listeners.ts'
import type {
  CheckpointStore,
  EventStore,
  LogStore,
  MarkStore,
  RecordStore,
  RoomStore,
  SnapshotStore,
  StoreClock,
  WakeSource,
} from '../../contract/store.ts'
import { LatestTime } from '../latest-time.ts'
import { MemoryCheckpoints } from './checkpoints.ts'
import { MemoryEvents } from './events.ts'
import { MemoryMarks } from './marks.ts'
import { MemoryRecords } from './records.ts'
import { MemoryRooms } from './rooms.ts'
import { MemorySnapshots } from './snapshots.ts'

export interface MemoryStoreOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock
}

/**
 * The log in the process: the default, for one node. Several outboxes may share one, as several
 * processes would share a database. It holds what retention leaves of it.
 */
export class MemoryStore implements LogStore {
  readonly isLocal = true
  readonly events: EventStore
  readonly marks: MarkStore
  readonly snapshots: SnapshotStore = new MemorySnapshots()
  readonly rooms: RoomStore = new MemoryRooms()
  readonly checkpoints: CheckpointStore = new MemoryCheckpoints()
  readonly records: RecordStore
  readonly clock: StoreClock
  readonly wake: WakeSource
  readonly #events: MemoryEvents

  /** @throws RingsideError option_invalid. */
  constructor(options: MemoryStoreOptions = {}) {
    checkMembers('an option of a MemoryStore', options, ['clock'])
    const { clock = new SystemClock() } = options
    checkMethods('clock', clock, ['now', 'after', 'soon'])
    const listeners = new Listeners<[]>()
    const latest = new LatestTime()
    this.clock = { now: () => latest.take(wallNow(clock)) }
    this.records = new MemoryRecords(this.clock)
    // A later process begins higher, so that its log never takes an id of this one for its own.
    const marks = new MemoryMarks(this.clock.now() * 1000)
    this.marks = marks
    this.events = this.#events = new MemoryEvents({
      marks,
      onInserted: () => listeners.call(),
    })
    this.wake = { subscribe: (wake) => listeners.add(wake) }
  }

  get keptBytes(): number {
    return this.#events.keptBytes
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {}
}
