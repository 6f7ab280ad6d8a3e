import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import { TooManyRequests } from '../process/errors.ts'

/** Guards a route by a key, an IP for example. */
export interface RateLimit {
  /** @throws TooManyRequests (429 with Retry-After) when the key has had its share. */
  consume(key: string): Promise<void>
}

/**
 * So many a second for each key. `limiter` is where the counts live: by default this process; give one
 * on a database to share them.
 */
export function createRateLimit(perSecond: number, limiter?: RateLimiterAbstract): RateLimit {
  const store = limiter ?? new RateLimiterMemory({ points: perSecond, duration: 1 })
  return {
    async consume(key) {
      try {
        await store.consume(key)
      } catch (refusal) {
        if (refusal instanceof Error) throw refusal
        throw new TooManyRequests((refusal as { msBeforeNext: number }).msBeforeNext)
      }
    },
  }
}
