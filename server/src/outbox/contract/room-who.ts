/**
 * What decides who sees a room, as its log says it (OB126). It is in the room's n = 1 and in a `_who` event for each
 * change, and holds from that position on at every server.
 */
export interface RoomWho {
  /** Spectators see what happens so much later, in ms. */
  readonly delayMs: number
  /** Nobody sees it without a right of their own. */
  readonly isPrivate: boolean
}

/** The type of the events that change it. */
export const WHO = '_who'

/** `_who` of a room that was private and is public from there on: who goes on with it needs its state. */
const REVEALING = '{"reveals":true}'

/** What the log writes for itself: a program shows of it that it is there (FE6), and no game can write it. */
export function isLogType(type: string): boolean {
  return type.startsWith('_')
}

/** Nothing of the room is withheld from anybody. */
export function isOpen({ delayMs, isPrivate }: RoomWho): boolean {
  return delayMs === 0 && !isPrivate
}

export function isSameWho(one: RoomWho | null, other: RoomWho | null): boolean {
  return one?.delayMs === other?.delayMs && one?.isPrivate === other?.isPrivate
}

/** What both of them allow. */
export function strictest(one: RoomWho, other: RoomWho): RoomWho {
  return {
    delayMs: Math.max(one.delayMs, other.delayMs),
    isPrivate: one.isPrivate || other.isPrivate,
  }
}

/** The `_who` event that leads from one to the other; null: the log did not say before. */
export function whoEvent(before: RoomWho | null, who: RoomWho) {
  const isRevealing = before?.isPrivate === true && !who.isPrivate
  return { type: WHO, data: isRevealing ? REVEALING : '{}', who }
}

/** True where a room that was private is public from the event on. */
export function isRevealing(event: { readonly type: string; readonly data: string }): boolean {
  return event.type === WHO && event.data === REVEALING
}

/**
 * Reads it from a store. What a newer program has added may keep somebody out, and is not understood here: then the room
 * is taken for private, as is what cannot be read (OB127).
 */
export function readWho(value: unknown): RoomWho {
  const { delayMs, isPrivate, ...more } = (value ?? {}) as Partial<Record<string, unknown>>
  const isRead = typeof delayMs === 'number' && typeof isPrivate === 'boolean'
  if (isRead && Object.keys(more).length === 0) return { delayMs, isPrivate }
  return { delayMs: typeof delayMs === 'number' ? delayMs : 0, isPrivate: true }
}
