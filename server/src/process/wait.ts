import type { Clock } from './clock.ts'

/** Resolves after `ms`. Nothing ends it earlier: it is for waits that nobody has to stop. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve))
}

/** Resolves in a later turn, before any timer. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.soon(resolve))
}

/**
 * Waits for `work`, but no longer than `ms`: false when it has not settled by then. Nobody is told then what becomes
 * of it.
 * @throws what `work` rejects with in time.
 */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  let cancel = (): void => {}
  const late = new Promise<false>((resolve) => {
    cancel = clock.after(ms, () => resolve(false))
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    cancel()
  }
}

/** Waits of one owner, which end together when it stops. */
export class Waits {
  readonly #clock: Clock
  readonly #finishes = new Set<() => void>()
  #isReleased = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves after `ms`, or with `release`; at once after that. */
  async sleep(ms: number): Promise<void> {
    if (this.#isReleased) return
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancel()
        this.#finishes.delete(finish)
        resolve()
      }
      const cancel = this.#clock.after(ms, finish)
      this.#finishes.add(finish)
    })
  }

  /** Ends all waits for good. */
  release(): void {
    this.#isReleased = true
    for (const finish of this.#finishes) finish()
  }
}
