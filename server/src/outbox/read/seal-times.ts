import type { Clock } from '../../process/clock.ts'
import type { SealAges } from '../contract/outbox.ts'

/** Runs that were sealed within so many ms are one: the time of the last counts for all. */
const RUN_MS = 10
/** Older runs are joined while what they span is at most this part of their age. */
const SPAN_PART = 1 / 1_024
/** Fewer are not looked at again. */
const SMALLEST = 256

/** Everything up to `upTo`, and after the run before, was sealed from `from` on, and by `at` at the latest. */
interface SealedRun {
  upTo: number
  readonly from: number
  at: number
}

/**
 * When this process sealed what it has read of the log, by its own clock, which no other machine sets (FE131). It keeps
 * a run of the log for each turn in which something was sealed, and joins runs as they grow old: a run's time is never
 * earlier than that of anything in it, and later by 10 ms, or a thousandth of its age, at most. So it holds some
 * thousands of runs, however long and fast the log is.
 */
export class SealTimes implements SealAges {
  readonly #clock: Clock
  /** Ascending. */
  #runs: SealedRun[] = []
  #before = 0
  #begunAt = Number.POSITIVE_INFINITY
  #joinFrom = SMALLEST

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** So many runs are held. */
  get runCount(): number {
    return this.#runs.length
  }

  get before(): number {
    return this.#before
  }

  /** The process begins to read after `sealed`. */
  begin(sealed: number): void {
    this.#before = sealed
    this.#begunAt = this.#clock.now()
    this.#runs = []
  }

  /** Everything up to `sealed` is sealed now. */
  note(sealed: number): void {
    const now = this.#clock.now()
    const last = this.#runs.at(-1)
    if (last && now - last.from < RUN_MS) {
      last.upTo = sealed
      last.at = now
      return
    }
    this.#runs.push({ upTo: sealed, from: now, at: now })
    if (this.#runs.length >= this.#joinFrom) this.#join(now)
  }

  ripeUpTo(ageMs: number): number {
    const latest = this.#clock.now() - ageMs
    if (this.#begunAt > latest) return -1
    const run = this.#runs[countWhile(this.#runs, ({ at }) => at <= latest) - 1]
    return run?.upTo ?? this.#before
  }

  waitFor(seq: number, ageMs: number): number {
    const run = this.#runs[countWhile(this.#runs, ({ upTo }) => upTo < seq)]
    const at = seq <= this.#before ? this.#begunAt : run?.at
    return at === undefined ? ageMs : Math.max(0, at + ageMs - this.#clock.now())
  }

  /** Goes once over all runs when there are twice as many as it left the last time. */
  #join(now: number): void {
    const joined: SealedRun[] = []
    for (const run of this.#runs) {
      const last = joined.at(-1)
      if (last && run.at - last.from <= (now - run.at) * SPAN_PART) {
        last.upTo = run.upTo
        last.at = run.at
      } else joined.push(run)
    }
    this.#runs = joined
    this.#joinFrom = Math.max(SMALLEST, 2 * joined.length)
  }
}

/** Counts the runs at the beginning of which this is true; it is true of none after the first of which it is not. */
function countWhile(runs: readonly SealedRun[], isSo: (run: SealedRun) => boolean): number {
  let low = 0
  let high = runs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isSo(runs[middle] as SealedRun)) low = middle + 1
    else high = middle
  }
  return low
}
