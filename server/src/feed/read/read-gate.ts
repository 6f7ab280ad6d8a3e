import { TooManyRequests } from '../../process/errors.ts'

/**
 * Spectators ask the log so many questions at once, and take as many connections of a store's pool.
 */
export const MAX_READS = 8
/** So many questions of one address may wait; its streams can have fewer by default. */
const MAX_WAITING = 2_000

/**
 * FE43: every question that spectators put to the log goes through here, a few at a time, so that
 * its writer never waits behind them. The addresses take turns: one that asks much waits for
 * itself.
 */
export class ReadGate {
  #underway = 0
  /** Questions wait here by address; the address whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>()

  /** So many questions are being asked now. */
  get underway(): number {
    return this.#underway
  }

  /**
   * Runs `read` once it is `who`'s turn. It must not come through here again.
   * @throws TooManyRequests when too much of `who` waits; whatever `read` throws.
   */
  async run<T>(who: string, read: () => Promise<T>): Promise<T> {
    if (this.#underway < MAX_READS) this.#underway++
    else await this.#turnOf(who)
    try {
      return await read()
    } finally {
      this.#next()
    }
  }

  #turnOf(who: string): Promise<void> {
    const waiting = this.#waiting.get(who) ?? []
    if (waiting.length >= MAX_WAITING) throw new TooManyRequests(1_000)
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
