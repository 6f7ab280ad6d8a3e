import { createHash } from 'node:crypto'
import { RingsideError } from '../process/errors.ts'
import { isSameSecret } from '../process/exact-text.ts'
import { KeyHolder } from './asker.ts'
import type { PublicRights } from './asker.ts'
import type { Principal } from './principal.ts'
import { Scopes } from './scope.ts'

const MIN_KEY_CHARACTERS = 16
/**
 * A header carries these as they are, whatever sends and reads it; white space at the ends it loses (RFC 9110 section
 * 5.5), and other characters are other bytes for each client.
 */
const KEY = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/** Wrong keys and tokens of each address, as limit/address-rate.ts counts them. */
export interface GuessRate {
  /** @throws RingsideError too_many_requests once the address has had all of its guesses. */
  checkLeft(address: string): void
  /** Counts one. */
  take(address: string): unknown
}

export interface KeyCheckParts {
  /** The operator's; null: there is none. */
  readonly apiKey: string | null
  readonly guesses: GuessRate
  readonly everybody: PublicRights
  /** Finds the holder of a key that was made at run time; null for any other text. Default: there are none. */
  readonly find?: (text: string) => Principal | null
}

/**
 * The check of `X-API-Key`: the operator's key, which has every scope, and keys made at run time. A key that is wrong
 * is charged to its address, and once that has had all of its guesses no key is looked at, not even the right one (LI3).
 * The text must be the key's, character by character (LI5); two such headers are no key.
 */
export class KeyCheck {
  readonly #parts: KeyCheckParts
  readonly #operator: Principal | null

  /** @throws RingsideError option_invalid for a key under 16 characters, or one that a header does not carry unchanged. */
  constructor(parts: KeyCheckParts) {
    const { apiKey, everybody } = parts
    if (apiKey !== null) checkApiKey(apiKey)
    this.#parts = parts
    const key = { id: nameOf(apiKey ?? ''), scopes: ALL, expiresAt: null, isRevoked: false }
    this.#operator = apiKey === null ? null : new KeyHolder(everybody, key, () => 0)
  }

  /** Is it the operator's own key, rather than one that was made with it? */
  isOwn(principal: Principal): boolean {
    return principal === this.#operator
  }

  /** The holder of a key. @throws RingsideError unauthorized, too_many_requests. */
  holderOf(text: string, address: string): Principal {
    const { apiKey, guesses, find } = this.#parts
    if (text === '') throw new RingsideError('unauthorized')
    guesses.checkLeft(address)
    // Both are asked, so that the time tells nothing of which it is.
    const kept = find?.(text) ?? null
    if (apiKey !== null && isSameSecret(text, apiKey) && this.#operator) return this.#operator
    if (kept?.isValid === true) return kept
    guesses.take(address)
    throw new RingsideError('unauthorized')
  }
}

const ALL = Scopes.among(['admin']) ?? Scopes.none

/** Names the operator's key where it is told who did something: 8 letters of its digest. */
export function nameOf(apiKey: string): string {
  return createHash('sha256').update(apiKey).digest('hex').slice(0, 8)
}

function checkApiKey(apiKey: string): void {
  if (apiKey.length < MIN_KEY_CHARACTERS)
    throw new RingsideError(
      'option_invalid',
      `Expected an apiKey of ${MIN_KEY_CHARACTERS} characters or more, got ${apiKey.length}`,
    )
  if (!KEY.test(apiKey))
    throw new RingsideError(
      'option_invalid',
      'Expected an apiKey of printable ASCII characters, with no space at its ends',
    )
}
