import { randomFillSync } from 'node:crypto'

const ID_BYTES = 16
/** Random bytes fetched at once: one call into the system serves 256 ids. */
const POOL_BYTES = 4_096

/**
 * Makes session ids: 128 bits of the system's randomness as 32 hex digits. They are flat strings:
 * `randomUUID` leaves each as a tree of its pieces, much larger, for as long as the session lives
 * (`npm run bench -- dispatch`, memory per idle session).
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
