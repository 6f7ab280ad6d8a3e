import type { FeedAccess, WatchedRoom } from '../audience/access.ts'
import { ROOM_ID } from '../audience/directory.ts'
import type { FeedLog } from './feed-log.ts'
import type { ReadGate } from './read-gate.ts'

export interface RoomSeekerParts {
  readonly access: FeedAccess
  readonly log: FeedLog
  readonly gate: ReadGate
}

/**
 * Finds the room that a request names (FE116): one that is over is asked for in its record, where this process has
 * forgotten it, and in the archive. A room that lives costs no question.
 */
export class RoomSeeker {
  readonly #parts: RoomSeekerParts

  constructor(parts: RoomSeekerParts) {
    this.#parts = parts
  }

  /**
   * Null for a room that never was, or is forgotten everywhere. It takes the turn of `who` (ReadGate).
   * @throws RingsideError too_many_requests, or whatever the log fails with.
   */
  async find(id: string, who: string): Promise<WatchedRoom | null> {
    const { access, log, gate } = this.#parts
    const known = access.find(id)
    if (known?.isLive) return known
    // FE155: neither the log nor a folder is asked for what can be no room.
    if (!ROOM_ID.test(id)) return null
    return gate.run(who, async () => {
      const room = await access.seek(id)
      if (room && !room.isLive) await log.prepare(id, room.end ?? null)
      return room
    })
  }
}
