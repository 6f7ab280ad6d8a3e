import type { Clock } from '../../process/clock.ts'

/**
 * The time that retention goes by: a clock that jumps must not cut a log that is young (OB83). It is the store's
 * time while the process's own agrees; where the store goes ahead, it is approached no faster than time passes,
 * so that a store that is wrong by a day has a day to be put right, and one that was behind and is put right does not
 * age what it has dated.
 */
export class CutClock {
  readonly #clock: Clock
  /** It is so far ahead of the process's own time, in ms; negative where it is behind. */
  #aheadMs = 0
  #readAt: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#readAt = clock.now()
  }

  /** @param storeNow the store's time in ms. */
  now(storeNow: number): number {
    const own = this.#clock.now()
    const passedMs = own - this.#readAt
    this.#readAt = own
    this.#aheadMs = Math.min(storeNow - own, this.#aheadMs + passedMs)
    return own + this.#aheadMs
  }
}
