import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'

/** The content of a reconnect token. Only the server can read or make one. */
export interface ReconnectToken {
  readonly room: string
  readonly session: string
  /** The epoch of the owner that issued it. */
  readonly epoch: number
  /** Grows with each JOINED that answers a newer token. */
  readonly generation: number
  /** Store time in ms. */
  readonly issuedAt: number
  readonly name: string
  /** `session.auth` as encoded JSON. */
  readonly auth: string
}

/** A room seals and opens the tokens of its seats by this. */
export interface ReconnectTokens {
  /** Store time in ms. */
  now(): number
  /** Seals a token that is issued now. */
  seal(token: Omit<ReconnectToken, 'issuedAt'>): string
  /** Null for a text that is no token of this server, to the last bit. */
  open(text: string): ReconnectToken | null
}

export interface SealedTokensParts {
  /** A secret key of 32 bytes for each purpose. */
  readonly keyFor: (purpose: string) => Uint8Array
  /** Store time in ms. */
  readonly now: () => number
}

const IV_BYTES = 16
/** A name of 24 characters and an auth of 4,096, in JSON and UTF-8, are below it; longer texts are not looked at. */
const MAX_TOKEN_CHARACTERS = 65_536

/**
 * Seals tokens by authenticated encryption that needs no randomness (SIV, as RFC 5297 composes it, of HMAC-SHA-256 and
 * AES-256-CTR): the IV is the tag of the content, so that no nonce can ever repeat over another content, however many
 * processes share a key and for however long. The same content is the same token.
 */
export class SealedTokens implements ReconnectTokens {
  readonly #parts: SealedTokensParts

  constructor(parts: SealedTokensParts) {
    this.#parts = parts
  }

  now(): number {
    return this.#parts.now()
  }

  seal(token: Omit<ReconnectToken, 'issuedAt'>): string {
    const { room, session, epoch, generation, name, auth } = token
    const content = [room, session, epoch, generation, this.now(), name, auth]
    const plain = Buffer.from(JSON.stringify(content), 'utf8')
    const iv = this.#tag(plain)
    const cipher = createCipheriv('aes-256-ctr', this.#cipherKey, iv)
    return Buffer.concat([iv, cipher.update(plain), cipher.final()]).toString('base64url')
  }

  open(text: string): ReconnectToken | null {
    if (text.length > MAX_TOKEN_CHARACTERS) return null
    const bytes = Buffer.from(text, 'base64url')
    // Base64 has many spellings of the same bytes: one of them is the token (CL34).
    if (bytes.length <= IV_BYTES || bytes.toString('base64url') !== text) return null
    const iv = bytes.subarray(0, IV_BYTES)
    const decipher = createDecipheriv('aes-256-ctr', this.#cipherKey, iv)
    const plain = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES)), decipher.final()])
    if (!timingSafeEqual(this.#tag(plain), iv)) return null
    // We sealed it, so the shape is ours.
    const [room, session, epoch, generation, issuedAt, name, auth] = JSON.parse(
      plain.toString('utf8'),
    ) as [string, string, number, number, number, string, string]
    return { room, session, epoch, generation, issuedAt, name, auth }
  }

  get #cipherKey(): Uint8Array {
    return this.#parts.keyFor('reconnect token cipher')
  }

  #tag(plain: Buffer): Buffer {
    const key = this.#parts.keyFor('reconnect token tag')
    return createHmac('sha256', key).update(plain).digest().subarray(0, IV_BYTES)
  }
}
