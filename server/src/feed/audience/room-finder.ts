import type { Json, RoomListing } from '@ringside/protocol'
import type { Asking, FeedAccess } from './access.ts'

/** An alias and the room that it stands for now; null: there is none. */
export type Resolved = ReadonlyMap<string, string | null>

/** The ids of the rooms that fit an alias, in the order in which they were made. */
type Fitting = Set<string>
export type AliasIndex = ReadonlyMap<string, ReadonlySet<string>>

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

  /** The rooms that fit each alias now. Whoever looks for many readers makes it once. */
  index(): AliasIndex {
    const index: Map<string, Fitting> = new Map()
    const add = (alias: string, roomId: string): void => {
      const fitting = index.get(alias)
      if (fitting) fitting.add(roomId)
      else index.set(alias, new Set([roomId]))
    }
    for (const { roomId, type, metadata } of this.#listed()) {
      add(`@${type}`, roomId)
      const title = titleOf(metadata)
      if (typeof title === 'string') add(`@${type}:${title}`, roomId)
    }
    return index
  }

  /**
   * FE75: an alias stands for the room it stood for as long as that lives, then for the one made last of its type, and
   * title where it names one (`metadata`, or its `title`). The cost of a look is that of the aliases, not of all rooms
   * for each (FE154).
   */
  resolve(
    aliases: readonly string[],
    asking: Asking,
    { before, index }: { readonly before?: Resolved | undefined; readonly index?: AliasIndex } = {},
  ): Resolved {
    const resolved = new Map<string, string | null>()
    if (aliases.length === 0) return resolved
    const known = index ?? this.index()
    for (const alias of aliases)
      resolved.set(alias, this.current(alias, asking, { before: before?.get(alias), index: known }))
    return resolved
  }

  /** The room that one alias stands for now. */
  current(
    alias: string,
    asking: Asking,
    { before, index }: { readonly before?: string | null | undefined; readonly index: AliasIndex },
  ): string | null {
    const fitting = index.get(alias)
    if (!fitting) return null
    if (before && fitting.has(before) && this.has(before, asking)) return before
    let newest: string | null = null
    for (const id of fitting) if (this.has(id, asking)) newest = id
    return newest
  }
}

function titleOf(metadata: Json): Json {
  const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
  return isObject ? (metadata['title'] ?? null) : metadata
}
