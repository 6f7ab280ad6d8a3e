import type { ServerLimits } from '../options.ts'
import { HitWindow } from './hit-window.ts'
import { TokenBucket } from './token-bucket.ts'

const DROP_WINDOW_MS = 2_000
const STRIKE_WINDOW_MS = 10_000
const RATE_LIMITED_EVERY_MS = 1_000

/** What to do about a message over the rate limit. */
export type DropVerdict = 'silence' | 'answer' | 'close'

/** How one client behaves: its allowance, its dropped messages and its invalid ones. */
export class Conduct {
  readonly #bucket: TokenBucket
  readonly #drops: HitWindow
  readonly #strikes: HitWindow
  #answeredAt = -Infinity

  constructor(limits: ServerLimits, now: number) {
    this.#bucket = new TokenBucket(limits.ratePerSecond, limits.rateBurst, now)
    this.#drops = new HitWindow(limits.maxDrops, DROP_WINDOW_MS)
    this.#strikes = new HitWindow(limits.maxStrikes, STRIKE_WINDOW_MS)
  }

  /** Charges a message; false = over the limit. */
  charge(cost: number, now: number): boolean {
    return this.#bucket.take(cost, now)
  }

  /** Counts a message over the limit. It is answered at most once a second. */
  drop(now: number): DropVerdict {
    if (this.#drops.hit(now)) return 'close'
    if (now - this.#answeredAt < RATE_LIMITED_EVERY_MS) return 'silence'
    this.#answeredAt = now
    return 'answer'
  }

  /** Counts an invalid message; true = one too many. */
  strike(now: number): boolean {
    return this.#strikes.hit(now)
  }
}
