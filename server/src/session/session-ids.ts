import { randomFillSync } from 'node:crypto'

const ID_BYTES = 16
/** Random bytes fetched at once: one call into the system serves 256 ids. */
const POOL_BYTES = 4_096

/**
 * Makes session ids: 128 bits of the system's randomness as 32 hex digits. Flat strings of 48 bytes:
 * `randomUUID` leaves each as a tree of its pieces, 480 bytes for as long as the session lives.
 */
export class SessionIds {
  readonly #pool = Buffer.alloc(POOL_BYTES)
  #at = POOL_BYTES

  next(): string {
    if (this.#at === POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#at = 0
    }
    const start = this.#at
    this.#at += ID_BYTES
    return this.#pool.toString('hex', start, this.#at)
  }
}
