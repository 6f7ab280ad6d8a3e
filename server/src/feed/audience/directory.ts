import type { RoomListing } from '@ringside/protocol'

/** What the feed must know of a room to show it. */
export interface RoomFacts {
  readonly type: string
  /** Spectators see everything this much later, in ms. Fixed for the life of a room. */
  readonly delayMs: number
  /** Private rooms are not listed, not part of `rooms=*`, and by default not shown at all. */
  readonly isPrivate: boolean
  /** Where the log was sealed when it last became public, by an earlier process too; 0 or absent: never. */
  readonly revealedAt?: number
  /** False once the room has ended. */
  readonly isLive: boolean
}

/**
 * The rooms as the feed sees them; whoever keeps the rooms implements it. A room must be known here before
 * its first event is sealed, and stay known after its end for as long as its log can be read.
 */
export interface RoomDirectory {
  /** The living rooms that may be listed. */
  list(): RoomListing[]
  /** One room, living or ended, private or not; null when it was never known or is forgotten. */
  find(roomId: string): RoomFacts | null
  /** Every known room's id, ended and private ones included. */
  ids(): Iterable<string>
  /** Calls after a room was added, changed or forgotten. The returned function stops it. */
  onChange(listener: (roomId: string) => void): () => void
}

/** Ids that rooms may have: letters, digits, `_` and `-`, 1-64 characters. */
export const ROOM_ID = /^[A-Za-z0-9_-]{1,64}$/
