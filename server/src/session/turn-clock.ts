import type { Clock } from '../clock.ts'

/** So many readings of one millisecond in a row are a burst. */
const BURST = 4

/**
 * Time for the rate limit. Reading a clock costs up to 120 ns, a tenth of a message; so in a burst it
 * is read once and holds until the turn ends. It may thus be late by the length of the turn, never
 * early: a bucket is refilled later, never too much.
 */
export class TurnClock {
  readonly #clock: Clock
  #now = 0
  #sameCount = 0
  #isHeld = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    if (this.#isHeld) return this.#now
    const now = this.#clock.now()
    if (now !== this.#now) {
      this.#now = now
      this.#sameCount = 0
    } else if (++this.#sameCount >= BURST) {
      this.#isHeld = true
      this.#clock.soon(this.#release)
    }
    return now
  }

  readonly #release = (): void => {
    this.#isHeld = false
    this.#sameCount = 0
  }
}
