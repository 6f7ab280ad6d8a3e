/** Somebody at a door, or inside, by all that is known of them. */
export interface Person {
  /** The id of their seat, or of a connection without one; null before there is one. */
  readonly sessionId: string | null
  /** The result of `onAuth`; undefined where nobody was asked. */
  readonly auth: unknown
  /** Null while they are away. */
  readonly address: string | null
}

/** What operators have laid upon people, as the doors ask for it: without waiting. */
export interface Standing {
  /** @throws RingsideError banned, with until when and why. */
  checkBan(person: Person): void
  isMuted(person: Person): boolean
}

/** Everybody may come in and speak. */
export const nobodyBanned: Standing = { checkBan() {}, isMuted: () => false }

/** Somebody of whom no more than the address is known. */
export function stranger(address: string): Person {
  return { sessionId: null, auth: undefined, address }
}
