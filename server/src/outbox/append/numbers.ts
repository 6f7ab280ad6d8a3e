import type { LoopPace } from '../../process/loop-pace.ts'
import type { Outage } from '../health/outage.ts'
import type { LogStore } from '../contract/store.ts'
import { writeTombstones } from './tombstones.ts'

const MAX_UNVOIDED = 100_000
const VOID_CHUNK = 1_000

export interface NumbersContext {
  readonly store: Pick<LogStore, 'events' | 'clock'>
  readonly own: string
  readonly outage: Pick<Outage, 'failed'>
  /** W of OB3: there is nothing to void at or below it. */
  readonly sealed: () => number
  /** False, or a rejection: this must not be taken for the log that the process writes (OB105). */
  readonly isOurs: () => Promise<boolean>
}

/** Allocates this process's seqs and voids those it will not use (OB49). */
export class Numbers {
  readonly #context: NumbersContext
  readonly #store: Pick<LogStore, 'events' | 'clock'>
  readonly #own: string
  readonly #pace: LoopPace
  /** The greatest seq that this process has used or voided. */
  #used = 0
  #toVoid: number[] = []
  #voiding: Promise<void> | null = null
  #isStopped = false
  /** The counter went back, and nobody has found out yet why. */
  #isDoubted = false
  tombstoneCount = 0
  lastError: string | null = null

  constructor(context: NumbersContext, pace: LoopPace) {
    this.#context = context
    this.#store = context.store
    this.#own = context.own
    this.#pace = pace
  }

  /** A counter that went back is doubted from here on. */
  isAbove(first: number): boolean {
    this.#isDoubted ||= first <= this.#taken
    return !this.#isDoubted
  }

  /**
   * Waits until it is known why the counter went back: after a fail-over the log is the same; after a restore no
   * number is this process's to use or to void, and it is stopped (OB105).
   */
  async assured(): Promise<void> {
    for (let attempt = 0; this.#isDoubted && !this.#isStopped;) {
      try {
        if (await this.#context.isOurs()) this.#isDoubted = false
      } catch (error) {
        this.lastError = String(error)
        this.#context.outage.failed('write', error)
      }
      if (this.#isDoubted) await this.#pace.backOff(attempt++)
    }
  }

  /** Numbers that are sealed are taken too, though they may have been cut: a counter can go back that far. */
  get #taken(): number {
    return Math.max(this.#used, this.#context.sealed())
  }

  use(first: number, count: number): void {
    this.#used = Math.max(this.#used, first + count - 1)
  }

  /**
   * Gives the first of `count` consecutive seqs above every seq used before and above `minSeq`. Tries until
   * the store answers; throws after `stop`.
   */
  async allocate(count: number, minSeq: number): Promise<number> {
    let wanted = count
    for (let attempt = 0; ;) {
      if (this.#isStopped) throw new Error('The log was stopped')
      try {
        const bottom = await this.#store.events.allocate(wanted)
        const end = bottom + wanted
        if (!this.isAbove(bottom)) await this.assured()
        if (this.#isStopped) continue
        const taken = Math.max(this.#taken, minSeq)
        const first = Math.max(bottom, taken + 1)
        const isUsable = first + count <= end
        this.use(bottom, wanted)
        // A counter that went back (a fail-over): these may be anybody's by now.
        this.#voidRange(bottom, isUsable ? first : end)
        if (isUsable) this.#voidRange(first + count, end)
        // The next range reaches over what is taken, however far back the counter is.
        wanted = Math.min(count + Math.max(0, taken + 1 - end), MAX_UNVOIDED)
        if (isUsable) {
          this.lastError = null
          return first
        }
        await this.#pace.turn()
      } catch (error) {
        this.lastError = String(error)
        this.#context.outage.failed('write', error)
        await this.#pace.backOff(attempt++)
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

  /**
   * Does the same for first <= seq < end. A counter that went far back gives a wide range, all of it
   * sealed.
   */
  #voidRange(first: number, end: number): void {
    const from = Math.max(first, this.#context.sealed() + 1)
    if (from >= end) return
    this.voidSoon(Array.from({ length: end - from }, (_, index) => from + index))
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
        await this.#pace.backOff(attempt++)
      }
    }
  }
}
