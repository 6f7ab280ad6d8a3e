import { callAfter, checkDelay } from '@ringside/protocol'

/** Time and timers are passed in everywhere, so that a test moves them by hand. */
export interface Clock {
  /**
   * Ms for durations: it never goes back, and nobody sets it. It began as the time of day, which it may be far from by
   * now: a date is made of {@link wallNow}.
   */
  now(): number
  /** Ms since the Unix epoch by the machine's clock, which may be set ahead or back at any time. Default: `now`. */
  wallNow?(): number
  /**
   * Calls once after `ms`, however long that is; at once where it is negative. The returned function cancels.
   * @throws RangeError for what is no number.
   */
  after(ms: number, callback: () => void): () => void
  /** Calls once in a later turn, before any timer. The returned function cancels. */
  soon(callback: () => void): () => void
}

/** The time of day in ms, for whatever is dated or compared with a date; it may go back. */
export function wallNow(clock: Clock): number {
  return clock.wallNow ? clock.wallNow() : clock.now()
}

/** Where a {@link SystemClock} reads the time, in ms; tests have another place. */
export interface TimeSource {
  /** The time of day. */
  wall(): number
  /** A time that nobody sets. While the machine sleeps it may stand still. */
  monotonic(): number
}

const MACHINE: TimeSource = { wall: () => Date.now(), monotonic: () => performance.now() }
/** The machine's clock is looked at so often, */
const LOOK_EVERY_MS = 100
/** and a smaller difference comes from the reading and not from a clock that was set. */
const SMALLEST_STEP_MS = 20

/** The machine's clock. `now` is monotonic: a step of the wall clock moves `wallNow` alone, within a tenth of a second. */
export class SystemClock implements Clock {
  readonly #source: TimeSource
  readonly #origin: number
  /** The time of day is so far ahead of `now`. */
  #aheadMs = 0
  #lookAt = 0

  constructor(source: TimeSource = MACHINE) {
    this.#source = source
    this.#origin = source.wall() - source.monotonic()
  }

  now(): number {
    return Math.floor(this.#origin + this.#source.monotonic())
  }

  wallNow(): number {
    const now = this.now()
    if (now >= this.#lookAt) {
      this.#lookAt = now + LOOK_EVERY_MS
      const aheadMs = Math.round(this.#source.wall() - now)
      if (Math.abs(aheadMs - this.#aheadMs) >= SMALLEST_STEP_MS) this.#aheadMs = aheadMs
    }
    return now + this.#aheadMs
  }

  after(ms: number, callback: () => void): () => void {
    return callAfter(ms, callback)
  }

  soon(callback: () => void): () => void {
    const handle = setImmediate(callback)
    return () => clearImmediate(handle)
  }
}

interface Due {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/** A clock that stands still until it is told to move. */
export class ManualClock implements Clock {
  #now: number
  #aheadMs = 0
  #order = 0
  #due: Due[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return this.#now + this.#aheadMs
  }

  /** Sets the time of day ahead by so many ms, or back: no time passes by that. */
  stepWall(ms: number): void {
    this.#aheadMs += ms
  }

  after(ms: number, callback: () => void): () => void {
    return this.#schedule(this.#now + checkDelay(ms), callback)
  }

  soon(callback: () => void): () => void {
    return this.#schedule(this.#now, callback)
  }

  #schedule(at: number, callback: () => void): () => void {
    const entry: Due = { at, order: this.#order++, callback }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((other) => other !== entry)
    }
  }

  /** Count of timers that wait; it is 0 once everything has been stopped. */
  get pendingCount(): number {
    return this.#due.length
  }

  /** Moves time forward, calling what comes due in order, with `now` at each one's time. */
  advance(ms: number): void {
    const end = this.#now + ms
    while (this.runNext(end));
    // A callback may itself have moved the clock further.
    this.#now = Math.max(this.#now, end)
  }

  /**
   * Moves time to the next timer that is due at or before `end` (ms since the epoch) and calls it alone, so that
   * promises can settle before the one after it. False when none is due by then: time stays where it is.
   */
  runNext(end = Infinity): boolean {
    const next = this.#next(end)
    if (!next) return false
    this.#due = this.#due.filter((other) => other !== next)
    this.#now = Math.max(this.#now, next.at)
    next.callback()
    return true
  }

  /** Moves time forward in steps, letting promises settle after each. */
  async advanceAsync(ms: number, stepMs = 1): Promise<void> {
    await settle()
    for (let left = ms; left > 0; left -= stepMs) {
      this.advance(Math.min(stepMs, left))
      await settle()
    }
  }

  #next(end: number): Due | null {
    let best: Due | null = null
    for (const due of this.#due) {
      if (due.at > end) continue
      if (!best || due.at < best.at || (due.at === best.at && due.order < best.order)) best = due
    }
    return best
  }
}

/** Lets everything that waits on settled promises run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve()
}
