import type { RoomListing } from '@ringside/protocol'
import type { RoomFacts } from '../../host/records.ts'

/**
 * The facts of a room as the rooms' host keeps them. Spectators see everything `delayMs` later, which is fixed for
 * the life of a room. Private rooms are not listed, not part of `rooms=*`, and by default not shown at all.
 * `revealedAt` is where the log was sealed when the room last became public, by an earlier process too; 0 or
 * absent: never. `isLive` is false once the room has ended.
 */
export type { RoomFacts }

/**
 * The rooms as the feed sees them; whoever keeps the rooms implements it. A room must be known here before
 * its first event is sealed, and stay known after its end for as long as its log can be read.
 */
export interface RoomDirectory {
  /** The living rooms that may be listed; each shows as many spectators as `spectatorsOf` says. */
  list(spectatorsOf: (roomId: string) => number): RoomListing[]
  /** One room, living or ended, private or not; null when it was never known or is forgotten. */
  find(roomId: string): RoomFacts | null
  /** Every known room's id, ended and private ones included. */
  ids(): Iterable<string>
  /** Calls after a room was added, changed or forgotten. The returned function stops it. */
  onChange(listener: (roomId: string) => void): () => void
}

/** The ids that rooms may have: letters, digits, `_` and `-`, 1-64 characters. */
export const ROOM_ID = /^[A-Za-z0-9_-]{1,64}$/
