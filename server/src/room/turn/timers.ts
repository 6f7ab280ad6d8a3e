import { checkFunction, invalid, shownNumber } from '../../process/argument.ts'
import type { Time } from './time.ts'

/** Most timers a room may have at once: a game that forgets to cancel must not eat the process. */
const MAX_TIMERS = 1_000

interface Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/** A room's timers, on the room's own clock: they fire between ticks, in order of time, then of making. */
export class Timers {
  readonly #time: Time
  #timers: Timer[] = []
  #order = 0

  constructor(time: Time) {
    this.#time = time
  }

  /** When the next one is due, by the server's clock; Infinity without any. */
  get nextAt(): number {
    return this.#timers[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Timers made from now on; a step leaves them to the next one, or `after(0)` would never end it. */
  get mark(): number {
    return this.#order
  }

  /**
   * @throws RingsideError option_invalid for a bad delay or with too many timers.
   */
  add(ms: number, callback: () => void): () => void {
    if (!Number.isFinite(ms) || ms < 0)
      throw invalid(`Expected a delay of at least 0 ms, got ${shownNumber(ms)}`)
    checkFunction('the callback of a timer', callback)
    if (this.#timers.length >= MAX_TIMERS)
      throw invalid(`Expected at most ${MAX_TIMERS} timers in a room`)
    const timer: Timer = { at: this.#time.elapsedMs + ms, order: this.#order++, callback }
    const index = this.#timers.findIndex((other) => other.at > timer.at)
    if (index < 0) this.#timers.push(timer)
    else this.#timers.splice(index, 0, timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Takes the next timer that is due at `now`, by the server's clock, and was made before `mark`, or null. */
  takeDue(now: number, mark: number): Timer | null {
    const index = this.#timers.findIndex((timer) => timer.order < mark)
    const timer = this.#timers[index]
    if (!timer || timer.at > now) return null
    this.#timers.splice(index, 1)
    return timer
  }

  clear(): void {
    this.#timers = []
  }
}
