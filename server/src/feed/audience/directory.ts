import type { RoomListing } from '@ringside/protocol'
import type { RoomFacts } from '../../host/records.ts'

export type { RoomFacts }

/**
 * The feed sees the rooms by it; whoever keeps the rooms implements it. A room must be known here
 * before its first event is sealed, and stay known after its end for as long as its log can be
 * read.
 */
export interface RoomDirectory {
  /**
   * Lists the living rooms that may be listed; each shows as many spectators as `spectatorsOf`
   * says.
   */
  list(spectatorsOf: (roomId: string) => number): RoomListing[]
  /**
   * Finds one room, living or ended, private or not; null when it was never known or is forgotten.
   */
  find(roomId: string): RoomFacts | null
  /**
   * Finds a room that is over, also one that `find` has forgotten; null of any other. It may ask the log.
   * @throws whatever the log fails with.
   */
  lookUp(roomId: string): Promise<RoomFacts | null>
  /** Gives every known room's id, ended and private ones included. */
  ids(): Iterable<string>
  /**
   * The listener is called after a room was added, changed or forgotten. The returned function
   * stops it.
   */
  onChange(listener: (roomId: string) => void): () => void
}

/** A room's id is 1-64 letters, digits, `_` and `-`. */
export const ROOM_ID = /^[A-Za-z0-9_-]{1,64}$/
