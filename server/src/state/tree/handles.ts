import { ROOT_HANDLE } from '@ringside/protocol'
import { EVERYBODY, NOBODY } from '../projection/audiences.ts'
import { KINDS, kindOf } from '../projection/kinds.ts'
import type { AudienceKind, Kinds } from '../projection/kinds.ts'

interface Space {
  readonly from: number
  next: number
  readonly free: number[]
}

interface Released {
  readonly key: number
  readonly handle: number
}

/**
 * Gives out handles. Public objects have one space, and each audience one for what it alone sees: with a
 * common one, the gaps that a player finds would tell how much others hide from them (ST9). Two audiences may
 * so have the same handle for different objects. A handle is used again only after `settle` (ST4).
 */
export class Handles {
  readonly #public: Space = { from: ROOT_HANDLE, next: ROOT_HANDLE, free: [] }
  /** The spaces by key of the audience, as long as it has a handle. */
  readonly #hidden = new Map<number, Space>()
  #releasedPublic: number[] = []
  #releasedHidden: Released[] = []
  readonly #kinds: Kinds

  constructor(kinds: Kinds = KINDS) {
    this.#kinds = kinds
  }

  /** Number of audiences that have a space. */
  get hiddenSpaceCount(): number {
    return this.#hidden.size
  }

  /** A handle for an object that the audience `key` sees; 0 for one that nobody sees. */
  take(key: number): number {
    if (key === EVERYBODY) return this.#public.free.pop() ?? this.#public.next++
    if (key === NOBODY) return 0
    let space = this.#hidden.get(key)
    if (space === undefined) {
      const from = (this.#kinds.rows[kindOf(key)] as AudienceKind).handlesFrom
      this.#hidden.set(key, (space = { from, next: from, free: [] }))
    }
    return space.free.pop() ?? space.next++
  }

  release(handle: number, key: number): void {
    if (key === EVERYBODY) this.#releasedPublic.push(handle)
    else if (key !== NOBODY) this.#releasedHidden.push({ key, handle })
  }

  /** Lets handles that were released be used again. */
  settle(): void {
    if (this.#releasedPublic.length > 0) {
      for (const handle of this.#releasedPublic) this.#public.free.push(handle)
      this.#releasedPublic = []
    }
    if (this.#releasedHidden.length === 0) return
    for (const { key, handle } of this.#releasedHidden) {
      const space = this.#hidden.get(key)
      if (space === undefined) continue
      space.free.push(handle)
      if (space.free.length === space.next - space.from) this.#hidden.delete(key)
    }
    this.#releasedHidden = []
  }
}
