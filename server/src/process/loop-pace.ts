import type { Clock } from './clock.ts'
import { Waits } from './wait.ts'

const FIRST_MS = 10
const LONGEST_MS = 1_000
/** Turns a second of a loop that does not say otherwise, and how many of them may come at once. */
const PER_SECOND = 200
const BURST = 20

/**
 * A floor under the pace of a loop over something outside: a store, a cursor, a connection (OB31). Such a loop
 * trusts its await to wait. When the thing outside has died the await may be over at once, every time, and then the
 * loop would take the whole event loop. A turn that brought something need not be counted, for there is only so
 * much to bring; every other one is. At most 20 turns go at once, and 200 a second after that. `release` ends all
 * waits for good.
 */
export class LoopPace {
  readonly #clock: Clock
  readonly #waits: Waits
  /** The time at which the next turn is due, were there no burst. */
  #dueAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
    this.#waits = new Waits(clock)
  }

  /** Counts a turn and says in how many ms it may begin: for a loop that is made of timers. */
  next(): number {
    const now = this.#clock.now()
    const everyMs = 1_000 / PER_SECOND
    this.#dueAt = Math.max(this.#dueAt, now - (BURST - 1) * everyMs)
    const waitMs = Math.max(0, this.#dueAt - now)
    this.#dueAt += everyMs
    return waitMs
  }

  /** Counts a turn and resolves when it may begin. */
  async turn(): Promise<void> {
    const waitMs = this.next()
    if (waitMs > 0) await this.#waits.sleep(waitMs)
  }

  /**
   * Waits between attempts that fail, doubling from 10 ms to 1 s.
   * @param attempt - 0 for the first failure.
   */
  async backOff(attempt: number): Promise<void> {
    await this.#waits.sleep(Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10)))
  }

  release(): void {
    this.#waits.release()
  }
}
