import { callAfter } from '@ringside/protocol'

/** Time and timers are passed in, so that a test moves them by hand. */
export interface Timers {
  /** Ms since the Unix epoch; must not go back. */
  now(): number
  /**
   * Ms by the wall clock, which goes on while the machine sleeps, as `now` may not; it may step. It is only looked at
   * to notice a sleep. Default: `now`.
   */
  wallNow?(): number
  /** Calls once after `ms`. The returned function cancels. */
  after(ms: number, callback: () => void): () => void
}

const origin = Date.now() - performance.now()

/** The machine's timers. `now` is monotonic: a step of the wall clock does not move it. */
export const systemTimers: Timers = {
  now: () => origin + performance.now(),
  wallNow: () => Date.now(),
  after: callAfter,
}

/**
 * Reads a wait that a server asks for, in ms; null for nonsense. No server may make a reader wait for days.
 */
export function toWait(ms: unknown): number | null {
  return (ms as number) > 0 ? Math.min(ms as number, 1e6) : null
}
