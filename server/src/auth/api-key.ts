import { RingsideError } from '../process/errors.ts'
import { isSameSecret } from '../process/exact-text.ts'
import type { HttpRequest } from '../transport/contract.ts'

const MIN_KEY_CHARACTERS = 16
/**
 * A header carries these as they are, whatever sends and reads it; white space at the ends it loses (RFC 9110 section
 * 5.5), and other characters are other bytes for each client.
 */
const KEY = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/** Wrong keys of each address, as limit/address-rate.ts counts them. */
export interface GuessRate {
  /** @throws RingsideError too_many_requests once the address has had all of its guesses. */
  checkLeft(address: string): void
  /** Counts one. */
  take(address: string): unknown
}

/**
 * Makes the check of `X-API-Key`. Without a key every request is refused. A key that is wrong is charged to its
 * address, and once that has had all of its guesses no key is looked at, not even the right one (LI3).
 * The header's text must be the key's, character by character (LI5); two such headers are no key.
 * @throws RingsideError option_invalid for a key under 16 characters, or one that a header does not carry unchanged.
 */
export function createKeyCheck(
  apiKey: string | null,
  guesses: GuessRate,
): (request: HttpRequest) => void {
  if (apiKey !== null && apiKey.length < MIN_KEY_CHARACTERS)
    throw new RingsideError(
      'option_invalid',
      `Expected an apiKey of ${MIN_KEY_CHARACTERS} characters or more, got ${apiKey.length}`,
    )
  if (apiKey !== null && !KEY.test(apiKey))
    throw new RingsideError(
      'option_invalid',
      'Expected an apiKey of printable ASCII characters, with no space at its ends',
    )
  return (request) => {
    const given = request.header('x-api-key')
    if (apiKey === null || given === '') throw new RingsideError('unauthorized')
    guesses.checkLeft(request.remoteAddress)
    if (isSameSecret(given, apiKey)) return
    guesses.take(request.remoteAddress)
    throw new RingsideError('unauthorized')
  }
}
