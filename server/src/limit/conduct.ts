import type { ServerLimits } from '../options.ts'
import { HitWindow } from './hit-window.ts'
import type { TurnClock } from './turn-clock.ts'

const DROP_WINDOW_MS = 2_000
const STRIKE_WINDOW_MS = 10_000
const RATE_LIMITED_EVERY_MS = 1_000

/** What to do about a message over the rate limit. */
export type DropVerdict = 'silence' | 'answer' | 'close'

/**
 * How one client behaves: its allowance, its dropped messages and its invalid ones. The allowance is
 * a bucket of tokens in plain numbers, refilled by the clock (9 ns a message where a general limiter
 * costs 440-580 ns and a promise), and in no object of its own, which would be 80 bytes a session.
 */
export class Conduct {
  readonly #limits: ServerLimits
  // Numbers from the start: a field that began as undefined takes a new object for each fraction.
  #tokens = 0
  #refilledAt = 0
  /** Of the turn in which it was refilled; none has this one. */
  #stamp = -1
  /** Made at the first hit: most clients never have one. */
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
