import { ROOT_HANDLE } from '@ringside/protocol'
import { PUBLIC, SECRET } from './tracked.ts'

/** Handles of what only one player sees begin here: above those of all public objects, four bytes long. */
const OWNED_FROM = 2 ** 27

interface Space {
  next: number
  readonly free: number[]
}

interface Released {
  readonly owner: string | null
  readonly handle: number
}

/**
 * Gives out handles. Public objects have one space, and each player one for what he alone sees: with a
 * common one, the gaps that a player finds would tell how much others hide from him (ST9). Two players may so
 * have the same handle for different objects. A handle is used again only after `settle` (ST4).
 */
export class Handles {
  readonly #public: Space = { next: ROOT_HANDLE, free: [] }
  /** Of those that have any: a player who leaves takes his with him. */
  readonly #owned = new Map<string | null, Space>()
  #releasedPublic: number[] = []
  #releasedOwned: Released[] = []

  /** Spaces of players that are kept. */
  get ownedSpaceCount(): number {
    return this.#owned.size
  }

  /** For an object of this level (`Tracked.$level`) that belongs to `owner`; 0 for one that nobody sees. */
  take(level: number, owner: string | null): number {
    if (level === PUBLIC) return this.#public.free.pop() ?? this.#public.next++
    if (level === SECRET) return 0
    let space = this.#owned.get(owner)
    if (space === undefined) this.#owned.set(owner, (space = { next: OWNED_FROM, free: [] }))
    return space.free.pop() ?? space.next++
  }

  release(handle: number, level: number, owner: string | null): void {
    if (level === PUBLIC) this.#releasedPublic.push(handle)
    else if (level !== SECRET) this.#releasedOwned.push({ owner, handle })
  }

  /** What was released may be used again. */
  settle(): void {
    if (this.#releasedPublic.length > 0) {
      for (const handle of this.#releasedPublic) this.#public.free.push(handle)
      this.#releasedPublic = []
    }
    if (this.#releasedOwned.length === 0) return
    for (const { owner, handle } of this.#releasedOwned) {
      const space = this.#owned.get(owner)
      if (space === undefined) continue
      space.free.push(handle)
      if (space.free.length === space.next - OWNED_FROM) this.#owned.delete(owner)
    }
    this.#releasedOwned = []
  }
}
