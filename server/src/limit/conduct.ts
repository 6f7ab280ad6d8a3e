import type { ServerLimits } from '../process/limits.ts'
import { HitWindow } from './hit-window.ts'
import type { TurnClock } from './turn-clock.ts'

const DROP_WINDOW_MS = 2_000
const STRIKE_WINDOW_MS = 10_000
const RATE_LIMITED_EVERY_MS = 1_000

/** Says what to do about a message over the rate limit. */
export type DropVerdict = 'silence' | 'answer' | 'close'

/**
 * The conduct of one client: its allowance, its dropped messages and its invalid ones. The allowance is
 * a bucket of tokens in plain numbers, refilled by the clock, for a general limiter costs a promise a message;
 * and it is no object of its own, which each session would have to hold.
 */
export class Conduct {
  readonly #limits: ServerLimits
  // These are numbers from the start: a field that began as undefined takes a new object for each fraction.
  #tokens = 0
  #refilledAt = 0
  /** The stamp of the turn in which it was refilled; no turn has this one. */
  #stamp = -1
  /** It is made at the first hit, for most clients never have one. */
  #drops: HitWindow | null = null
  #strikes: HitWindow | null = null
  #answeredAt: number | null = null

  /** Starts with a full bucket. */
  constructor(limits: ServerLimits, now: number) {
    this.#limits = limits
    this.#tokens = limits.rateBurst
    this.#refilledAt = now
  }

  /** Takes `cost` tokens; false, and takes nothing, when there are too few: over the limit. */
  charge(cost: number, turn: TurnClock): boolean {
    const stamp = turn.stamp()
    if (stamp !== this.#stamp) {
      this.#stamp = stamp
      this.#refill(turn.now)
    }
    if (this.#tokens < cost) return false
    this.#tokens -= cost
    return true
  }

  #refill(now: number): void {
    if (now <= this.#refilledAt) return
    const { ratePerSecond, rateBurst } = this.#limits
    const tokens = this.#tokens + ((now - this.#refilledAt) * ratePerSecond) / 1000
    this.#tokens = tokens > rateBurst ? rateBurst : tokens
    this.#refilledAt = now
  }

  /** Counts a message over the limit. It is answered at most once a second, unless that `isTold` already. */
  drop(now: number, isTold = false): DropVerdict {
    this.#drops ??= new HitWindow(this.#limits.maxDrops, DROP_WINDOW_MS)
    if (this.#drops.hit(now)) return 'close'
    if (isTold) return 'silence'
    if (this.#answeredAt !== null && now - this.#answeredAt < RATE_LIMITED_EVERY_MS)
      return 'silence'
    this.#answeredAt = now
    return 'answer'
  }

  /** Counts an invalid message; true = one too many. */
  strike(now: number): boolean {
    this.#strikes ??= new HitWindow(this.#limits.maxStrikes, STRIKE_WINDOW_MS)
    return this.#strikes.hit(now)
  }
}
