import { createHash, timingSafeEqual } from 'node:crypto'

/**
 * Reads base64url (RFC 4648 section 5, no padding) that is written the one way it can be written; null for any other
 * text. Node's own decoder skips what is not of the alphabet and ignores what follows, so many texts would mean the same
 * bytes (LI5). Bound the length before.
 */
export function decodeBase64Url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}

/** True for the same bytes, in a time that tells nothing about where they differ. */
export function isSameBytes(given: Uint8Array, expected: Uint8Array): boolean {
  return given.byteLength === expected.byteLength && timingSafeEqual(given, expected)
}

/**
 * True for the same text, code unit by code unit, in a time that tells nothing of the secret, not even its length:
 * their digests are compared. An empty text is never a secret. UTF-16 units are hashed, for in UTF-8 all lone surrogates
 * are one and the same.
 */
export function isSameSecret(given: string, expected: string): boolean {
  return given !== '' && timingSafeEqual(digestOf(given), digestOf(expected))
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf16le').digest()
}
