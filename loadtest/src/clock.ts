import { callAfter } from '@ringside/protocol'

/** Time and timers, passed in so that a test moves them by hand. */
export interface Clock {
  /** Ms; never goes back. */
  now(): number
  /** Calls once after `ms`. The returned function cancels. */
  after(ms: number, callback: () => void): () => void
  /** Calls once in a later turn, before any timer. The returned function cancels. */
  soon(callback: () => void): () => void
}

/** The machine's clock. */
export const machineClock: Clock = {
  now: () => performance.now(),
  after: callAfter,
  soon(callback) {
    const handle = setImmediate(callback)
    return () => clearImmediate(handle)
  },
}
