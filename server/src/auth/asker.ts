import type { Pattern } from './pattern.ts'
import type { AskedRoom, Principal } from './principal.ts'
import { Scopes } from './scope.ts'

/** What everybody may do, whoever they are. */
export interface PublicRights {
  readonly topics: readonly Pattern[]
}

/**
 * Somebody from outside. What everybody may do they may as well: a key or token only adds to it, for whoever has one
 * could also come without (AU5).
 */
abstract class Asker implements Principal {
  abstract readonly id: string
  abstract readonly kind: 'key' | 'user' | 'anonymous'
  abstract readonly isValid: boolean
  abstract readonly expiresAt: number | null
  protected abstract readonly scopes: Scopes
  readonly #everybody: PublicRights

  constructor(everybody: PublicRights) {
    this.#everybody = everybody
  }

  mayReadTopic(topic: string, type: string): boolean {
    if (!this.isValid) return false
    for (const pattern of this.#everybody.topics) if (pattern.matches(topic)) return true
    return this.scopes.mayReadTopic(topic, type)
  }

  mayReadRoom(room: AskedRoom, type: string): boolean {
    return this.isValid && (!room.isPrivate || this.scopes.mayReadRoom(room, type))
  }

  mayPublish({ topic, type, to }: { topic: string; type: string; to: string | null }): boolean {
    return this.isValid && this.scopes.mayPublish(topic, type, to)
  }

  get isOperator(): boolean {
    return this.isValid && this.scopes.isAdmin
  }
}

/** Nobody known. One object stands for all of them. */
export class Anonymous extends Asker {
  readonly id = 'anonymous'
  readonly kind = 'anonymous'
  readonly isValid = true
  readonly expiresAt = null
  protected readonly scopes = Scopes.none
}

/** A key as it is now: its scopes and its end may change while somebody is connected with it. */
export interface LiveKey {
  readonly id: string
  readonly scopes: Scopes
  readonly expiresAt: number | null
  readonly isRevoked: boolean
}

/** The holder of a key. */
export class KeyHolder extends Asker {
  readonly kind = 'key'
  readonly #key: LiveKey
  readonly #now: () => number

  constructor(everybody: PublicRights, key: LiveKey, now: () => number) {
    super(everybody)
    this.#key = key
    this.#now = now
  }

  get id(): string {
    return `key:${this.#key.id}`
  }

  get expiresAt(): number | null {
    return this.#key.expiresAt
  }

  get isValid(): boolean {
    const { isRevoked, expiresAt } = this.#key
    return !isRevoked && (expiresAt === null || this.#now() < expiresAt)
  }

  protected get scopes(): Scopes {
    return this.#key.scopes
  }
}

/** A token that was verified. */
export interface VerifiedToken {
  readonly subject: string
  readonly scopes: Scopes
  readonly expiresAt: number
  readonly claims: Readonly<Record<string, unknown>>
}

/** The user that a token names. */
export class TokenUser extends Asker {
  readonly kind = 'user'
  readonly id: string
  readonly expiresAt: number
  readonly claims: Readonly<Record<string, unknown>>
  protected readonly scopes: Scopes
  readonly #now: () => number
  #isOver = false

  constructor(everybody: PublicRights, token: VerifiedToken, now: () => number) {
    super(everybody)
    this.id = `user:${token.subject}`
    this.expiresAt = token.expiresAt
    this.claims = token.claims
    this.scopes = token.scopes
    this.#now = now
  }

  /** A clock that is set back brings nobody back. */
  get isValid(): boolean {
    if (!this.#isOver && this.#now() >= this.expiresAt) this.#isOver = true
    return !this.#isOver
  }
}
