import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  timingSafeEqual,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** Gives the secret key of 32 bytes for a purpose. */
export type KeyFor = (purpose: string) => Uint8Array

const IV_BYTES = 16

/**
 * Authenticated encryption that needs no randomness (SIV, as RFC 5297 composes it, of HMAC-SHA-256 and AES-256-CTR):
 * the IV is the tag of the content, so that no nonce can ever repeat over another content, however many processes share
 * a key and for however long. The same content is the same text, and only who has the keys can read or make one.
 */
export class Sealer {
  readonly #keyFor: KeyFor
  readonly #purpose: string
  #keys: { readonly tag: KeyObject; readonly cipher: KeyObject } | null = null

  /** `keyFor` is asked at the first use, for `<purpose> tag` and `<purpose> cipher`. */
  constructor(keyFor: KeyFor, purpose: string) {
    this.#keyFor = keyFor
    this.#purpose = purpose
  }

  /** Seals the content; the text is base64url. */
  seal(plain: Uint8Array): string {
    const iv = this.#tag(plain)
    const cipher = createCipheriv('aes-256-ctr', this.#known.cipher, iv)
    return Buffer.concat([iv, cipher.update(plain), cipher.final()]).toString('base64url')
  }

  /** The content of a text that was sealed here, to the last bit; null for any other. */
  open(text: string): Uint8Array | null {
    const bytes = Buffer.from(text, 'base64url')
    // Base64 has many spellings of the same bytes: one of them is the text (CL34).
    if (bytes.length <= IV_BYTES || bytes.toString('base64url') !== text) return null
    const iv = bytes.subarray(0, IV_BYTES)
    const decipher = createDecipheriv('aes-256-ctr', this.#known.cipher, iv)
    const plain = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES)), decipher.final()])
    return timingSafeEqual(this.#tag(plain), iv) ? plain : null
  }

  get #known(): { readonly tag: KeyObject; readonly cipher: KeyObject } {
    this.#keys ??= {
      tag: createSecretKey(this.#keyFor(`${this.#purpose} tag`)),
      cipher: createSecretKey(this.#keyFor(`${this.#purpose} cipher`)),
    }
    return this.#keys
  }

  #tag(plain: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#known.tag).update(plain).digest().subarray(0, IV_BYTES)
  }
}
