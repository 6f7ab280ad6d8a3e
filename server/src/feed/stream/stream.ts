import type { HttpRequest } from '../../transport/contract.ts'
import type { ByteStream } from '../../transport/contract.ts'
import type { FeedGroup } from './group.ts'
import type { LogPage } from '../read/log-pages.ts'

/**
 * One spectator's stream: a cursor, not a queue (FE5). States:
 * - `starting`: the bootstrap writes hello, reset, snapshots; nothing else may write.
 * - `catching`: reads on from `cursor` by itself, as fast as its socket takes it or as its pace allows.
 * - `live`: part of its group, whose position is its own; `cursor` means nothing.
 * - `closed`: nothing is written any more.
 * A write that the socket cannot take sets `isBlocked` (live falls back to catching) until it takes bytes again.
 */
export class FeedStream {
  readonly id: string
  readonly body: ByteStream
  /** Kept only where a custom check wants to see it again. */
  readonly request: HttpRequest | null
  /** Whose turn its reads of the log take (ReadGate). */
  readonly address: string
  group: FeedGroup
  state: 'starting' | 'catching' | 'live' | 'closed' = 'starting'
  /** Everything up to it was written. */
  cursor = 0
  /** `caught-up` is due when the cursor reaches the tail. */
  announces = false
  isBlocked = false
  isLoading = false
  /** Was behind because of its own socket: decides the reason of a reset. */
  wasSlow = false
  /** When the socket last took bytes while blocked, in ms of the clock. */
  blockedAt = 0
  blockedBytes = 0
  lastWriteAt = 0
  /** Place in `group.live`. */
  liveIndex = -1
  pace: Pace | null = null
  /** Rooms that became public where it stands: their snapshots are due. As many as there are rooms at most. */
  revealed: Set<string> | null = null
  /** Wakes a bootstrap that waits for the socket. */
  wake: (() => void) | null = null

  constructor(
    id: string,
    body: ByteStream,
    owner: { group: FeedGroup; request: HttpRequest | null; address: string },
  ) {
    this.id = id
    this.address = owner.address
    this.body = body
    this.group = owner.group
    this.request = owner.request
  }
}

/** Replay at a speed: an event is due when as much time passed here as there, times the speed. */
export interface Pace {
  readonly speed: number
  /** The first event's time, and when it was shown; 0 until then. */
  logStart: number
  shownAt: number
  cancel: (() => void) | null
  /** What it read ahead: of bounded size, and its own until it is through (FE5). */
  page: LogPage | null
  /** Events that it read ahead the last time, and whether it has waited for one since. */
  ahead: number
  hasWaited: boolean
}

/** A pace that has shown nothing yet. */
export function newPace(speed: number): Pace {
  const read = { page: null, ahead: 0, hasWaited: true }
  return { speed, logStart: 0, shownAt: 0, cancel: null, ...read }
}
