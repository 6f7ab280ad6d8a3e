import { ROOT_HANDLE } from '@ringside/protocol'
import type { Audience } from '@ringside/protocol'

/** The index of everybody's kind, and of nobody's: a table begins with the two. */
export const EVERYBODY_KIND = 0
export const NOBODY_KIND = 1

/** The groups of a kind that sessions have been put into, for example their teams, by session id. */
export type Groups = ReadonlyMap<string, string>

/** One kind of audience: a word of the schema, and the rule that says who is meant by it. */
export interface AudienceKind {
  /**
   * The words of wider kinds. Whoever is in this kind's audience of an owner is in theirs too, so that what is
   * for it inside a place of theirs is its own, and the reverse. Of two kinds that lie in no such order, nobody
   * sees what is for the one inside a place of the other. A kind inside one whose groups change must be the
   * owner's alone: the owner gets a full frame then, and others would not be told.
   */
  readonly within: readonly string[]
  /** The first handle of what it sees and others do not. A session may know objects of several kinds: no two overlap. */
  readonly handlesFrom: number
  /** False when one session at most is in an audience: nobody else needs the frame that was made for it. */
  readonly isShared: boolean
  /**
   * The name of the audience for what belongs to `owner` (null: to nobody in particular), or null when nobody sees
   * it. The groups may change the name of an owner's, but not whether there is one.
   */
  nameFor(owner: string | null, groups: Groups): string | null
  /** The name of the audience that a session is in, or null for none. */
  nameHeldBy(sessionId: string, groups: Groups): string | null
}

/**
 * All kinds, by their words in a schema. The order counts: everybody, nobody, then from narrow to wide, for a frame is
 * joined from its widest part on. What a session and its team alone see has handles of four bytes above all public ones.
 */
export const audienceKinds: { readonly [A in Audience]: AudienceKind } = {
  public: {
    within: [],
    handlesFrom: ROOT_HANDLE,
    isShared: true,
    nameFor: () => '',
    nameHeldBy: () => '',
  },
  nobody: {
    within: [],
    handlesFrom: 0,
    isShared: false,
    nameFor: () => null,
    nameHeldBy: () => null,
  },
  owner: {
    within: ['team'],
    handlesFrom: 2 ** 27,
    isShared: false,
    nameFor: (owner) => owner,
    nameHeldBy: (sessionId) => sessionId,
  },
  // A session that was put into none is alone in a team of its own name, and what belongs to a team's name is that team's.
  // A session's id is no possible name of a team (RM34): what a session has, or has left behind, is never another team's.
  team: {
    within: [],
    handlesFrom: 2 ** 26,
    isShared: true,
    nameFor: (owner, groups) => (owner === null ? null : teamOf(owner, groups)),
    nameHeldBy: teamOf,
  },
}

function teamOf(name: string, groups: Groups): string {
  return groups.get(name) ?? name
}

/** The bits of a key that say its kind: a table has at most 16 rows. */
const KIND_BITS = 4

/** The index of the kind that a key is of. */
export function kindOf(key: number): number {
  return key & (2 ** KIND_BITS - 1)
}

/** The place of a key among those of its kind, from 0. */
export function placeOf(key: number): number {
  return key >>> KIND_BITS
}

/** The key at a place among those of a kind. */
export function keyOf(kind: number, place: number): number {
  return place * 2 ** KIND_BITS + kind
}

/** A table of kinds made ready: a kind is known by its index, and its place in the order is worked out. */
export class Kinds {
  /** The rows by index. */
  readonly rows: readonly AudienceKind[]
  readonly #indexes: ReadonlyMap<string, number>
  /** The narrower of each two. */
  readonly #meets: readonly (readonly number[])[]

  /** @throws TypeError when the table does not begin with `public` and `nobody`, or has more than 16 rows. */
  constructor(table: { readonly [word: string]: AudienceKind }) {
    const words = Object.keys(table)
    if (words[EVERYBODY_KIND] !== 'public' || words[NOBODY_KIND] !== 'nobody')
      throw new TypeError(`Expected kinds that begin with public and nobody, got ${words.join()}`)
    if (words.length > 2 ** KIND_BITS)
      throw new TypeError(`Expected at most ${2 ** KIND_BITS} kinds, got ${words.length}`)
    this.rows = Object.values(table)
    this.#indexes = new Map(words.map((word, index) => [word, index]))
    const isWithin = (inner: number, outer: number): boolean =>
      inner === outer ||
      inner === NOBODY_KIND ||
      outer === EVERYBODY_KIND ||
      (this.rows[inner]?.within.includes(words[outer] as string) ?? false)
    this.#meets = words.map((_, a) =>
      words.map((__, b) => (isWithin(a, b) ? a : isWithin(b, a) ? b : NOBODY_KIND)),
    )
  }

  /**
   * The index of the kind with this word.
   * @throws TypeError when there is none.
   */
  indexOf(word: string): number {
    const index = this.#indexes.get(word)
    if (index === undefined)
      throw new TypeError(
        `Expected an audience of ${[...this.#indexes.keys()].join()}, got '${word}'`,
      )
    return index
  }

  /** The kind that sees what is for the kind `b` inside a place for the kind `a`. */
  meet(a: number, b: number): number {
    return this.#meets[a]?.[b] ?? NOBODY_KIND
  }
}

/** The kinds that there are. */
export const KINDS = new Kinds(audienceKinds)
