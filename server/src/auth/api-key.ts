import { createHash, timingSafeEqual } from 'node:crypto'
import { RingsideError } from '../process/errors.ts'
import type { HttpRequest } from '../transport/contract.ts'

const MIN_KEY_CHARACTERS = 16

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
 * @throws RingsideError option_invalid for a key under 16 characters.
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
  const expected = apiKey === null ? null : digest(apiKey)
  return (request) => {
    const given = request.header('x-api-key')
    if (!expected || given === '') throw new RingsideError('unauthorized')
    guesses.checkLeft(request.remoteAddress)
    // Digests have one length, so the comparison tells nothing about the key, not even its length.
    if (timingSafeEqual(expected, digest(given))) return
    guesses.take(request.remoteAddress)
    throw new RingsideError('unauthorized')
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
