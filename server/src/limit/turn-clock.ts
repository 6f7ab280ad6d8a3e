import type { Clock } from '../process/clock.ts'

/** So many readings of one millisecond in a row are a burst. */
const BURST = 4
/** Stamps begin anew after this one: they stay small integers, which V8 neither boxes nor compares by call. */
const MAX_STAMP = 0x3fff_ffff

/**
 * Time for the rate limit. Reading a clock costs a good part of a message's time; so in a burst it
 * is read once and holds until the turn ends. It may thus be late by the length of the turn, never
 * early: a bucket is refilled later, never too much.
 */
export class TurnClock {
  readonly #clock: Clock
  #stamp = 0
  #now = 0
  /** Readings in a row that told the same; from BURST on the time is held. */
  #sameCount = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Reads the clock. The result is another number, from 0 on, whenever {@link now} is another one. */
  stamp(): number {
    if (this.#sameCount < BURST) this.#read()
    return this.#stamp
  }

  /** The time of the last stamp, in ms. */
  get now(): number {
    return this.#now
  }

  #read(): void {
    const now = this.#clock.now()
    if (now !== this.#now) {
      this.#now = now
      this.#sameCount = 0
      this.#stamp = this.#stamp === MAX_STAMP ? 0 : this.#stamp + 1
    } else if (++this.#sameCount === BURST) {
      this.#clock.soon(this.#release)
    }
  }

  readonly #release = (): void => {
    this.#sameCount = 0
  }
}
