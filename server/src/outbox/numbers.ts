import type { Backoff } from './backoff.ts'
import type { LogStore } from './store.ts'
import { writeTombstones } from './tombstones.ts'

const MAX_UNVOIDED = 100_000
const VOID_CHUNK = 1_000

export interface NumbersContext {
  readonly store: LogStore
  readonly own: string
  /** W of OB3: there is nothing to void at or below it. */
  readonly sealed: () => number
}

/** Allocates this process's seqs and voids those it will not use (OB3). */
export class Numbers {
  readonly #context: NumbersContext
  readonly #store: LogStore
  readonly #own: string
  readonly #backoff: Backoff
  /** Greatest seq that this process has used or voided. */
  #used = 0
  #toVoid: number[] = []
  #voiding: Promise<void> | null = null
  #isStopped = false
  tombstoneCount = 0
  lastError: string | null = null

  constructor(context: NumbersContext, backoff: Backoff) {
    this.#context = context
    this.#store = context.store
    this.#own = context.own
    this.#backoff = backoff
  }

  /** What is sealed is taken too, though it may have been cut: a counter can go back that far. */
  isAbove(first: number): boolean {
    return first > this.#used && first > this.#context.sealed()
  }

  use(first: number, count: number): void {
    this.#used = Math.max(this.#used, first + count - 1)
  }

  /**
   * First of `count` consecutive seqs above every seq used before and above `minSeq`. Tries until
   * the store answers; throws after `stop`.
   */
  async allocate(count: number, minSeq: number): Promise<number> {
    for (let attempt = 0; ;) {
      if (this.#isStopped) throw new Error('The log was stopped')
      try {
        const first = await this.#store.allocate(count)
        const isUsable = this.isAbove(first) && first > minSeq
        this.use(first, count)
        if (isUsable) {
          this.lastError = null
          return first
        }
        // A counter that went back (a failover): these may be anybody's by now.
        this.voidSoon(Array.from({ length: count }, (_, index) => first + index))
      } catch (error) {
        this.lastError = String(error)
        await this.#backoff.wait(attempt++)
      }
    }
  }

  /**
   * Fills numbers with tombstones in the background. Past a bound they are left to the readers, who
   * fill holes too.
   */
  voidSoon(seqs: readonly number[]): void {
    if (seqs.length === 0 || this.#toVoid.length > MAX_UNVOIDED) return
    const sealed = this.#context.sealed()
    for (const seq of seqs) if (seq > sealed) this.#toVoid.push(seq)
    this.#voiding ??= this.#voidAll().finally(() => {
      this.#voiding = null
    })
  }

  /** Resolves when nothing is left to void. */
  async voided(): Promise<void> {
    await this.#voiding
  }

  stop(): void {
    this.#isStopped = true
  }

  async #voidAll(): Promise<void> {
    for (let attempt = 0; this.#toVoid.length > 0 && !this.#isStopped;) {
      const chunk = this.#toVoid.slice(0, VOID_CHUNK).sort((a, b) => a - b)
      try {
        this.tombstoneCount += await writeTombstones(this.#store, chunk, this.#own)
        this.#toVoid.splice(0, chunk.length)
        attempt = 0
      } catch (error) {
        this.lastError = String(error)
        await this.#backoff.wait(attempt++)
      }
    }
  }
}
