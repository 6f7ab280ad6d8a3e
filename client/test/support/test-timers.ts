import { ManualClock } from '@ringside/server'
import { advance, settle } from '@ringside/server/testing'
import type { Timers } from '../../src/timers.ts'

export { settle }

/** The kit's time as the SDK's timers. */
export class TestTimers implements Timers {
  readonly #clock = new ManualClock()

  now(): number {
    return this.#clock.now()
  }

  after(ms: number, callback: () => void): () => void {
    return this.#clock.after(ms, callback)
  }

  get pending(): number {
    return this.#clock.pendingCount
  }

  /** Moves on, calling what comes due in order and letting promises settle after each. */
  advance(ms: number): Promise<void> {
    return advance(this.#clock, ms)
  }
}
