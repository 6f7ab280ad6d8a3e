import { EVERYBODY_KIND, KINDS, NOBODY_KIND, keyOf, kindOf, placeOf } from './kinds.ts'
import type { AudienceKind, Kinds } from './kinds.ts'

/** The key of everything that everybody sees: players, spectators, the public part of the log. */
export const EVERYBODY = keyOf(EVERYBODY_KIND, 0)
/** The key of everything that nobody sees: it never leaves the server. */
export const NOBODY = keyOf(NOBODY_KIND, 0)

/**
 * Objects that belong together carry one of these: it says whose they are, and for each kind of audience which key is
 * for the owner. It never changes. When its keys would, a new one takes its place, and objects have this one until
 * they are moved (`Tree.moveOwned`).
 */
export interface Owner {
  /** The key of the map entry that says whose they are; null for nobody's in particular. */
  readonly name: string | null
  /** The keys by index of the kind; NOBODY for a kind that the state has no fields for. */
  readonly keys: readonly number[]
  /** Number of objects that have it. */
  uses: number
  /** True when another has taken its place. */
  isStale: boolean
}

/** A detached object has this one. */
export const NO_OWNER: Owner = { name: null, keys: [EVERYBODY], uses: 0, isStale: false }

interface Audience {
  readonly name: string
  /** Number of owners that have its key. */
  uses: number
}

/** The keys of one kind of audience, by name, and the groups that sessions have been put into. */
class Keys {
  readonly #kind: number
  readonly #rule: AudienceKind
  readonly #groups = new Map<string, string>()
  readonly #keys = new Map<string, number>()
  /** The audiences by the places of their keys. */
  readonly #audiences: (Audience | null)[] = []
  readonly #free: number[] = []
  #unused: number[] = []

  constructor(kind: number, rule: AudienceKind) {
    this.#kind = kind
    this.#rule = rule
  }

  get count(): number {
    return this.#keys.size
  }

  setGroup(sessionId: string, group: string | null): void {
    if (group === null) this.#groups.delete(sessionId)
    else this.#groups.set(sessionId, group)
  }

  /** The key that a session holds; NOBODY for none, and for one that no object has. */
  heldBy(sessionId: string): number {
    const name = this.#rule.nameHeldBy(sessionId, this.#groups)
    return name === null ? NOBODY : (this.#keys.get(name) ?? NOBODY)
  }

  /** The key for what belongs to `owner`, for one more of it; NOBODY, which need not be released, for none. */
  hold(owner: string | null): number {
    const name = this.#rule.nameFor(owner, this.#groups)
    if (name === null) return NOBODY
    let key = this.#keys.get(name)
    if (key === undefined) {
      const place = this.#free.pop() ?? this.#audiences.length
      key = keyOf(this.#kind, place)
      this.#audiences[place] = { name, uses: 0 }
      this.#keys.set(name, key)
    }
    ;(this.#audiences[placeOf(key)] as Audience).uses++
    return key
  }

  release(key: number): void {
    const audience = this.#audiences[placeOf(key)] as Audience
    if (--audience.uses === 0) this.#unused.push(key)
  }

  /** Forgets the keys that have been without use since they were released. */
  forgetUnused(): void {
    if (this.#unused.length === 0) return
    for (const key of this.#unused) {
      const audience = this.#audiences[placeOf(key)]
      if (!audience || audience.uses > 0) continue
      this.#audiences[placeOf(key)] = null
      this.#keys.delete(audience.name)
      this.#free.push(placeOf(key))
    }
    this.#unused = []
  }
}

/**
 * The audiences of one room's state. An audience is known by a small number, its key, which objects of the state
 * carry: everybody's, nobody's, or that of a kind and a name, such as one session or one team. A session holds one
 * key of each kind at most, and its projection is what has one of them. A key exists while an object has it and for the
 * patch that takes the last one away, and is given out again only after the `settle` behind that patch's.
 */
export class Audiences {
  /** Objects that belong to nobody in particular have this one. */
  readonly unowned: Owner
  readonly #kinds: Kinds
  /** The keys by index of the kind; null for a kind that needs none. */
  readonly #keys: readonly (Keys | null)[]
  /** The owners by name, but for the stale ones. */
  readonly #owners = new Map<string, Owner>()
  readonly #unused = new Set<Owner>()
  #hasStale = false

  /** The state has fields for the kinds in `used`: a room without teams keeps no teams. */
  constructor(kinds: Kinds = KINDS, used?: ReadonlySet<number>) {
    this.#kinds = kinds
    this.#keys = kinds.rows.map((rule, kind) => {
      if (kind === EVERYBODY_KIND || kind === NOBODY_KIND || used?.has(kind) === false) return null
      return new Keys(kind, rule)
    })
    this.unowned = this.#ownerOf(null)
  }

  /** Number of keys that exist, but for everybody's and nobody's. */
  get count(): number {
    return this.#keys.reduce((sum, keys) => sum + (keys?.count ?? 0), 0)
  }

  /**
   * Puts a session into a group of a kind, such as a team; null takes it out. What belongs to the session is stale from
   * then on. Nothing happens when the state has no field for the kind.
   */
  setGroup(audience: string, sessionId: string, group: string | null): void {
    const keys = this.#keys[this.#kinds.indexOf(audience)]
    if (!keys) return
    keys.setGroup(sessionId, group)
    const owner = this.#owners.get(sessionId)
    if (owner === undefined) return
    owner.isStale = true
    this.#owners.delete(sessionId)
    if (owner.uses > 0) this.#hasStale = true
  }

  /** True when owners have become stale since the last call. */
  takeStale(): boolean {
    const hasStale = this.#hasStale
    this.#hasStale = false
    return hasStale
  }

  /** The set of keys that a session holds, everybody's too, without those that no object has. */
  heldBy(sessionId: string): readonly number[] {
    const held = this.#keys.map((_, kind) => this.keyHeldBy(sessionId, kind))
    return [EVERYBODY, ...held.filter((key) => key !== NOBODY)]
  }

  /** The one of a kind among them; NOBODY for none. */
  keyHeldBy(sessionId: string, kind: number): number {
    return this.#keys[kind]?.heldBy(sessionId) ?? NOBODY
  }

  /** False when one session at most holds a key of the kind. */
  isShared(kind: number): boolean {
    return this.#kinds.rows[kind]?.isShared === true
  }

  /** The owner with this name, for one more object. */
  hold(name: string): Owner {
    let owner = this.#owners.get(name)
    if (owner === undefined) {
      owner = this.#ownerOf(name)
      this.#owners.set(name, owner)
    }
    return this.share(owner)
  }

  /** The same owner for one more object. */
  share(owner: Owner): Owner {
    owner.uses++
    return owner
  }

  /** An object has the owner no longer. */
  release(owner: Owner): void {
    if (owner !== this.unowned && --owner.uses === 0) this.#unused.add(owner)
  }

  /** Owners that no object has are forgotten, and keys that no owner has had since the last call. */
  settle(): void {
    for (const keys of this.#keys) keys?.forgetUnused()
    if (this.#unused.size === 0) return
    for (const owner of this.#unused) {
      if (owner.uses > 0) continue
      if (owner.name !== null && !owner.isStale) this.#owners.delete(owner.name)
      for (const key of owner.keys) if (key !== NOBODY) this.#keys[kindOf(key)]?.release(key)
    }
    this.#unused.clear()
  }

  #ownerOf(name: string | null): Owner {
    const keys = [EVERYBODY]
    for (let kind = NOBODY_KIND; kind < this.#keys.length; kind++)
      keys.push(this.#keys[kind]?.hold(name) ?? NOBODY)
    return { name, keys, uses: 0, isStale: false }
  }
}
