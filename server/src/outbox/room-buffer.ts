import type { Clock } from '../clock.ts'
import { RingsideError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { eventBytes, eventFault } from './event-check.ts'
import type { NewEvent, OutboxOptions, RoomLog, RoomLogHandlers, SnapshotInput } from './outbox.ts'
import { composePatches } from './patch-merge.ts'
import type { EventOwner, Pending } from './pending.ts'
import { SnapshotCheck } from './snapshot-check.ts'
import { END, OWNER, PATCH, patchNOf } from './store.ts'
import type { LogEvent, Snapshot } from './store.ts'

/** Where a room's log stands when an ownership begins: what the last event before it was. */
export interface RoomPosition {
  readonly n: number
  readonly seq: number
  readonly at: number
  /** n of the last patch. */
  readonly patchN: number
}

/** Who owns the room and from where. */
export interface Ownership {
  readonly room: string
  readonly epoch: number
  readonly own: string
  readonly from: RoomPosition
}

/** What a room's buffer needs from the log around it. */
export interface BufferContext {
  readonly options: OutboxOptions
  readonly clock: Clock
  readonly logger: Logger
  readonly enqueue: (pending: Pending) => void
  readonly saveSnapshot: (snapshot: Snapshot) => void
  readonly onOver: (buffer: RoomBuffer) => void
  readonly onCoalesced: () => void
}

/** How the attempt to write the marker ended. */
export type MarkerOutcome =
  | { readonly kind: 'owned' }
  | { readonly kind: 'lost'; readonly to: LogEvent }
  | { readonly kind: 'failed'; readonly cause: unknown }

/**
 * The bounded buffer of one ownership of a room (OB7). States: `open` takes events; `refused` (an event
 * can never be written) and `ended` (`end` was appended) keep what was accepted and take nothing more,
 * but `refused` still takes `end`; `over` (closed, fenced, abandoned) holds nothing.
 */
export class RoomBuffer implements RoomLog, EventOwner {
  readonly room: string
  readonly epoch: number
  readonly own: string
  readonly #context: BufferContext
  readonly #handlers: RoomLogHandlers
  #state: 'open' | 'refused' | 'ended' | 'over' = 'open'
  /** Accepted and unacknowledged, oldest first. */
  #pending: Pending[] = []
  #pendingBytes = 0
  /** How many of `#pending` have been sent; they never change any more. */
  #sentCount = 0
  #isBlocked = false
  /** Numbers bound so far. */
  #n: number
  #patchN: number
  #at: number
  #acknowledged: { readonly n: number; readonly seq: number; readonly at: number }
  /** n of the last patch that is acknowledged. */
  #acknowledgedPatchN: number
  /** n of the newest snapshot, captured or asked for. */
  #snapshotN: number
  /** Why accepted events were dropped: they will never be durable. */
  #dropCause: Error | null = null
  #onMarker: ((outcome: MarkerOutcome) => void) | null = null
  readonly #snapshotCheck: SnapshotCheck

  constructor(ownership: Ownership, handlers: RoomLogHandlers, context: BufferContext) {
    this.room = ownership.room
    this.epoch = ownership.epoch
    this.own = ownership.own
    this.#handlers = handlers
    this.#context = context
    this.#snapshotCheck = new SnapshotCheck(ownership.room, context.logger)
    this.#n = ownership.from.n
    this.#patchN = ownership.from.patchN
    this.#at = ownership.from.at
    this.#acknowledged = ownership.from
    this.#acknowledgedPatchN = ownership.from.patchN
    this.#snapshotN = ownership.from.n
  }

  get acknowledgedN(): number {
    return this.#acknowledged.n
  }

  get isFull(): boolean {
    const { maxPendingEvents, maxPendingBytes, maxOutboxLagMs } = this.#context.options
    if (this.#state !== 'open' || this.#isBlocked) return true
    if (this.#pending.length >= maxPendingEvents || this.#pendingBytes >= maxPendingBytes)
      return true
    const oldest = this.#pending[0]
    return oldest !== undefined && this.#context.clock.now() - oldest.since > maxOutboxLagMs
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
      this.#refuseOwn(fault)
      return false
    }
    const isPressed =
      this.#pending.length * 2 >= options.maxPendingEvents ||
      this.#pendingBytes * 2 >= options.maxPendingBytes
    if (isPressed && event.type === PATCH && this.#coalesce(event)) return true
    const isOverBound =
      this.#pending.length >= options.maxPendingEvents ||
      this.#pendingBytes + bytes > options.maxPendingBytes
    // A room's end is one event and must not be lost to its own fullness.
    if (isOverBound && !isEnd) {
      this.#isBlocked = true
      return false
    }
    if (isEnd) this.#state = 'ended'
    this.#push(event, bytes)
    return true
  }

  snapshot(state: SnapshotInput): void {
    const last = this.#pending[this.#pending.length - 1]
    if (this.#state === 'over') return
    const fault = this.#snapshotCheck.faultOf(state)
    if (fault) this.#refuseOwn(fault)
    else if (last) last.snapshot = state
    else if (this.#acknowledged.n > 0) this.#save(state)
  }

  #refuseOwn(fault: RingsideError): void {
    if (this.#state !== 'open') return
    this.#state = 'refused'
    // In a turn of its own: the room is in the middle of something.
    this.#context.clock.soon(() => this.#tell(() => this.#handlers.onRefused(fault)))
  }

  async durable(): Promise<void> {
    if (this.#state === 'over') throw this.#overError()
    if (this.#dropCause !== null) throw this.#dropCause
    await this.#flushed()
  }

  #flushed(): Promise<void> {
    const last = this.#pending[this.#pending.length - 1]
    if (!last) return Promise.resolve()
    return new Promise((resolve, reject) => {
      last.waiters ??= []
      last.waiters.push({ resolve, reject })
    })
  }

  async close(last: readonly NewEvent[] = []): Promise<void> {
    if (this.#state === 'over') return
    for (const event of last) {
      if (this.#state === 'ended' || (this.#state === 'refused' && event.type !== END)) continue
      const bytes = eventBytes(event)
      const fault = eventFault(event, bytes, this.#context.options.maxEventBytes)
      if (fault) {
        this.#state = 'refused'
        this.#context.logger.error({ roomId: this.room, err: fault }, 'a last event was refused')
      } else this.#push(event, bytes)
    }
    this.#state = 'ended'
    // Rejected when the ownership was lost meanwhile: then it is given up already.
    await this.#flushed().catch(() => {})
    this.#finish(null)
  }

  bind(pending: Pending, seq: number, now: number): LogEvent {
    this.#sentCount++
    this.#n++
    this.#at = Math.max(this.#at, now)
    const prev = this.#patchN
    if (pending.type === PATCH) this.#patchN = this.#n
    const { type, data, hidden } = pending
    const { room, epoch, own } = this
    return { seq, room, n: this.#n, epoch, own, type, at: this.#at, data, hidden, prev }
  }

  acknowledge(event: LogEvent): void {
    const done = this.#pending.shift()
    if (!done) return
    this.#sentCount--
    const { clock, options } = this.#context
    const wasLate = clock.now() - done.since > options.maxOutboxLagMs
    if (
      wasLate ||
      this.#pending.length + 1 >= options.maxPendingEvents ||
      this.#pendingBytes >= options.maxPendingBytes
    )
      this.#isBlocked = true
    this.#pendingBytes -= done.bytes
    this.#acknowledged = event
    this.#acknowledgedPatchN = patchNOf(event)
    this.#resolve(done)
    if (done.snapshot) this.#save(done.snapshot)
    if (this.#onMarker) {
      const onMarker = this.#onMarker
      this.#onMarker = null
      onMarker({ kind: 'owned' })
    }
    if (event.n - this.#snapshotN >= options.snapshotEvery) this.askForSnapshot()
    this.#wakeIfWritable()
  }

  /** Asks the room for a snapshot unless it is ending. */
  askForSnapshot(): void {
    if (this.#state !== 'open') return
    this.#snapshotN = this.#acknowledged.n
    this.#tell(() => this.#handlers.onSnapshotDue())
  }

  fence(blocking: LogEvent): void {
    const wasOver = this.#state === 'over'
    const onMarker = this.#onMarker
    this.#finish(null)
    if (onMarker) onMarker({ kind: 'lost', to: blocking })
    else if (!wasOver) this.#tell(() => this.#handlers.onFenced())
  }

  refuse(event: LogEvent | null, cause: unknown): void {
    const onMarker = this.#onMarker
    if (onMarker) {
      this.#finish(cause)
      onMarker({ kind: 'failed', cause })
      return
    }
    if (this.#state === 'over') return
    this.#state = 'refused'
    this.#dropCause = new RingsideError('outbox_unreachable', 'An event was refused', { cause })
    const dropped = this.#pending.splice(0)
    this.#pendingBytes = 0
    this.#sentCount = 0
    if (event) {
      // Its n was never used: the room's `end` may have it.
      this.#n = event.n - 1
      this.#patchN = event.prev
    }
    for (const pending of dropped) this.#reject(pending, this.#dropCause)
    this.#tell(() => this.#handlers.onRefused(cause))
  }

  abandon(cause: unknown): void {
    const handlers = this.#handlers
    const wasOver = this.#state === 'over'
    if (!handlers.onGivenUp || this.#onMarker) this.refuse(null, cause)
    this.#finish(cause)
    if (!wasOver) this.#tell(() => handlers.onGivenUp?.())
  }

  #push(event: NewEvent, bytes: number, since = this.#context.clock.now()): void {
    const pending: Pending = {
      owner: this,
      type: event.type,
      data: event.data,
      hidden: event.hidden ?? null,
      bytes,
      since,
      minSeq: this.#acknowledged.seq,
      snapshot: null,
      waiters: null,
    }
    this.#pending.push(pending)
    this.#pendingBytes += bytes
    this.#context.enqueue(pending)
  }

  /** Folds a patch into the unsent patch right before it, if there is one (OB7). */
  #coalesce(event: NewEvent): boolean {
    if (this.#pending.length <= this.#sentCount) return false
    const last = this.#pending[this.#pending.length - 1]
    if (!last || last.type !== PATCH || last.snapshot) return false
    const data = composePatches(last.data, event.data)
    if (data === null) return false
    let hidden = last.hidden ?? event.hidden ?? null
    if (last.hidden && event.hidden) {
      hidden = composePatches(last.hidden, event.hidden)
      if (hidden === null) return false
    }
    const bytes = eventBytes({ type: PATCH, data, hidden })
    const { maxEventBytes, maxPendingBytes } = this.#context.options
    const pendingBytes = this.#pendingBytes - last.bytes + bytes
    if (bytes > maxEventBytes || pendingBytes > maxPendingBytes) return false
    last.data = data
    last.hidden = hidden
    last.bytes = bytes
    this.#pendingBytes = pendingBytes
    this.#context.onCoalesced()
    return true
  }

  #save(state: SnapshotInput): void {
    const { n, seq, at } = this.#acknowledged
    this.#snapshotN = n
    const { room, epoch } = this
    const patchN = this.#acknowledgedPatchN
    this.#context.saveSnapshot({ room, n, seq, epoch, at, patchN, ...state })
  }

  /** Half empty again: with less, a full room would stop and go with every acknowledgement. */
  #wakeIfWritable(): void {
    const { options, clock } = this.#context
    if (!this.#isBlocked || this.#state !== 'open') return
    if (this.#pending.length * 2 > options.maxPendingEvents) return
    if (this.#pendingBytes * 2 > options.maxPendingBytes) return
    const oldest = this.#pending[0]
    if (oldest && clock.now() - oldest.since > options.maxOutboxLagMs) return
    this.#isBlocked = false
    this.#tell(() => this.#handlers.onWritable())
  }

  #finish(cause: unknown): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#onMarker = null
    const dropped = this.#pending.splice(0)
    this.#pendingBytes = 0
    this.#sentCount = 0
    for (const pending of dropped) this.#reject(pending, cause ?? this.#overError())
    this.#context.onOver(this)
  }

  #resolve(pending: Pending): void {
    for (const waiter of pending.waiters ?? []) waiter.resolve()
  }

  #reject(pending: Pending, cause: unknown): void {
    for (const waiter of pending.waiters ?? []) waiter.reject(cause)
  }

  #overError(): RingsideError {
    return new RingsideError('room_over', `The ownership of room '${this.room}' is over`)
  }

  #tell(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#context.logger.error({ roomId: this.room, err: error }, 'a handler of a log threw')
    }
  }
}
