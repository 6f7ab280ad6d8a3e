import type { Clock } from '../../process/clock.ts'

/** Steps made up for after a stall; what is missed beyond them is skipped, not raced through. */
const MAX_CATCH_UP_STEPS = 5
/** Lateness of the last 300 steps (10 s at 30 Hz), for the percentile. */
const LAG_SAMPLES = 300
/** A loop rests only after so many ms without a word of `wake`, in which everything that was due has gone out. */
const RESTLESS_MS = 2_000

const nothing = (): void => {}

/**
 * Calls a step at a fixed rate with an accumulator: step k is due at start + k * stepMs whatever the
 * timers do, so the rate holds although single timers are late.
 */
export class Loop {
  readonly stepMs: number
  /**
   * While it gives a later time than the next step's, steps ahead of that are left out (LT9); Infinity: all of them,
   * until `wake`. Those that come keep to the rate, as if none were missing. By default none is left out.
   */
  quietUntil: () => number = () => 0
  readonly #clock: Clock
  readonly #step: (dueAt: number, lateMs: number) => void
  readonly #lags = new Float64Array(LAG_SAMPLES)
  #lagCount = 0
  #startAt = 0
  #stepCount = 0
  #cancel: (() => void) | null = null
  /** Steps since `wake` was called. */
  #quietCount = 0
  #isResting = false

  constructor(clock: Clock, stepMs: number, step: (dueAt: number, lateMs: number) => void) {
    this.#clock = clock
    this.stepMs = stepMs
    this.#step = step
  }

  /** Steps are left out. */
  get isResting(): boolean {
    return this.#isResting
  }

  /** Something happens: no step is left out for a while. */
  wake(): void {
    this.#quietCount = 0
    if (!this.#isResting) return
    this.#isResting = false
    this.#cancel?.()
    this.#stepCount = Math.floor((this.#clock.now() - this.#startAt) / this.stepMs) + 1
    this.#schedule()
  }

  get isRunning(): boolean {
    return this.#cancel !== null
  }

  start(): void {
    if (this.#cancel) return
    this.#restart(this.#clock.now() + this.stepMs)
    this.#quietCount = 0
    this.#schedule()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#isResting = false
  }

  /** 99th percentile of how late the last steps began, or would have, in ms. */
  lagP99Ms(): number {
    const sorted = this.#lags.slice(0, Math.min(this.#lagCount, LAG_SAMPLES)).sort()
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0
  }

  /** Due time of the next step: a multiple, not a sum, so that rounding does not drift. */
  get #nextAt(): number {
    return this.#startAt + this.#stepCount * this.stepMs
  }

  #restart(firstAt: number): void {
    this.#startAt = firstAt
    this.#stepCount = 0
  }

  #schedule(): void {
    if (this.#quietCount * this.stepMs >= RESTLESS_MS && this.#rest()) return
    // Rounded up: a timer that fires a fraction early would find nothing due and spin.
    const delay = Math.max(0, Math.ceil(this.#nextAt - this.#clock.now()))
    this.#cancel = this.#clock.after(delay, this.#due)
  }

  /** False: the next step is not to be left out. */
  #rest(): boolean {
    const until = this.quietUntil()
    if (until <= this.#nextAt) return false
    this.#isResting = true
    this.#cancel = nothing
    if (until === Number.POSITIVE_INFINITY) return true
    this.#stepCount = Math.ceil((until - this.#startAt) / this.stepMs)
    const delay = Math.ceil(this.#nextAt - this.#clock.now())
    this.#cancel = this.#clock.after(Math.max(0, delay), this.#due)
    return true
  }

  #note(lateMs: number): void {
    this.#lags[this.#lagCount++ % LAG_SAMPLES] = lateMs
  }

  /** Every step that a stall has cost was late: by the whole of it, by a step less, and so on. */
  #noteSkipped(stallMs: number): void {
    const count = Math.min(LAG_SAMPLES, Math.floor(stallMs / this.stepMs))
    for (let i = 1; i <= count; i++) this.#note(stallMs - i * this.stepMs)
  }

  readonly #due = (): void => {
    this.#isResting = false
    const now = this.#clock.now()
    let skippedMs = 0
    if (now - this.#nextAt > this.stepMs * MAX_CATCH_UP_STEPS) {
      skippedMs = now - this.#nextAt
      this.#noteSkipped(skippedMs)
      this.#restart(now)
    }
    while (this.#nextAt <= now && this.#cancel) {
      const dueAt = this.#nextAt
      // The first step after a stall stands for the one that was due when it began.
      const lateMs = Math.max(skippedMs, this.#clock.now() - dueAt)
      skippedMs = 0
      this.#note(lateMs)
      this.#stepCount++
      this.#quietCount++
      this.#step(dueAt, lateMs)
    }
    if (this.#cancel) this.#schedule()
  }
}

/** The next time on the grid of `intervalMs` after `at`; a stall does not make it race. */
export function nextDue(previous: number, at: number, intervalMs: number): number {
  const next = previous + intervalMs
  return next > at ? next : at + intervalMs - ((at - previous) % intervalMs)
}
