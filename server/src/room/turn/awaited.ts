import type { Clock } from '../../process/clock.ts'

/** So many are waited for: a handler that never settles must not be remembered for each message. */
const MAX_WAITS = 10_000

/**
 * The promises of game code that a room waits for: answers of async commands. Beyond 10,000 the oldest are no longer
 * waited for; who asked gets the answer all the same.
 */
export class Awaited {
  /** These end the wait for each promise, with the reason. */
  readonly #waits = new Set<(cause: Error) => void>()
  #onNone: (() => void) | null = null

  get count(): number {
    return this.#waits.size
  }

  /** Gives the same answer, unless `giveUp` comes first. */
  track<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waits.add(reject)
      const oldest = this.#waits.keys().next()
      if (this.#waits.size > MAX_WAITS && !oldest.done) this.#waits.delete(oldest.value)
      const settled = (): void => {
        if (!this.#waits.delete(reject) || this.#waits.size > 0) return
        this.#onNone?.()
      }
      // This holds after `giveUp` too: a rejection that comes late must not end the process.
      answer.then(resolve, reject).finally(settled)
    })
  }

  /**
   * Calls `then` once nothing is waited for, at the latest after `ms`: at once when there is nothing. When the time
   * is up it comes in a turn of its own: the writes of a handler are answered in the turn in which they were made, and
   * not taken for something that is still on its way.
   */
  onNone(clock: Clock, ms: number, then: () => void): void {
    if (this.#waits.size === 0) return then()
    const done = (): void => {
      cancel()
      this.#onNone = null
      then()
    }
    let cancel = clock.after(ms, () => {
      cancel = clock.soon(done)
    })
    this.#onNone = done
  }

  /** Tells everybody who waits `cause` instead of an answer; what the game does later is its own affair. */
  giveUp(cause: Error): void {
    const waits = [...this.#waits]
    this.#waits.clear()
    for (const end of waits) end(cause)
    this.#onNone?.()
  }
}
