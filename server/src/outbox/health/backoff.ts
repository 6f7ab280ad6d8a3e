import type { Clock } from '../../process/clock.ts'

const FIRST_MS = 10
const LONGEST_MS = 1_000

/** Waits between attempts, doubling from 10 ms to 1 s; `release` ends all waits at once. */
export class Backoff {
  readonly #clock: Clock
  readonly #waits = new Set<() => void>()
  #isReleased = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param attempt - 0 for the first failure. */
  async wait(attempt: number): Promise<void> {
    if (this.#isReleased) return
    const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10))
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancel()
        this.#waits.delete(finish)
        resolve()
      }
      const cancel = this.#clock.after(ms, finish)
      this.#waits.add(finish)
    })
  }

  release(): void {
    this.#isReleased = true
    for (const finish of this.#waits) finish()
  }
}
