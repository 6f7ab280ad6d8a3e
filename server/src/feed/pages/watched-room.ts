import { RingsideError } from '../../process/errors.ts'
import { networkOf } from '../../transport/client-address.ts'
import type { HttpRequest } from '../../transport/contract.ts'
import type { FeedAccess, WatchedRoom } from '../audience/access.ts'
import type { ReaderLimits } from '../audience/reader-limits.ts'
import type { RoomSeeker } from '../read/room-seeker.ts'

/** A room as whoever asks may see it. */
export interface SeenRoom {
  readonly room: WatchedRoom
  /** May it see what the room did while it was private? */
  readonly seesPrivate: boolean
  /** Everybody is answered the same: a cache that many share may keep it. */
  readonly isShared: boolean
  /** Asks again before anything is sent: the log was waited for. @throws RingsideError forbidden. */
  assertStill(): void
}

export interface WatchedRoomParts {
  readonly access: FeedAccess
  readonly seeker: RoomSeeker
  readonly readers: ReaderLimits
}

/**
 * Finds a room, and lets nobody see it who may not.
 * @throws RingsideError room_not_found, forbidden, too_many_requests.
 */
export async function watchedRoom(
  id: string,
  request: HttpRequest,
  { access, seeker, readers }: WatchedRoomParts,
): Promise<SeenRoom> {
  const asking = await access.asking(request)
  readers.checkReadAs(asking.principal)
  const room = await seeker.find(id, networkOf(request.remoteAddress))
  if (!room) throw new RingsideError('room_not_found')
  if (!access.mayWatch(asking, room)) throw new RingsideError('forbidden')
  const seesPrivate = access.mayWatch(asking, { ...room, isPrivate: true })
  return {
    room,
    seesPrivate,
    isShared: !room.isPrivate && !access.isPersonal && !seesPrivate,
    assertStill() {
      if (!access.mayWatch(asking, access.find(id) ?? room)) throw new RingsideError('forbidden')
    },
  }
}

/**
 * HT45: how long an answer may be kept, and by whom. What can change is asked for again, and what depends on who asks is
 * for no cache that others ask too, of a public room neither: somebody may see what it did while it was private.
 */
export function cacheControl(isFinal: boolean, isShared: boolean): string {
  if (!isFinal) return isShared ? 'no-cache' : 'private, no-cache'
  return `${isShared ? 'public' : 'private'}, max-age=31536000, immutable`
}
