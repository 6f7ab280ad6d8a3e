import { compileNamePattern, compileTopicPattern, isClosedTopic } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import type { AskedRoom } from './principal.ts'

/** A key or token has at most so many scopes: each is looked at for each event. */
export const MAX_SCOPES = 64
const MAX_SCOPE_CHARACTERS = 300
const SCOPE =
  /^(?<deed>read:topic|read:room|publish:topic|publish:client):(?<what>[^#]+)(?:#(?<types>[^#]+))?$/

type Deed = 'read:topic' | 'read:room' | 'publish:topic' | 'publish:client'

interface Scope {
  readonly deed: Deed
  matches(what: string, room: AskedRoom | null): boolean
  readonly types: Pattern | null
}

/**
 * What somebody may do, by the one grammar of scopes (docs/auth.md):
 *
 *     read:topic:<topics>   read:room:<rooms>   publish:topic:<topics>   publish:client:<clients>   admin
 *
 * each of the four optionally with `#<types>` behind it.
 */
export class Scopes {
  static readonly none = new Scopes([])
  /** Each as it was written. */
  readonly texts: readonly string[]
  readonly isAdmin: boolean
  readonly #scopes: readonly Scope[]

  private constructor(texts: readonly string[]) {
    this.texts = texts
    this.isAdmin = texts.includes('admin')
    this.#scopes = texts.map(compileScope).filter((scope) => scope !== null)
  }

  /** The scopes among these texts; others, which mean something elsewhere, are left out. Null when there are too many. */
  static among(texts: readonly string[]): Scopes | null {
    const known = [...new Set(texts)].filter(isScope)
    if (known.length > MAX_SCOPES) return null
    return known.length === 0 ? Scopes.none : new Scopes(known)
  }

  mayReadTopic(topic: string, type: string): boolean {
    return this.isAdmin || this.#has('read:topic', topic, { type, room: null })
  }

  mayReadRoom(room: AskedRoom, type: string): boolean {
    return this.isAdmin || this.#has('read:room', room.id, { type, room })
  }

  /** What the server alone says on a closed topic cannot be published by anybody else. */
  mayPublish(topic: string, type: string, to: string | null): boolean {
    if (isClosedTopic(topic)) return false
    if (this.isAdmin) return true
    const asked = { type, room: null }
    return to === null
      ? this.#has('publish:topic', topic, asked)
      : this.#has('publish:client', to, asked)
  }

  #has(deed: Deed, what: string, asked: { type: string; room: AskedRoom | null }): boolean {
    for (const scope of this.#scopes)
      if (
        scope.deed === deed &&
        (scope.types === null || scope.types.matches(asked.type)) &&
        scope.matches(what, asked.room)
      )
        return true
    return false
  }
}

/** True for a text of the grammar. */
export function isScope(text: string): boolean {
  return text === 'admin' || compileScope(text) !== null
}

function compileScope(text: string): Scope | null {
  if (text.length > MAX_SCOPE_CHARACTERS) return null
  const { deed, what = '', types } = SCOPE.exec(text)?.groups ?? {}
  if (deed === undefined) return null
  const typePattern = types === undefined ? null : compileNamePattern(types)
  if (types !== undefined && typePattern === null) return null
  const matches = deed === 'read:room' ? compileRooms(what) : compileOthers(deed as Deed, what)
  return matches && { deed: deed as Deed, matches, types: typePattern }
}

function compileOthers(deed: Deed, what: string): Scope['matches'] | null {
  const pattern = deed === 'publish:client' ? compileNamePattern(what) : compileTopicPattern(what)
  return pattern && ((name) => pattern.matches(name))
}

/** Rooms by their id (`abc*`), or by their type and id (`arena/*`). */
function compileRooms(what: string): Scope['matches'] | null {
  const [first = '', second, ...rest] = what.split('/')
  if (rest.length > 0) return null
  const id = compileNamePattern(second ?? first)
  const type = second === undefined ? null : compileNamePattern(first)
  if (id === null || (second !== undefined && type === null)) return null
  return (_, room) =>
    room !== null && id.matches(room.id) && (type === null || type.matches(room.type))
}
