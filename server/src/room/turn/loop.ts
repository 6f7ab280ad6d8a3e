import type { Clock } from '../../process/clock.ts'

/** Steps made up for after a stall; what is missed beyond them is skipped, not raced through. */
const MAX_CATCH_UP_STEPS = 5
/** Lateness of the last 300 steps (10 s at 30 Hz), for the percentile. */
const LAG_SAMPLES = 300

/**
 * Calls a step at a fixed rate with an accumulator: step k is due at start + k * stepMs whatever the
 * timers do, so the rate holds although single timers are late.
 */
export class Loop {
  readonly stepMs: number
  readonly #clock: Clock
  readonly #step: (dueAt: number, lateMs: number) => void
  readonly #lags = new Float64Array(LAG_SAMPLES)
  #lagCount = 0
  #startAt = 0
  #stepCount = 0
  #cancel: (() => void) | null = null

  constructor(clock: Clock, stepMs: number, step: (dueAt: number, lateMs: number) => void) {
    this.#clock = clock
    this.stepMs = stepMs
    this.#step = step
  }

  get isRunning(): boolean {
    return this.#cancel !== null
  }

  start(): void {
    if (this.#cancel) return
    this.#restart(this.#clock.now() + this.stepMs)
    this.#schedule()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
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
    // Rounded up: a timer that fires a fraction early would find nothing due and spin.
    const delay = Math.max(0, Math.ceil(this.#nextAt - this.#clock.now()))
    this.#cancel = this.#clock.after(delay, this.#wake)
  }

  #note(lateMs: number): void {
    this.#lags[this.#lagCount++ % LAG_SAMPLES] = lateMs
  }

  /** Every step that a stall has cost was late: by the whole of it, by a step less, and so on. */
  #noteSkipped(stallMs: number): void {
    const count = Math.min(LAG_SAMPLES, Math.floor(stallMs / this.stepMs))
    for (let i = 1; i <= count; i++) this.#note(stallMs - i * this.stepMs)
  }

  readonly #wake = (): void => {
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
