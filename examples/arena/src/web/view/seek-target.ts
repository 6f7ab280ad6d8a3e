/** The shown time counts as arrived this close to the target, in ms. */
const NEAR_MS = 3_000
/** A seek that is done but not seen yet is waited for this long, in ms. */
const PATIENCE_MS = 1_000

/**
 * The goal that the timeline is on its way to. A seek takes a moment: skips in the meantime start from its
 * target, so that three clicks of ten seconds are thirty.
 */
export class SeekTarget {
  #target: number | null = null
  #doneAt: number | null = null
  #count = 0

  /** Time that the timeline stands at, or goes to; `shown` where it goes nowhere. */
  from(shown: number): number {
    return this.#target ?? shown
  }

  /** Goes to a time. Call the returned function when the seek is done, well or not; an older one ends nothing. */
  begin(target: number): (nowMs: number) => void {
    const count = ++this.#count
    this.#target = target
    this.#doneAt = null
    return (nowMs) => {
      if (count === this.#count) this.#doneAt = nowMs
    }
  }

  /** Tells that the page shows this time now: a seek that is done ends when it is seen, or after a while. */
  shown(time: number, nowMs: number): void {
    if (this.#target === null || this.#doneAt === null) return
    const isThere = Math.abs(time - this.#target) < NEAR_MS
    if (isThere || nowMs - this.#doneAt > PATIENCE_MS) this.clear()
  }

  /** Goes nowhere any more, for something else was asked for. */
  clear(): void {
    this.#count += 1
    this.#target = null
    this.#doneAt = null
  }
}
