import type { Clock } from '../../process/clock.ts'
import { TooManyRequests } from '../../process/errors.ts'
import { nextTurn } from '../../process/wait.ts'

/**
 * Spectators ask the log so many questions at once, and take as many connections of a store's pool.
 */
export const MAX_READS = 8
/** So many questions of one address may wait; its streams can have fewer by default. */
const MAX_WAITING = 2_000
/**
 * Nothing is begun in a turn of the event loop once questions have taken so many ms of it: a log in memory answers within
 * the turn, and so a few readers of long matches could keep the loop from the players for seconds (FE152).
 */
const TURN_MS = 5

export interface ReadGateOptions {
  /** Without one nothing is put off to a later turn. */
  readonly clock?: Clock
  /** So many are asked at once. Default 8. */
  readonly atOnce?: number
  /** So many of one address may wait. Default 2,000. */
  readonly maxWaiting?: number
}

/**
 * FE43: every question that spectators put to the log goes through here, a few at a time, so that
 * its writer never waits behind them. The addresses take turns: one that asks much waits for
 * itself.
 */
export class ReadGate {
  readonly #clock: Clock | null
  readonly #atOnce: number
  readonly #maxWaiting: number
  #underway = 0
  /** The first question of this turn was put then; null: none was. */
  #turnBeganAt: number | null = null
  /** Questions wait here by address; the address whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>()

  constructor({ clock, atOnce = MAX_READS, maxWaiting = MAX_WAITING }: ReadGateOptions = {}) {
    this.#clock = clock ?? null
    this.#atOnce = atOnce
    this.#maxWaiting = maxWaiting
  }

  /** So many questions are being asked now. */
  get underway(): number {
    return this.#underway
  }

  /**
   * Runs `read` once it is `who`'s turn. It must not come through here again.
   * @throws TooManyRequests when too much of `who` waits; whatever `read` throws.
   */
  async run<T>(who: string, read: () => Promise<T>): Promise<T> {
    if (this.#underway < this.#atOnce) this.#underway++
    else await this.#turnOf(who)
    try {
      while (this.#clock && this.#isTurnOver(this.#clock)) await nextTurn(this.#clock)
      return await read()
    } finally {
      this.#next()
    }
  }

  #isTurnOver(clock: Clock): boolean {
    const now = clock.now()
    if (this.#turnBeganAt !== null) return now - this.#turnBeganAt >= TURN_MS
    this.#turnBeganAt = now
    clock.soon(() => {
      this.#turnBeganAt = null
    })
    return false
  }

  #turnOf(who: string): Promise<void> {
    const waiting = this.#waiting.get(who) ?? []
    if (waiting.length >= this.#maxWaiting) throw new TooManyRequests(1_000)
    if (waiting.length === 0) this.#waiting.set(who, waiting)
    return new Promise((resolve) => waiting.push(resolve))
  }

  /** Hands the place on to the next address, which then goes to the end of the line. */
  #next(): void {
    const first = this.#waiting.entries().next()
    if (first.done) {
      this.#underway--
      return
    }
    const [who, waiting] = first.value
    this.#waiting.delete(who)
    const begin = waiting.shift()
    if (waiting.length > 0) this.#waiting.set(who, waiting)
    begin?.()
  }
}
