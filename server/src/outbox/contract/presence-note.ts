/** What has happened to the seats of a room here, or to the room, told in the turn in which it did. */
export interface PresenceNote {
  readonly kind: PresenceKind
  readonly room: PresentRoom
  /** Null for what happens to the room itself. */
  readonly player: { readonly sessionId: string; readonly name: string } | null
}

/** `opened` and `restored` happen to the room, the others to a player. */
export type PresenceKind = 'opened' | 'restored' | 'joined' | 'left' | 'dropped' | 'reconnected'

/** A room as it is at that moment. */
export interface PresentRoom {
  readonly id: string
  readonly type: string
  readonly delayMs: number
  /** What changes in it is handed to the log within so long, in ms. */
  readonly logEveryMs: number
  readonly isPrivate: boolean
  /** Players with a seat. */
  readonly clients: number
}
