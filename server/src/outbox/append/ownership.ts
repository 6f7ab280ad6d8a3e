import type { RoomWho } from '../contract/room-who.ts'
import type { LogEvent } from '../contract/store.ts'

/** A place in a room's log: an ownership begins right after the event there. */
export interface RoomPosition {
  readonly n: number
  readonly seq: number
  readonly at: number
  /** n of the last patch. */
  readonly patchN: number
  /** Who sees the room there; null: the log does not say, or the room is open. */
  readonly who: RoomWho | null
}

/** An ownership says whose the room is, and from where on. */
export interface Ownership {
  readonly room: string
  readonly epoch: number
  readonly own: string
  readonly from: RoomPosition
}

/** The outcome of the attempt to write the marker. */
export type MarkerOutcome =
  | { readonly kind: 'owned' }
  | { readonly kind: 'lost'; readonly to: LogEvent }
  | { readonly kind: 'failed'; readonly cause: unknown }
