import { createHash } from 'node:crypto'
import type { Selection } from './selection.ts'

/** Rooms are told apart by so many characters of the hash of their ids: 48 bits. */
const HASH_CHARACTERS = 8

/**
 * FE78: what a stream follows, as it is stored with a checkpoint: which rooms, and whether their states come along. At
 * most 901 characters, whatever the rooms are called.
 */
export function followedText({ rooms, types }: Selection): string {
  const hasStates = types === null || types.allows('patch')
  if (!hasStates) return '-'
  return rooms === null ? '*' : `=${rooms.map(hashOf).join('')}`
}

/**
 * FE78: which of these rooms a reader lacks the state of: those that the stream of its checkpoint did not follow.
 * `isPrivate` says which were not part of `*`.
 */
export function roomsNewTo(
  followed: string,
  rooms: Iterable<string>,
  isPrivate: (room: string) => boolean,
): string[] {
  const kind = followed.slice(0, 1)
  const known = new Set<string>()
  if (kind === '=')
    for (let at = 1; at < followed.length; at += HASH_CHARACTERS)
      known.add(followed.slice(at, at + HASH_CHARACTERS))
  return [...rooms].filter((room) => (kind === '*' ? isPrivate(room) : !known.has(hashOf(room))))
}

function hashOf(room: string): string {
  return createHash('sha256').update(room).digest('base64url').slice(0, HASH_CHARACTERS)
}
