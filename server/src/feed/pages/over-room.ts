import { RingsideError } from '../../process/errors.ts'
import type { RoomEnd } from '../../outbox/contract/store.ts'
import type { FeedLog } from '../read/feed-log.ts'

/**
 * FE116: nothing can be asked about a room that is over and of which neither the log nor the archive has anything.
 * @throws RingsideError past_retention.
 */
export function assertKept(log: FeedLog, id: string, end: RoomEnd | null): void {
  if (end && isGone(log, id, end)) throw overError()
}

export function isGone(log: FeedLog, id: string, end: RoomEnd): boolean {
  return end.seq <= log.firstOf(id)
}

/** The room is over, and what is asked for is gone. */
export function overError(): RingsideError {
  return new RingsideError('past_retention', 'The room has ended, and its log is no longer kept')
}

/** What is asked for may not be seen yet, or will never be: `end` is that of the room, if it may be seen. */
export function beyondError(end: RoomEnd | null): RingsideError {
  if (!end) return new RingsideError('not_yet_visible')
  return new RingsideError('not_found', `The room has ended with event ${end.n}`)
}
