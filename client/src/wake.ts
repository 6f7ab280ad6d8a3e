import type { Timers } from './timers.ts'

/** So often the clocks are looked at. */
const TICK_MS = 2_000
/** A timer that comes so late was not late: the machine slept. */
const JUMP_MS = 3_000
/** Events of one wake-up come in swarms. */
const MIN_APART_MS = 1_000

/**
 * Tells when what was known of the network may not hold any more (CN58): it came back, the page is looked at again or
 * goes on after it was frozen, or the machine slept, which a clock tells that has jumped, in Node too. A listener is
 * called at most once a second; what comes sooner is told at the end of that second.
 */
export class Wakes {
  readonly #timers: Timers
  #calledAt = -Infinity

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** The result ends it; until then a timer runs. */
  listen(callback: () => void): () => void {
    const timers = this.#timers
    const { document: page } = globalThis as { document?: Document }
    let cancelLate: (() => void) | null = null
    const call = (): void => {
      cancelLate = null
      this.#calledAt = timers.now()
      callback()
    }
    const wake = (): void => {
      if (page?.visibilityState === 'hidden' || cancelLate) return
      const waitMs = this.#calledAt + MIN_APART_MS - timers.now()
      if (waitMs > 0) cancelLate = timers.after(waitMs, call)
      else call()
    }
    const sources = [
      [globalThis, 'online'],
      [globalThis, 'pageshow'],
      [page, 'visibilitychange'],
      [page, 'resume'],
    ] as const
    for (const [source, type] of sources) source?.addEventListener?.(type, wake)
    let at = timers.now()
    let wallAt = wallNow(timers)
    let cancelTick = (): void => {}
    const tick = (): void => {
      const elapsedMs = Math.max(timers.now() - at, wallNow(timers) - wallAt)
      at = timers.now()
      wallAt = wallNow(timers)
      cancelTick = timers.after(TICK_MS, tick)
      if (elapsedMs > TICK_MS + JUMP_MS) wake()
    }
    cancelTick = timers.after(TICK_MS, tick)
    return () => {
      cancelTick()
      cancelLate?.()
      for (const [source, type] of sources) source?.removeEventListener?.(type, wake)
    }
  }
}

/** The clock that goes on while the machine sleeps, where there is one. */
export function wallNow(timers: Timers): number {
  return timers.wallNow?.() ?? timers.now()
}
