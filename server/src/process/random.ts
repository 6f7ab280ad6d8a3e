import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import type { Cipher } from 'node:crypto'
import { invalid, shownNumber } from './argument.ts'
import { RingsideError } from './errors.ts'

/**
 * The randomness of a room. The same seed and epoch give the same draws on every machine; from any number of
 * draws nobody who lacks the seed can tell another, be it before, between or after them (OB20). So players
 * may see dice, and cards be dealt from the same generator. A holder of the seed can tell every draw.
 */
export interface Random {
  /** From 0 (inclusive) to 1 (exclusive), in steps of 2^-53. */
  next(): number
  /**
   * A whole number from `min` to `max`, both inclusive, each as likely as any other.
   * @throws RingsideError option_invalid unless both are safe integers, `min <= max`, less than 2^53 apart.
   */
  int(min: number, max: number): number
}

/** So many bytes of the stream are made at once, for a call into the crypto library costs far more than a draw. */
const BLOCK_BYTES = 1_024
const SEED_BYTES = 32
/** OpenSSL takes ChaCha20's counter and nonce as one; a key is never used twice, so both begin at zero. */
const COUNTER_AND_NONCE_BYTES = 16
const TWO_TO_32 = 2 ** 32
const TWO_TO_53 = 2 ** 53
/** A product with a 32-bit word is exact up to here. */
const SMALL_RANGE = 2 ** 21

/** The cipher encrypts these zeros, and the result is its key stream. */
const zeros = new Uint8Array(BLOCK_BYTES)

/**
 * Makes the generator of a seed and an epoch. Each epoch has draws of its own, so that a new owner of a
 * room repeats none that the one before has shown.
 *
 * `seed` is as secret as the draws: rooms have 256 bits (64 hex digits). A number, or a short text, gives
 * repeatable draws too, for bots and tests, but anybody who can try all seeds finds it. 7 and '7' are the same.
 * `epoch` is a whole number; default 0.
 * @throws RingsideError option_invalid for anything else.
 */
export function createRandom(seed: number | string, epoch = 0): Random {
  if (typeof seed !== 'string' && !Number.isFinite(seed))
    throw invalid(`Expected a seed as text or a number, got ${shownNumber(seed)}`)
  if (!Number.isSafeInteger(epoch) || epoch < 0)
    throw invalid(`Expected an epoch as a whole number from 0, got ${shownNumber(epoch)}`)
  const key = createHmac('sha256', String(seed)).update(`ringside random ${epoch}`).digest()
  return new ChaChaRandom(key)
}

/**
 * Makes the seeds of rooms, 64 hex digits each. With a server's own seed a room's is its HMAC-SHA-256 over
 * the room's id, so that one room's seed tells nothing of another's; without, it is the system's randomness.
 */
export function createSeeds(serverSeed: string | null): (roomId: string) => string {
  if (serverSeed === null) return () => randomBytes(SEED_BYTES).toString('hex')
  return (roomId) =>
    createHmac('sha256', serverSeed).update(`ringside room ${roomId}`).digest('hex')
}

/** ChaCha20's key stream, read in words of 32 bits, little-endian. Its fields are out of reach of any log line. */
class ChaChaRandom implements Random {
  readonly #key: Buffer
  /** It is made at the first draw, for many rooms never draw. */
  #cipher: Cipher | null = null
  #block = new DataView(zeros.buffer)
  #at = BLOCK_BYTES

  constructor(key: Buffer) {
    this.#key = key
  }

  next(): number {
    return this.#word53() / TWO_TO_53
  }

  int(min: number, max: number): number {
    const width = max - min
    if (
      !(Number.isSafeInteger(min) && Number.isSafeInteger(max)) ||
      !(width >= 0 && width < TWO_TO_53)
    )
      throw invalidRange(min, max)
    return min + this.#below(width + 1)
  }

  /** From 0 to `size` - 1; a draw that would make some numbers likelier is drawn again. */
  #below(size: number): number {
    if (size > SMALL_RANGE) {
      const fair = TWO_TO_53 - (TWO_TO_53 % size)
      let word = this.#word53()
      while (word >= fair) word = this.#word53()
      return word % size
    }
    // Lemire's method: the upper half of a product is the number, the lower half tells whether it is fair.
    let product = this.#word() * size
    let number = Math.floor(product / TWO_TO_32)
    if (product - number * TWO_TO_32 < size) {
      const unfair = TWO_TO_32 % size
      while (product - number * TWO_TO_32 < unfair) {
        product = this.#word() * size
        number = Math.floor(product / TWO_TO_32)
      }
    }
    return number
  }

  #word53(): number {
    const high = this.#word() >>> 11
    return high * TWO_TO_32 + this.#word()
  }

  #word(): number {
    if (this.#at === BLOCK_BYTES) this.#fill()
    const word = this.#block.getUint32(this.#at, true)
    this.#at += 4
    return word
  }

  #fill(): void {
    this.#cipher ??= createCipheriv('chacha20', this.#key, new Uint8Array(COUNTER_AND_NONCE_BYTES))
    const { buffer, byteOffset, byteLength } = this.#cipher.update(zeros)
    this.#block = new DataView(buffer, byteOffset, byteLength)
    this.#at = 0
  }
}

function invalidRange(min: number, max: number): RingsideError {
  return new RingsideError(
    'option_invalid',
    `Expected whole numbers min <= max, got ${min}, ${max}`,
  )
}
