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
  readonly #limits: ServerLimits
  /** Made at the first hit: most clients never have one. */
  #drops: HitWindow | null = null
  #strikes: HitWindow | null = null
  #answeredAt = -Infinity

  constructor(limits: ServerLimits, now: number) {
    this.#bucket = new TokenBucket(limits.ratePerSecond, limits.rateBurst, now)
    this.#limits = limits
  }

  /** Charges a message; false = over the limit. */
  charge(cost: number, now: number): boolean {
    return this.#bucket.take(cost, now)
  }

  /** Counts a message over the limit. It is answered at most once a second. */
  drop(now: number): DropVerdict {
    this.#drops ??= new HitWindow(this.#limits.maxDrops, DROP_WINDOW_MS)
    if (this.#drops.hit(now)) return 'close'
    if (now - this.#answeredAt < RATE_LIMITED_EVERY_MS) return 'silence'
    this.#answeredAt = now
    return 'answer'
  }

  /** Counts an invalid message; true = one too many. */
  strike(now: number): boolean {
    this.#strikes ??= new HitWindow(this.#limits.maxStrikes, STRIKE_WINDOW_MS)
    return this.#strikes.hit(now)
  }
}
