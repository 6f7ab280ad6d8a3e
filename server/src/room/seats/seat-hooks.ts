import type { Clock } from '../../process/clock.ts'
import type { Awaited } from '../turn/awaited.ts'
import type { HookGuard } from '../turn/guard.ts'
import type { Seat } from './seat.ts'

export interface SeatHooksParts {
  readonly guard: HookGuard
  /** A release of the room waits for the hooks that are on their way here. */
  readonly awaited: Awaited
  readonly clock: Clock
  /** A hook is waited for so long before the seat goes on without it, in ms. */
  readonly timeoutMs: number
}

/**
 * The end of the wait for a hook: it has settled, or the room is over; it settled while the room was handed over, so that
 * its writes at the end have thrown (`refused`); or `timeoutMs` were over before it had settled (`late`).
 */
export type HookOutcome = 'settled' | 'refused' | 'late'

export interface SeatHook {
  /** Name of the hook, for the log. */
  readonly where: string
  readonly call: () => unknown
  /** Is called once, when the hook has settled or is no longer waited for. */
  readonly after: (outcome: HookOutcome) => void
}

/** A hook of a seat that has not settled yet. */
interface Running {
  readonly where: string
  readonly after: (outcome: HookOutcome) => void
  /** Hooks that have become due meanwhile. */
  readonly waiting: (() => void)[]
  cancelTimer: (() => void) | null
}

/**
 * Runs the hooks of seats, those of one seat one after the other (RM16): a hook that becomes due while
 * another of its seat is on its way waits for it. Each is waited for `timeoutMs` from its call, at most: one that never
 * settles would hold its seat, and what waits for it, for good. A hook that is synchronous has settled when it returns,
 * and then everything happens in the same turn.
 */
export class SeatHooks {
  readonly #parts: SeatHooksParts
  readonly #running = new Map<Seat, Running>()
  #isOver = false
  /** The steps that have become due while the room was handed over; null while it is not. */
  #suspended: (() => void)[] | null = null

  constructor(parts: SeatHooksParts) {
    this.#parts = parts
  }

  isRunning(seat: Seat): boolean {
    return this.#running.has(seat)
  }

  /** Runs a hook of a seat that has none on its way, then `after`. */
  run(seat: Seat, hook: SeatHook): void {
    const running = this.#begin(seat, hook)
    const { guard, awaited, clock, timeoutMs } = this.#parts
    const settled = guard.start(hook.where, hook.call)
    if (settled === null || this.#isOver) return this.#goOn(seat, running)
    awaited.track(settled).catch(() => {})
    void settled.then(() => this.#goOn(seat, running))
    running.cancelTimer = clock.after(timeoutMs, () => this.#goOn(seat, running, 'late'))
  }

  /** Does as `run` for a hook that must be synchronous: a promise of it is not waited for. */
  runNow(seat: Seat, hook: SeatHook): void {
    const running = this.#begin(seat, hook)
    this.#parts.guard.run(hook.where, hook.call)
    this.#goOn(seat, running)
  }

  #begin(seat: Seat, { where, after }: SeatHook): Running {
    const running: Running = { where, after, waiting: [], cancelTimer: null }
    this.#running.set(seat, running)
    return running
  }

  /** Calls `next` once the seat has no hook on its way, or at once; after `timeoutMs` at the latest. */
  whenIdle(seat: Seat, next: () => void): void {
    const running = this.#running.get(seat)
    if (running) running.waiting.push(next)
    else next()
  }

  /**
   * Goes on after a hook. The first call counts: nothing follows from a hook that settles later than it is
   * waited for.
   */
  #goOn(seat: Seat, running: Running, outcome: HookOutcome = 'settled'): void {
    if (this.#running.get(seat) !== running) return
    if (this.#suspended) {
      this.#suspended.push(() => this.#goOn(seat, running, 'refused'))
      return
    }
    this.#running.delete(seat)
    running.cancelTimer?.()
    this.#parts.guard.run(running.where, () => running.after(outcome))
    for (const next of running.waiting) this.#parts.guard.run(running.where, next)
  }

  /** Nothing follows from hooks that settle now, until `resume`. */
  suspend(): void {
    this.#suspended ??= []
  }

  /** Takes the steps now that would have followed meanwhile. */
  resume(): void {
    const due = this.#suspended ?? []
    this.#suspended = null
    for (const goOn of due) goOn()
  }

  /** The room is over: nothing is waited for any more, everything that waits happens now. */
  finish(): void {
    this.#isOver = true
    this.#suspended = null
    for (const [seat, running] of this.#running) this.#goOn(seat, running)
  }

  /** The room goes on with another owner, who takes up what is on its way: nothing follows here. */
  abandon(): void {
    this.#isOver = true
    for (const { cancelTimer } of this.#running.values()) cancelTimer?.()
    this.#running.clear()
  }
}
