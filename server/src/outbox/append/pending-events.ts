import { eventBytes } from '../contract/sizes.ts'
import type { NewEvent, OutboxOptions, SnapshotInput } from '../contract/outbox.ts'
import { composePatches } from './patch-merge.ts'
import type { PendingTotal } from './pending-total.ts'
import { PATCH } from '../contract/store.ts'
import type { RoomWho } from '../contract/room-who.ts'
import type { LogEvent } from '../contract/store.ts'

/**
 * The owner of events appends to the log and is told what became of them: a room's ownership, or a message, which is
 * an owner of its own.
 */
export interface EventOwner {
  /** Makes the event at the moment it is sent: n, at and prev are bound here, once. */
  bind(pending: Pending, seq: number, now: number): LogEvent
  /** The event is stored for good. Called in order. */
  acknowledge(event: LogEvent): void
  /** Somebody else's event has this {room, n}, or this message id: the ownership is over. */
  fence(blocking: LogEvent): void
  /** The event can never be stored; what was appended after it is dropped. */
  refuse(event: LogEvent | null, cause: unknown): void
  /** The log can no longer be written by this process. */
  abandon(cause: Error): void
}

/** An accepted event that is not acknowledged yet. */
export interface Pending {
  readonly owner: EventOwner
  readonly type: string
  /** Adjacent patches may be folded into it until it is sent. */
  data: string
  hidden: string | null
  /** Who sees the room from it on; undefined: as before. */
  readonly who: RoomWho | undefined
  bytes: number
  /** The time at which it was accepted, in ms. */
  readonly since: number
  /** Its seq must be above this (OB4: the marker's). */
  readonly minSeq: number
  /** The room's state right after it: stored once it is acknowledged. */
  snapshot: SnapshotInput | null
  waiters: Waiter[] | null
}

/** One call of `durable` waits. */
export interface Waiter {
  readonly resolve: () => void
  readonly reject: (cause: Error) => void
}

/** The events that one ownership has accepted and knows of no acknowledgement for, oldest first. */
export class PendingEvents {
  readonly #events: Pending[] = []
  readonly #total: PendingTotal
  #bytes = 0
  /** So many of them have been sent; those never change any more. */
  #sentCount = 0

  constructor(total: PendingTotal) {
    this.#total = total
  }

  get count(): number {
    return this.#events.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get oldest(): Pending | undefined {
    return this.#events[0]
  }

  get newest(): Pending | undefined {
    return this.#events[this.#events.length - 1]
  }

  /** No more is taken: the room's own bound is reached. */
  isAtBound({ maxPendingEvents, maxPendingBytes }: OutboxOptions): boolean {
    return this.#events.length >= maxPendingEvents || this.#bytes >= maxPendingBytes
  }

  /** Says whether an event of so many bytes is within the room's own bound and that of the process. */
  hasRoomFor(bytes: number, { maxPendingEvents, maxPendingBytes }: OutboxOptions): boolean {
    if (this.#total.isFull || this.#events.length >= maxPendingEvents) return false
    return this.#bytes + bytes <= maxPendingBytes
  }

  /** A room that is full goes on from here; with less, it would stop and go with every acknowledgement. */
  isHalfEmpty({ maxPendingEvents, maxPendingBytes }: OutboxOptions): boolean {
    return this.#events.length * 2 <= maxPendingEvents && this.#bytes * 2 <= maxPendingBytes
  }

  /** It is at least half full. */
  isPressed({ maxPendingEvents, maxPendingBytes }: OutboxOptions): boolean {
    const { isFull } = this.#total
    return (
      isFull || this.#events.length * 2 >= maxPendingEvents || this.#bytes * 2 >= maxPendingBytes
    )
  }

  push(pending: Pending): void {
    this.#events.push(pending)
    this.#change(pending.bytes)
  }

  /** The oldest that was not sent is sent now. */
  markSent(): void {
    this.#sentCount++
  }

  /** Takes the oldest out: it is acknowledged. */
  shift(): Pending | undefined {
    const done = this.#events.shift()
    if (!done) return undefined
    this.#sentCount--
    this.#change(-done.bytes)
    return done
  }

  /** Takes all out. */
  clear(): Pending[] {
    this.#change(-this.#bytes)
    this.#sentCount = 0
    return this.#events.splice(0)
  }

  /** Resolves when everything in it is acknowledged; rejects with why the newest is dropped. */
  flushed(): Promise<void> {
    const { newest } = this
    if (!newest) return Promise.resolve()
    return new Promise((resolve, reject) => {
      newest.waiters ??= []
      newest.waiters.push({ resolve, reject })
    })
  }

  /** Folds a patch into the unsent patch right before it; false when there is none that takes it (OB7). */
  fold(event: NewEvent, { maxEventBytes, maxPendingBytes }: OutboxOptions): boolean {
    if (this.#events.length <= this.#sentCount) return false
    const last = this.newest
    if (!last || last.type !== PATCH || last.snapshot) return false
    const data = composePatches(last.data, event.data)
    if (data === null) return false
    let hidden = last.hidden ?? event.hidden ?? null
    if (last.hidden && event.hidden) {
      hidden = composePatches(last.hidden, event.hidden)
      if (hidden === null) return false
    }
    const bytes = eventBytes({ data, hidden })
    const pendingBytes = this.#bytes - last.bytes + bytes
    if (bytes > maxEventBytes || pendingBytes > maxPendingBytes) return false
    last.data = data
    last.hidden = hidden
    last.bytes = bytes
    this.#change(pendingBytes - this.#bytes)
    this.#total.coalescedCount++
    return true
  }

  #change(bytes: number): void {
    this.#bytes += bytes
    this.#total.change(bytes)
  }
}
