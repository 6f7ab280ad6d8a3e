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
  return { room, seesPrivate: access.mayWatch(asking, { ...room, isPrivate: true }) }
}
