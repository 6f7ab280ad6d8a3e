import type { SnapshotInput } from '../contract/outbox.ts'
import type { LogEvent } from '../contract/store.ts'

/** The owner of events, a room's ownership, appends to the log and is told what became of them. */
export interface EventOwner {
  /** Makes the event at the moment it is sent: n, at and prev are bound here, once. */
  bind(pending: Pending, seq: number, now: number): LogEvent
  /** The event is stored for good. Called in order. */
  acknowledge(event: LogEvent): void
  /** Somebody else's event has this {room, n}: the ownership is over. */
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
