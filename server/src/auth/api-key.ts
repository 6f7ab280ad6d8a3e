import { createHash, timingSafeEqual } from 'node:crypto'
import { RingsideError } from '../process/errors.ts'
import type { HttpRequest } from '../transport/contract.ts'

const MIN_KEY_CHARACTERS = 16

/**
 * Makes the check of `X-API-Key`. Without a key every request is refused.
 * @throws RingsideError option_invalid for a key under 16 characters.
 */
export function createKeyCheck(apiKey: string | null): (request: HttpRequest) => void {
  if (apiKey !== null && apiKey.length < MIN_KEY_CHARACTERS)
    throw new RingsideError(
      'option_invalid',
      `Expected an apiKey of ${MIN_KEY_CHARACTERS} characters or more, got ${apiKey.length}`,
    )
  const expected = apiKey === null ? null : digest(apiKey)
  return (request) => {
    // Digests have one length, so the comparison tells nothing about the key, not even its length.
    if (!expected || !timingSafeEqual(expected, digest(request.header('x-api-key'))))
      throw new RingsideError('unauthorized')
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
