import type { ResetReason } from '@ringside/protocol'
import type { RoomEnd } from '../../outbox/contract/store.ts'
import { checkOf, roomId } from '../position/room-id.ts'
import type { RoomPlace } from '../position/room-id.ts'

/** The place of a room's end. An end that nobody wrote down has one too, which is that of no event. */
export function endPlace({ n, own, seq }: RoomEnd): RoomPlace {
  return { n, check: checkOf({ n, own, seq: n > 0 ? seq : 0 }) }
}

/** Says whether whoever has this place has seen the room's end (FE117). */
export function isEndPlace(end: RoomEnd, { n, check }: RoomPlace): boolean {
  return n === end.n && (check === endPlace(end).check || (check === 0 && n > 0))
}

/** Says why a place of a room that is over and gone cannot be gone on from. */
export function whyGone({ n, check }: RoomPlace, end: RoomEnd): ResetReason {
  if (end.n === 0 || n < end.n) return 'retention'
  return n === end.n && check !== 0 ? 'another-log' : 'unknown-checkpoint'
}

/** Encodes the data of a room's end as the log did. */
export function endJson(room: string, { n, at }: RoomEnd): string {
  return JSON.stringify({ room, n, at })
}

/** The id of a room's end in the feed of that room alone. */
export function endId(end: RoomEnd): string {
  return roomId(endPlace(end))
}
