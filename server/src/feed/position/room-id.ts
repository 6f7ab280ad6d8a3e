import type { LogEvent } from '../../outbox/contract/store.ts'

/**
 * A place in the log of one room. `check` tells its event from another one that has the same n in a log that was
 * restored, or in another server's; 0 where it is not known, or the place is before the first event.
 */
export interface RoomPlace {
  readonly n: number
  readonly check: number
}

/** The place before a room's first event. */
export const BEFORE_ALL: RoomPlace = { n: 0, check: 0 }

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
const GOLDEN = 0x9e3779b1

/**
 * FE51: 32 bits of an event's `own`, which is random per ownership, and its number: never 0. It need not be
 * unguessable, for whoever makes one up names a place of the room that may be seen anyway.
 */
export function checkOf({ own, n, seq }: Pick<LogEvent, 'own' | 'n' | 'seq'>): number {
  let hash = FNV_OFFSET
  for (let index = 0; index < own.length; index++)
    hash = Math.imul(hash ^ own.charCodeAt(index), FNV_PRIME)
  const number = n > 0 ? n : seq
  hash ^= Math.imul(number | 0, GOLDEN) ^ Math.trunc(number / 2 ** 32)
  // The finalizer of MurmurHash3: each bit of what went in changes half of the bits.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0 || 1
}

/** Encodes a place as the id of a feed of one room: `<n>-<check>`. */
export function roomId({ n, check }: RoomPlace): string {
  return `${n}-${check.toString(36)}`
}

const ROOM_ID = /^(0|[1-9][0-9]{0,15})-([0-9a-z]{1,7})$/
const NUMBER = /^(0|[1-9][0-9]{0,15})$/

/** Reads `<n>-<check>` as it was written, or null. */
export function parseRoomId(text: string): RoomPlace | null {
  const found = ROOM_ID.exec(text)
  if (!found) return null
  const n = Number(found[1])
  const check = Number.parseInt(found[2] ?? '', 36)
  // One spelling of a place is the id.
  return Number.isSafeInteger(n) && roomId({ n, check }) === text ? { n, check } : null
}

/** Reads `<n>`, which is taken unchecked, or `<n>-<check>`; null for anything else. */
export function parseRoomPlace(text: string): RoomPlace | null {
  if (!NUMBER.test(text)) return parseRoomId(text)
  const n = Number(text)
  return Number.isSafeInteger(n) ? { n, check: 0 } : null
}
