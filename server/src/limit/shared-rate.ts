import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { RingsideError, TooManyRequests } from '../process/errors.ts'

/** Counts that all processes share, as a store keeps them (RateStore). */
export interface SharedCounts {
  /** Counts one of `key` in its window of `durationMs`, which begins with the first one. */
  take(
    key: string,
    durationMs: number,
  ): Promise<{ readonly count: number; readonly msLeft: number }>
}

export interface SharedRateParts {
  /** Names it among the counts of a store: 1 to 40 letters, digits and `-`. */
  readonly name: string
  /** So many in a window. */
  readonly points: number
  readonly durationMs: number
  /** Null: this process counts for itself. */
  readonly counts: SharedCounts | null
}

const NAME = /^[a-z0-9-]{1,40}$/
/** Keys counted in memory at once; an attack with more of them only makes the count forgetful. */
const MAX_KEYS = 100_000

/**
 * A rate that may wait and holds across processes (LI10): of wrong keys, and of what is no hot path. It is
 * `rate-limiter-flexible`, by the machine's clock; in MongoDB where the log is there, else in memory, and in memory as
 * well while the store does not answer: then each process counts for itself.
 */
export class SharedRate {
  readonly #parts: SharedRateParts
  #memory: RateLimiterMemory
  readonly #keys = new Set<string>()

  /** @throws RingsideError option_invalid. */
  constructor(parts: SharedRateParts) {
    const { name, points, durationMs } = parts
    if (!NAME.test(name) || !(points >= 1) || !(durationMs >= 1_000))
      throw new RingsideError(
        'option_invalid',
        `Expected a rate with a name, of 1 or more in 1,000 ms or more, got '${name}', ${points} and ${durationMs}`,
      )
    this.#parts = parts
    this.#memory = this.#inMemory()
  }

  /** Counts one. @throws TooManyRequests once the key has had all of its window. */
  async take(key: string): Promise<void> {
    const { name, points, durationMs, counts } = this.#parts
    if (counts === null) return this.#takeHere(key)
    let taken: Awaited<ReturnType<SharedCounts['take']>>
    try {
      taken = await counts.take(`${name}/${key}`, durationMs)
    } catch {
      return this.#takeHere(key)
    }
    if (taken.count > points) throw new TooManyRequests(taken.msLeft)
  }

  async #takeHere(key: string): Promise<void> {
    if (this.#keys.size >= MAX_KEYS) {
      this.#keys.clear()
      this.#memory = this.#inMemory()
    }
    this.#keys.add(key)
    try {
      await this.#memory.consume(key)
    } catch (error) {
      if (error instanceof RateLimiterRes) throw new TooManyRequests(error.msBeforeNext)
      throw error
    }
  }

  #inMemory(): RateLimiterMemory {
    const { name, points, durationMs } = this.#parts
    return new RateLimiterMemory({ keyPrefix: name, points, duration: durationMs / 1_000 })
  }
}
