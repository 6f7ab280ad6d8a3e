/** The key of everything that everybody sees: players, spectators, the public part of the log. */
export const EVERYBODY = 0
/** The key of everything that nobody sees: it never leaves the server. */
export const NOBODY = 1

/** The first keys that are given out. They grow by two: a session's are even, a team's odd. */
const FIRST_SESSION_KEY = 2
const FIRST_TEAM_KEY = 3

/** True for the key of a team, false for that of a session. */
export function isTeamKey(key: number): boolean {
  return key >= FIRST_TEAM_KEY && (key & 1) === 1
}

interface Audience {
  readonly name: string
  /** Number of objects of the state that have its key. */
  uses: number
}

/** The keys of one kind of audience, by name. */
class Keys {
  readonly #first: number
  readonly #keys = new Map<string, number>()
  /** The audiences by key, at `(key - first) / 2`. */
  readonly #audiences: (Audience | null)[] = []
  #free: number[] = []
  #unused: number[] = []

  constructor(first: number) {
    this.#first = first
  }

  get count(): number {
    return this.#keys.size
  }

  find(name: string): number {
    return this.#keys.get(name) ?? NOBODY
  }

  hold(name: string): number {
    let key = this.#keys.get(name)
    if (key === undefined) {
      key = this.#free.pop() ?? this.#first + 2 * this.#audiences.length
      this.#audiences[(key - this.#first) >> 1] = { name, uses: 0 }
      this.#keys.set(name, key)
    }
    this.of(key).uses++
    return key
  }

  /** The audience of a key that is held. */
  of(key: number): Audience {
    return this.#audiences[(key - this.#first) >> 1] as Audience
  }

  release(key: number): void {
    if (--this.of(key).uses === 0) this.#unused.push(key)
  }

  settle(): void {
    if (this.#unused.length === 0) return
    for (const key of this.#unused) {
      const at = (key - this.#first) >> 1
      const audience = this.#audiences[at]
      if (!audience || audience.uses > 0) continue
      this.#audiences[at] = null
      this.#keys.delete(audience.name)
      this.#free.push(key)
    }
    this.#unused = []
  }
}

/**
 * The audiences of one room's state. An audience is known by a small number, its key, which objects of the
 * state carry: everybody, nobody, one session, or one team. A session holds the keys of everybody, of itself and
 * of its team, and its projection is what has one of them. A key exists while an object has it, and is given
 * out again only after `settle`.
 */
export class Audiences {
  readonly #sessions = new Keys(FIRST_SESSION_KEY)
  readonly #teams = new Keys(FIRST_TEAM_KEY)
  /** The team of each session that was put into one. */
  readonly #teamOf = new Map<string, string>()
  /** The sessions whose team has changed since `takeMoved`, those too that are back in the old one. */
  #moved = new Set<string>()

  /** Number of keys that exist. */
  get count(): number {
    return this.#sessions.count + this.#teams.count
  }

  /**
   * The team of a session, or of whatever else is the key of an entry. A session that was put into
   * none is alone in a team of its own name, and the entry under a team's name is that team's.
   */
  teamOf(name: string): string {
    return this.#teamOf.get(name) ?? name
  }

  /** Puts a session into a team; null takes it out. Objects that belong to it move with `takeMoved`. */
  setTeam(sessionId: string, team: string | null): void {
    if (team === null) this.#teamOf.delete(sessionId)
    else this.#teamOf.set(sessionId, team)
    this.#moved.add(sessionId)
  }

  /** The keys of sessions whose team has changed since the last call, as far as an object has them. */
  takeMoved(): ReadonlySet<number> | null {
    if (this.#moved.size === 0) return null
    const keys = new Set<number>()
    for (const sessionId of this.#moved) {
      const key = this.#sessions.find(sessionId)
      if (key !== NOBODY) keys.add(key)
    }
    this.#moved = new Set()
    return keys.size === 0 ? null : keys
  }

  /** The keys that a session holds, but for everybody's. NOBODY stands for one that no object has. */
  heldBy(sessionId: string): readonly [own: number, team: number] {
    return [this.#sessions.find(sessionId), this.#teams.find(this.teamOf(sessionId))]
  }

  /** The key of a session, for one more object. */
  holdSession(sessionId: string): number {
    return this.#sessions.hold(sessionId)
  }

  /** The key of the team of a session, for one more object. */
  holdTeamOf(sessionId: string): number {
    return this.#teams.hold(this.teamOf(sessionId))
  }

  /** The same key for one more object. */
  hold(key: number): number {
    if (key > NOBODY) this.#kind(key).of(key).uses++
    return key
  }

  /** An object has the key no longer. */
  release(key: number): void {
    if (key > NOBODY) this.#kind(key).release(key)
  }

  /** The session's id or the team's name. */
  nameOf(key: number): string {
    return this.#kind(key).of(key).name
  }

  /** Keys that no object has may be given out again. */
  settle(): void {
    this.#sessions.settle()
    this.#teams.settle()
  }

  #kind(key: number): Keys {
    return isTeamKey(key) ? this.#teams : this.#sessions
  }
}
