/** Time and timers are passed in, so that a test moves them by hand. */
export interface Timers {
  /** Ms since the Unix epoch; must not go back. */
  now(): number
  /** Calls once after `ms`. The returned function cancels. */
  after(ms: number, callback: () => void): () => void
}

const origin = Date.now() - performance.now()

/** The machine's timers. `now` is monotonic: a step of the wall clock does not move it. */
export const systemTimers: Timers = {
  now: () => origin + performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}
