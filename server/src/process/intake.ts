/** These decide who is slow. */
export interface IntakeLimits {
  readonly maxBehindMs: number
  readonly minBytesPerSecond: number
}

const MS_PER_SECOND = 1_000

/**
 * Judges the reader of one socket while bytes wait for it: it may take nothing for `maxBehindMs`, and has to take
 * `minBytesPerSecond`, averaged over that (SL6). Each byte that it takes buys time, of which it can have no more than
 * `maxBehindMs`; at the floor it gains what passes. What it takes is seen by what waits, from one look to the next.
 */
export class Intake {
  readonly #limits: IntakeLimits
  /** Bytes that waited at the last look; 0 = none did. */
  #waiting = 0
  /** It is too slow from then on, in ms. */
  #deadline = 0

  constructor(limits: IntakeLimits) {
    this.#limits = limits
  }

  /** Looks at what waits now: what is less than before was taken. True when anything was. */
  look(waiting: number, now: number): boolean {
    const taken = this.#waiting - waiting
    if (this.#waiting === 0) this.#deadline = now + this.#limits.maxBehindMs
    else if (taken > 0) this.took(taken, now)
    this.#waiting = waiting
    return taken > 0
  }

  /** More was handed over: what waits now says nothing of what was taken. */
  handed(waiting: number, now: number): void {
    if (this.#waiting === 0) this.look(waiting, now)
    else this.#waiting = Math.max(1, waiting)
  }

  /** So many bytes were taken. */
  took(byteCount: number, now: number): void {
    const { maxBehindMs, minBytesPerSecond } = this.#limits
    const bought = this.#deadline + (byteCount * MS_PER_SECOND) / minBytesPerSecond
    this.#deadline = Math.min(now + maxBehindMs, bought)
  }

  isSlow(now: number): boolean {
    return this.#waiting > 0 && now >= this.#deadline
  }
}
