import { wallNow } from '../../process/clock.ts'
import type { Clock } from '../../process/clock.ts'

/** The room's own time is compared with the time of day so often. */
const LOOK_EVERY_MS = 250
/** While it is ahead of the time of day, a room's time goes on by so much of what passes. */
const SLOWED = 0.9

/**
 * A room's time. `now` is the time of day, but never goes back (RM72): it follows a clock that is set ahead, and while it
 * is ahead of one that was set back it goes a tenth slower. `elapsedMs` is what durations are measured by: nobody sets it.
 */
export class Time {
  /** The room's clock in ms since the Unix epoch, whole. */
  now: number
  /** Ms of the server's clock, of which only differences mean anything. */
  elapsedMs: number
  /** Ticks since the room began. */
  tick: number
  readonly #clock: Clock
  #exactNow: number
  #aheadMs = 0
  #lookAt: number

  /** @param atLeast - the room's clock was there already. */
  constructor(clock: Clock, atLeast: number, tick: number) {
    this.#clock = clock
    this.elapsedMs = clock.now()
    this.#lookAt = this.elapsedMs
    this.now = this.#exactNow = Math.max(wallNow(clock), atLeast)
    this.tick = tick
  }

  /** A turn begins at `at`, by the server's clock. */
  begin(at: number): void {
    const passedMs = at - this.elapsedMs
    if (passedMs <= 0) return
    this.elapsedMs = at
    if (at >= this.#lookAt) {
      this.#lookAt = at + LOOK_EVERY_MS
      this.#aheadMs = wallNow(this.#clock) - this.#clock.now()
    }
    this.#exactNow = Math.max(at + this.#aheadMs, this.#exactNow + passedMs * SLOWED)
    this.now = Math.floor(this.#exactNow)
  }
}
