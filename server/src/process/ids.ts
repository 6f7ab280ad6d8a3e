import { randomBytes } from 'node:crypto'

/** Length of {@link randomId} in characters. */
const ID_CHARACTERS = 25

/** An unguessable id: 128 bits of the system's randomness as 25 characters of a-z and 0-9. */
export function randomId(): string {
  return BigInt(`0x${randomBytes(16).toString('hex')}`)
    .toString(36)
    .padStart(ID_CHARACTERS, '0')
}

/** The ids of sessions begin with this, and no team's name may. */
const SESSION_MARK = '~'

/** The id of a new session, from one that is unguessable. */
export function sessionIdFrom(id: string): string {
  return SESSION_MARK + id
}

/**
 * True for what may be the id of a session, of any room and of any time. The key of an entry is one of these or the
 * name of a team, and nobody who may choose a team's name can make it mean a session (RM34).
 */
export function isSessionId(name: string): boolean {
  return name.startsWith(SESSION_MARK)
}
