import { RingsideError } from '../errors.ts'

/** Most timers a room may have at once: a game that forgets to cancel must not eat the process. */
const MAX_TIMERS = 1_000

interface Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/** A room's timers, on the room's own clock: they fire between ticks, in order of time, then of making. */
export class RoomTimers {
  #timers: Timer[] = []
  #order = 0

  /** Earliest due time in ms of the room's clock, or Infinity. */
  get nextAt(): number {
    return this.#timers[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /**
   * @throws RingsideError option_invalid for a bad delay or with too many timers.
   */
  add(now: number, ms: number, callback: () => void): () => void {
    if (!Number.isFinite(ms) || ms < 0)
      throw new RingsideError('option_invalid', `Expected a delay of at least 0 ms, got ${ms}`)
    if (this.#timers.length >= MAX_TIMERS)
      throw new RingsideError('option_invalid', `Expected at most ${MAX_TIMERS} timers in a room`)
    const timer: Timer = { at: now + ms, order: this.#order++, callback }
    const index = this.#timers.findIndex((other) => other.at > timer.at)
    if (index < 0) this.#timers.push(timer)
    else this.#timers.splice(index, 0, timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Takes the next timer that is due at `now`, or null. */
  takeDue(now: number): Timer | null {
    const first = this.#timers[0]
    if (!first || first.at > now) return null
    this.#timers.shift()
    return first
  }

  clear(): void {
    this.#timers = []
  }
}
