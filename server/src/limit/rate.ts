import type { Clock } from '../process/clock.ts'
import { RingsideError, TooManyRequests } from '../process/errors.ts'
import { within } from '../process/wait.ts'

const DEFAULT_WINDOW_MS = 1_000
/** Keys remembered at once; an attack with more of them only makes the count forgetful. */
const MAX_KEYS = 100_000
/** The store is asked about so many keys at once: the log needs its connections. */
const MAX_ASKED = 4
/** So many keys wait to be asked about; of more of them each process counts alone. */
const MAX_WAITING = 10_000
/** A store that has not answered by then is away, in ms; so long it is not asked again. */
const ANSWER_MS = 500
const AWAY_MS = 2_000
const NAME = /^[a-z0-9-]{1,40}$/

/** Counts that all processes share, as a store keeps them (RateStore). */
export interface SharedCounts {
  /** Adds `count` to those of `key` in its window of `durationMs`, which begins with the first one. */
  take(
    key: string,
    durationMs: number,
    count: number,
  ): Promise<{ readonly count: number; readonly msLeft: number }>
}

/** How a rate is counted in all processes together. */
export interface Sharing {
  /** Names the rate among the counts of the store: 1 to 40 letters, digits and `-`. */
  readonly name: string
  readonly counts: SharedCounts
  /** True while the store is known not to answer. */
  readonly isAway: () => boolean
  /**
   * The store is told of a key once it has had more than so many in a window of this process: most keys never have, and
   * cost no write.
   */
  readonly untold: number
}

export interface RateRule {
  /** So many in a window. */
  readonly points: number
  /** Default 1,000. */
  readonly windowMs?: number
  /** Null: each process counts for itself. */
  readonly shared?: Sharing | null
}

/** A tenth of a rate is not told: most addresses and users never come so often. */
export function untoldOf(points: number): number {
  return Math.floor(points / 10)
}

interface Waiter {
  readonly cost: number
  resolve(): void
  reject(refusal: TooManyRequests): void
}

/** What is to be added to the count of one key. */
interface Addition {
  cost: number
  readonly waiters: Waiter[]
}

/**
 * Counts what each key does in windows of time (LI2): the one rate of everybody. In this process it is synchronous, by the
 * injected clock, and keeps no timer for a key. What must hold across processes is added up in the store as well (LI10), one
 * write for all of a key that have gathered: `take` goes on meanwhile, and keeps a key out from when this process
 * hears that it has had all; `takeInAll` waits for the store's word. While the store does not answer each process
 * counts for itself.
 */
export class Rate {
  readonly #points: number
  readonly #windowMs: number
  readonly #shared: Sharing | null
  readonly #clock: Clock
  readonly #counts = new Map<string, number>()
  #windowStart = -Infinity
  /** Keys that have had all in all processes, until when. */
  readonly #over = new Map<string, number>()
  /** Told to the store next, in the order in which they came. */
  readonly #waiting = new Map<string, Addition>()
  readonly #asked = new Set<string>()
  #awayUntil = -Infinity

  /** @throws RingsideError option_invalid. */
  constructor({ points, windowMs = DEFAULT_WINDOW_MS, shared = null }: RateRule, clock: Clock) {
    // A window of the store is a whole second or more.
    const isRate = points >= 1 && windowMs >= DEFAULT_WINDOW_MS
    if (!isRate || (shared && !NAME.test(shared.name)))
      throw new RingsideError(
        'option_invalid',
        `Expected a rate of 1 or more in 1,000 ms or more, with a name, got '${shared?.name}', ${points} and ${windowMs}`,
      )
    this.#points = points
    this.#windowMs = windowMs
    this.#shared = shared
    this.#clock = clock
  }

  /** Counts one of the key, or `cost`; false when it has had all of this window. */
  take(key: string, cost = 1): boolean {
    const count = this.#count(key, cost)
    if (count > this.#points || this.#overMs(key) > 0) return false
    const told = this.#told(count, cost)
    if (told > 0) this.#add(key, told, null)
    return true
  }

  /**
   * Counts one of the key, or `cost`.
   * @throws TooManyRequests (429 with Retry-After: the rest of the window).
   */
  check(key: string, cost = 1): void {
    if (!this.take(key, cost)) throw this.#refusal(key, this.#points + 1)
  }

  /**
   * Counts nothing.
   * @throws TooManyRequests when the key has had all of this window.
   */
  checkLeft(key: string): void {
    this.#turn()
    const isOver = (this.#counts.get(key) ?? 0) >= this.#points || this.#overMs(key) > 0
    if (isOver) throw this.#refusal(key, this.#points)
  }

  /**
   * Counts one of the key in all processes, and waits for what the store says, at most half a second. The promise
   * rejects with TooManyRequests.
   */
  async takeInAll(key: string): Promise<void> {
    const count = this.#count(key, 1)
    if (count > this.#points || this.#overMs(key) > 0) throw this.#refusal(key, this.#points + 1)
    const told = this.#told(count, 1)
    if (told === 0) return
    await new Promise<void>((resolve, reject) =>
      this.#add(key, told, { cost: told, resolve, reject }),
    )
  }

  #count(key: string, cost: number): number {
    this.#turn()
    const count = (this.#counts.get(key) ?? 0) + cost
    this.#counts.set(key, count)
    return count
  }

  /** Begins a window when the one before is over. */
  #turn(): void {
    const now = this.#clock.now()
    if (now - this.#windowStart < this.#windowMs && this.#counts.size < MAX_KEYS) return
    this.#counts.clear()
    this.#windowStart = now
  }

  /** Of those of this window, how many the store is told of now: the first time all that it has not been told of. */
  #told(count: number, cost: number): number {
    const shared = this.#shared
    if (!shared || count <= shared.untold) return 0
    if (shared.isAway() || this.#clock.now() < this.#awayUntil) return 0
    return count - cost <= shared.untold ? count : cost
  }

  #overMs(key: string): number {
    if (this.#over.size === 0) return 0
    const leftMs = (this.#over.get(key) ?? 0) - this.#clock.now()
    if (leftMs <= 0) this.#over.delete(key)
    return Math.max(0, leftMs)
  }

  /** A key with `full` of this window here waits for the next one, any other for that of all processes. */
  #refusal(key: string, full: number): TooManyRequests {
    const isHere = (this.#counts.get(key) ?? 0) >= full
    const hereMs = isHere ? this.#windowStart + this.#windowMs - this.#clock.now() : 0
    return new TooManyRequests(Math.max(this.#overMs(key), hereMs))
  }

  #add(key: string, cost: number, waiter: Waiter | null): void {
    const known = this.#waiting.get(key)
    if (!known && this.#waiting.size >= MAX_WAITING) return waiter?.resolve()
    const addition = known ?? { cost: 0, waiters: [] }
    addition.cost += cost
    if (waiter) addition.waiters.push(waiter)
    this.#waiting.set(key, addition)
    this.#ask()
  }

  /** Each key has one question under way; what comes meanwhile is the next one. */
  #ask(): void {
    for (const [key, addition] of this.#waiting) {
      if (this.#asked.size >= MAX_ASKED) return
      if (this.#asked.has(key)) continue
      this.#waiting.delete(key)
      this.#asked.add(key)
      void this.#tell(key, addition)
    }
  }

  async #tell(key: string, { cost, waiters }: Addition): Promise<void> {
    let answer: { readonly count: number; readonly msLeft: number } | null = null
    try {
      const { name, counts } = this.#shared as Sharing
      const asking = counts
        .take(`${name}/${key}`, this.#windowMs, cost)
        .then((said) => void (answer = said))
      // What it says after its time is not looked at.
      asking.catch(() => {})
      await within(this.#clock, ANSWER_MS, asking)
    } catch {
      // It is away.
    }
    this.#asked.delete(key)
    if (answer === null) this.#isGone(waiters)
    else this.#heard(key, { cost, waiters }, answer)
    this.#ask()
  }

  #heard(
    key: string,
    { cost, waiters }: Addition,
    { count, msLeft }: { readonly count: number; readonly msLeft: number },
  ): void {
    // A process whose clock is ahead makes windows that end later.
    const leftMs = Math.min(Math.max(msLeft, 1), this.#windowMs)
    if (count >= this.#points && leftMs > 0) {
      if (this.#over.size >= MAX_WAITING) this.#over.clear()
      this.#over.set(key, this.#clock.now() + leftMs)
    }
    let before = count - cost
    for (const waiter of waiters) {
      before += waiter.cost
      if (before <= this.#points) waiter.resolve()
      else waiter.reject(new TooManyRequests(leftMs))
    }
  }

  /** Nobody waits any longer: they were within what this process allows. */
  #isGone(waiters: readonly Waiter[]): void {
    this.#awayUntil = this.#clock.now() + AWAY_MS
    for (const waiter of waiters) waiter.resolve()
    for (const addition of this.#waiting.values())
      for (const waiter of addition.waiters) waiter.resolve()
    this.#waiting.clear()
  }
}
