import type { Json, RoomListing } from '@ringside/protocol'
import type { Asking, FeedAccess } from './access.ts'

/** An alias and the room that it stands for now; null: there is none. */
export type Resolved = ReadonlyMap<string, string | null>

/** Finds the rooms that a reader's ids and aliases stand for, of those that the reader may see. */
export class RoomFinder {
  readonly #access: FeedAccess
  readonly #listed: () => readonly RoomListing[]

  /** `listed`: the living rooms, as the lobby shows them (FE32), in the order in which they were made. */
  constructor(access: FeedAccess, listed: () => readonly RoomListing[]) {
    this.#access = access
    this.#listed = listed
  }

  /** True for a room that is there and may be seen. */
  has(id: string, asking: Asking): boolean {
    const room = this.#access.find(id)
    return room !== null && this.#access.mayWatch(asking, room)
  }

  /**
   * FE75: an alias stands for the room it stood for as long as that lives, then for the one made last of its type, and
   * title where it names one (`metadata`, or its `title`).
   */
  resolve(aliases: readonly string[], asking: Asking, before?: Resolved): Resolved {
    const resolved = new Map<string, string | null>()
    if (aliases.length === 0) return resolved
    const rooms = this.#listed().filter(({ roomId }) => this.has(roomId, asking))
    for (const alias of aliases) {
      const fitting = rooms.filter((room) => fits(alias, room))
      const kept = before?.get(alias) ?? null
      const stays = fitting.some(({ roomId }) => roomId === kept)
      resolved.set(alias, stays ? kept : (fitting.at(-1)?.roomId ?? null))
    }
    return resolved
  }
}

function fits(alias: string, { type, metadata }: RoomListing): boolean {
  const colon = alias.indexOf(':')
  if (colon < 0) return alias === `@${type}`
  return alias.slice(1, colon) === type && alias.slice(colon + 1) === titleOf(metadata)
}

function titleOf(metadata: Json): Json {
  const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
  return isObject ? (metadata['title'] ?? null) : metadata
}
