import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import type { Logger } from '../../process/logger.ts'
import { eventBytes } from '../contract/sizes.ts'
import { SnapshotCheck, eventFault, refusedError } from './checks.ts'
import type {
  NewEvent,
  OutboxOptions,
  RoomLog,
  RoomLogHandlers,
  SnapshotInput,
} from '../contract/outbox.ts'
import type { MarkerOutcome, Ownership } from './ownership.ts'
import { PendingEvents } from './pending-events.ts'
import type { PendingTotal } from './pending-total.ts'
import type { EventOwner, Pending } from './pending-events.ts'
import { isOpen } from '../contract/room-who.ts'
import type { RoomWho } from '../contract/room-who.ts'
import { END, OWNER, PATCH, isShownAsPatch, patchNOf, roomEndOf } from '../contract/store.ts'
import type { LogEvent, RoomEnd, Snapshot } from '../contract/store.ts'

/** The parts of the log that a room's buffer needs. */
export interface BufferContext {
  readonly options: OutboxOptions
  /** It counts for all rooms of the process. */
  readonly total: PendingTotal
  readonly clock: Clock
  readonly logger: Logger
  readonly enqueue: (pending: Pending) => void
  /** Resolves with false when it was dropped. */
  readonly saveSnapshot: (snapshot: Snapshot) => Promise<boolean>
  readonly onOver: (buffer: RoomBuffer) => void
  /** So many accepted events of the room will not be written: the log was given up, or stopped. */
  readonly onLost: (room: string, count: number) => void
}

/**
 * The bounded buffer of one ownership of a room (OB72). States: `open` takes events; `refused` (an event
 * can never be written) and `ended` (`end` was appended) keep what was accepted and take nothing more,
 * but `refused` still takes `end` (OB8); `over` (closed, fenced, abandoned) holds nothing. Whatever was accepted
 * is acknowledged, or `durable` and `close` reject with why it never will be (OB74).
 */
export class RoomBuffer implements RoomLog, EventOwner {
  readonly room: string
  readonly epoch: number
  readonly own: string
  readonly #context: BufferContext
  readonly #handlers: RoomLogHandlers
  #state: 'open' | 'refused' | 'ended' | 'over' = 'open'
  readonly #pending: PendingEvents
  readonly #stopWaiting: () => void
  #isBlocked = false
  /** The greatest n that was bound so far. */
  #n: number
  #patchN: number
  #at: number
  /** Who sees the room at `#n`, and at the last event that is acknowledged (OB126). */
  #who: RoomWho | null
  #acknowledgedWho: RoomWho | null
  #acknowledged: { readonly n: number; readonly seq: number; readonly at: number }
  /** n of the last patch that is acknowledged. */
  #acknowledgedPatchN: number
  /** n of the newest snapshot, captured or asked for. */
  #snapshotN: number
  /** True once the newest snapshot that was handed over is stored. */
  #isSnapshotStored = Promise.resolve(false)
  /** The reason for which something that the room has recorded will never be durable. */
  #dropCause: Error | null = null
  /** The reason for which the ownership ended before it was closed. */
  #overCause: Error | null = null
  #isAbandoned = false
  #end: RoomEnd | null = null
  #onMarker: ((outcome: MarkerOutcome) => void) | null = null
  readonly #snapshotCheck: SnapshotCheck

  constructor(ownership: Ownership, handlers: RoomLogHandlers, context: BufferContext) {
    this.room = ownership.room
    this.epoch = ownership.epoch
    this.own = ownership.own
    this.#handlers = handlers
    this.#context = context
    this.#pending = new PendingEvents(context.total)
    this.#stopWaiting = context.total.onRelief(() => this.#relieved())
    this.#snapshotCheck = new SnapshotCheck(ownership.room, context.logger)
    this.#n = ownership.from.n
    this.#patchN = ownership.from.patchN
    this.#at = ownership.from.at
    this.#who = ownership.from.who
    this.#acknowledgedWho = ownership.from.who
    this.#acknowledged = ownership.from
    this.#acknowledgedPatchN = ownership.from.patchN
    this.#snapshotN = ownership.from.n
  }

  get acknowledgedN(): number {
    return this.#acknowledged.n
  }

  get end(): RoomEnd | null {
    return this.#end
  }

  get hasPending(): boolean {
    return this.#pending.count > 0
  }

  get isFull(): boolean {
    const { options, total, clock } = this.#context
    if (this.#state !== 'open' || this.#isBlocked || total.isFull) return true
    if (this.#pending.isAtBound(options)) return true
    const { oldest } = this.#pending
    return oldest !== undefined && clock.now() - oldest.since > options.maxOutboxLagMs
  }

  /**
   * Writes the marker that makes this ownership valid (OB4): the first event of the buffer. `since` is when
   * the log was looked at.
   */
  appendMarker(since: number, onOutcome: (outcome: MarkerOutcome) => void): void {
    this.#onMarker = onOutcome
    const data = JSON.stringify({ epoch: this.epoch })
    this.#push({ type: OWNER, data }, data.length, since)
  }

  append(event: NewEvent): boolean {
    const isEnd = event.type === END
    if (this.#state !== 'open' && !(isEnd && this.#state === 'refused')) return false
    const { options } = this.#context
    const bytes = eventBytes(event)
    const fault = eventFault(event, bytes, options.maxEventBytes)
    if (fault) {
      this.#dropCause ??= refusedError(fault)
      this.#refuseOwn(fault)
      return false
    }
    const isPressed = this.#pending.isPressed(options)
    if (isPressed && event.type === PATCH && this.#pending.fold(event, options)) return true
    // A room's end is one event and must not be lost to its own fullness.
    if (!isEnd && !this.#pending.hasRoomFor(bytes, options)) {
      this.#isBlocked = true
      return false
    }
    if (isEnd) this.#state = 'ended'
    this.#push(event, bytes)
    return true
  }

  snapshot(state: SnapshotInput): void {
    const last = this.#pending.newest
    if (this.#state === 'over') return
    const fault = this.#snapshotCheck.faultOf(state)
    if (fault) this.#refuseOwn(fault)
    else if (last) last.snapshot = state
    else if (this.#acknowledged.n > 0) this.#save(state)
  }

  handOver(state: SnapshotInput): Promise<void> {
    return handled(this.#handOver(state))
  }

  async #handOver(state: SnapshotInput): Promise<void> {
    this.#isSnapshotStored = Promise.resolve(false)
    this.snapshot(state)
    await this.durable()
    if (!(await this.#isSnapshotStored))
      throw new RingsideError('unavailable', `The snapshot of room '${this.room}' was not stored`)
  }

  #refuseOwn(fault: RingsideError): void {
    if (this.#state !== 'open') return
    this.#state = 'refused'
    // It is told in a turn of its own: the room is in the middle of something.
    this.#context.clock.soon(() => this.#tell(() => this.#handlers.onRefused(fault)))
  }

  durable(): Promise<void> {
    if (this.#dropCause === null && this.#state !== 'over') return handled(this.#pending.flushed())
    return handled(Promise.reject(this.#dropCause ?? this.#overError()))
  }

  close(last: readonly NewEvent[] = []): Promise<void> {
    return handled(this.#close(last))
  }

  async #close(last: readonly NewEvent[]): Promise<void> {
    const wasOver = this.#state === 'over'
    if (wasOver && this.#isAbandoned && last.length > 0)
      this.#context.onLost(this.room, last.length)
    if (!wasOver) {
      for (const event of last) this.#appendLast(event)
      this.#state = 'ended'
      // It waits more than once where an event was refused and `end` goes after it. `#dropCause` says why.
      while (this.#pending.count > 0) await this.#pending.flushed().catch(() => {})
      this.#finish(null)
    }
    if (this.#dropCause) throw this.#dropCause
    if (wasOver && last.length > 0) throw this.#overError()
  }

  /** Takes a last event beyond the bound; after a refusal it takes only `end`. */
  #appendLast(event: NewEvent): void {
    const isEnd = event.type === END
    if (this.#state === 'ended' && isEnd) return
    if (this.#state === 'ended' || (this.#state === 'refused' && !isEnd)) {
      this.#dropCause ??= this.#overError()
      return
    }
    const bytes = eventBytes(event)
    const fault = eventFault(event, bytes, this.#context.options.maxEventBytes)
    if (fault) {
      this.#state = 'refused'
      this.#dropCause ??= refusedError(fault)
      this.#context.logger.error({ roomId: this.room, err: fault }, 'a last event was refused')
    } else this.#push(event, bytes)
  }

  bind(pending: Pending, seq: number, now: number): LogEvent {
    this.#pending.markSent()
    this.#n++
    this.#at = Math.max(this.#at, now)
    const prev = this.#patchN
    if (isShownAsPatch(pending.type)) this.#patchN = this.#n
    const { type, data, hidden } = pending
    const { room, epoch, own } = this
    const event = { seq, room, n: this.#n, epoch, own, type, at: this.#at, data, hidden, prev }
    this.#who = pending.who ?? this.#who
    const isSaid = pending.who !== undefined || (this.#who !== null && !isOpen(this.#who))
    return isSaid && this.#who ? { ...event, who: this.#who } : event
  }

  acknowledge(event: LogEvent): void {
    const { clock, options } = this.#context
    const wasAtBound = this.#pending.isAtBound(options)
    const done = this.#pending.shift()
    if (!done) return
    if (wasAtBound || clock.now() - done.since > options.maxOutboxLagMs) this.#isBlocked = true
    this.#acknowledged = event
    this.#acknowledgedPatchN = patchNOf(event)
    this.#acknowledgedWho = event.who ?? this.#acknowledgedWho
    this.#end = roomEndOf(event)
    for (const waiter of done.waiters ?? []) waiter.resolve()
    if (done.snapshot) this.#save(done.snapshot)
    if (this.#onMarker) {
      const onMarker = this.#onMarker
      this.#onMarker = null
      onMarker({ kind: 'owned' })
    }
    if (event.n - this.#snapshotN >= options.snapshotEvery) this.askForSnapshot()
    this.#wakeIfWritable()
  }

  /** Asks the room for a snapshot; false when it is ending, or was refused: none will come. */
  askForSnapshot(): boolean {
    if (this.#state !== 'open') return false
    this.#snapshotN = this.#acknowledged.n
    this.#tell(() => this.#handlers.onSnapshotDue())
    return true
  }

  fence(blocking: LogEvent): void {
    if (this.#state === 'over') return
    const onMarker = this.#onMarker
    this.#finish(new RingsideError('room_taken'))
    if (onMarker) onMarker({ kind: 'lost', to: blocking })
    else this.#tell(() => this.#handlers.onFenced())
  }

  refuse(event: LogEvent | null, cause: unknown): void {
    if (this.#state === 'over') return
    const onMarker = this.#onMarker
    if (onMarker) {
      this.#finish(refusedError(cause))
      onMarker({ kind: 'failed', cause })
      return
    }
    this.#state = 'refused'
    if (event) {
      // Its n was never used: the room's `end` may have it.
      this.#n = event.n - 1
      this.#patchN = event.prev
    }
    const end = this.#drop(refusedError(cause)).find(({ type }) => type === END)
    if (end && event?.type !== END) {
      this.#state = 'ended'
      this.#push(end, end.bytes)
    }
    this.#tell(() => this.#handlers.onRefused(cause))
  }

  abandon(cause: Error): void {
    if (this.#state === 'over') return
    const onMarker = this.#onMarker
    const lostCount = this.#pending.count
    this.#isAbandoned = true
    this.#finish(cause)
    if (onMarker) {
      onMarker({ kind: 'failed', cause })
      return
    }
    if (lostCount > 0) this.#context.onLost(this.room, lostCount)
    this.#tell(() => this.#handlers.onGivenUp())
  }

  #push(event: NewEvent, bytes: number, since = this.#context.clock.now()): void {
    const pending: Pending = {
      owner: this,
      type: event.type,
      data: event.data,
      hidden: event.hidden ?? null,
      who: event.who,
      bytes,
      since,
      minSeq: this.#acknowledged.seq,
      snapshot: null,
      waiters: null,
    }
    this.#pending.push(pending)
    this.#context.enqueue(pending)
  }

  #save(state: SnapshotInput): void {
    const { n, seq, at } = this.#acknowledged
    this.#snapshotN = n
    const { room, epoch } = this
    const patchN = this.#acknowledgedPatchN
    const who = this.#acknowledgedWho
    const snapshot = { room, n, seq, epoch, at, patchN, ...state, ...(who ? { who } : {}) }
    this.#isSnapshotStored = this.#context.saveSnapshot(snapshot)
  }

  /** All rooms were full, and so was this one, however little it holds. */
  #relieved(): void {
    this.#isBlocked = true
    this.#wakeIfWritable()
  }

  /** The room goes on when it is half empty: with less, it would stop and go with every acknowledgement. */
  #wakeIfWritable(): void {
    const { options, clock } = this.#context
    if (!this.#isBlocked || this.#state !== 'open' || this.#context.total.isFull) return
    if (!this.#pending.isHalfEmpty(options)) return
    const { oldest } = this.#pending
    if (oldest && clock.now() - oldest.since > options.maxOutboxLagMs) return
    this.#isBlocked = false
    this.#tell(() => this.#handlers.onWritable())
  }

  /** `cause` = null: everything was written, or dropped before. */
  #finish(cause: Error | null): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#overCause = cause
    this.#onMarker = null
    this.#stopWaiting()
    if (cause) this.#drop(cause)
    this.#context.onOver(this)
  }

  #drop(cause: Error): Pending[] {
    const dropped = this.#pending.clear()
    if (dropped.length > 0) this.#dropCause ??= cause
    for (const { waiters } of dropped) for (const waiter of waiters ?? []) waiter.reject(cause)
    return dropped
  }

  #overError(): Error {
    const text = `The ownership of room '${this.room}' is over`
    return this.#overCause ?? new RingsideError('room_over', text)
  }

  #tell(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#context.logger.error({ roomId: this.room, err: error }, 'a handler of a log threw')
    }
  }
}

/** A caller that does not ask how it went must not end the process by that. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => {})
  return promise
}
