import type { LogEvent } from '../contract/store.ts'

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

/** How the attempt to write the marker ended. */
export type MarkerOutcome =
  | { readonly kind: 'owned' }
  | { readonly kind: 'lost'; readonly to: LogEvent }
  | { readonly kind: 'failed'; readonly cause: unknown }
