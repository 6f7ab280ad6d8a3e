/**
 * A bucket of tokens for all commands of one room: as many in a second as it is told, and as many at once (RM64). Two
 * numbers and the clock, as the bucket of a client.
 */
export class MessageBudget {
  readonly #perSecond: number
  #tokens: number
  #refilledAt = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
    this.#tokens = perSecond
  }

  /** Takes one; false when none is left. */
  take(now: number): boolean {
    if (now > this.#refilledAt) {
      const tokens = this.#tokens + ((now - this.#refilledAt) * this.#perSecond) / 1000
      this.#tokens = tokens > this.#perSecond ? this.#perSecond : tokens
      this.#refilledAt = now
    }
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
