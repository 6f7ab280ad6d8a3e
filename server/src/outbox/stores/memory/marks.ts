import type { MarkStore } from '../../contract/store.ts'

/**
 * The numbers of a log in memory. `take` and `reach` are the counter as the events of the same store use
 * it.
 */
export class MemoryMarks implements MarkStore {
  readonly #origin: number
  #counter: number
  #floor: number
  #sealed: number

  constructor(origin: number) {
    this.#origin = this.#counter = this.#floor = this.#sealed = origin
  }

  /** The seq that the counter gives next. */
  get next(): number {
    return this.#counter + 1
  }

  /** Takes `count` seqs and returns the first. */
  take(count: number): number {
    const first = this.next
    this.#counter += count
    return first
  }

  /** Takes every seq up to this one. */
  reach(seq: number): void {
    this.#counter = Math.max(this.#counter, seq)
  }

  async origin(): Promise<number> {
    return this.#origin
  }

  async counter(): Promise<number> {
    return this.#counter
  }

  async floor(): Promise<number> {
    return this.#floor
  }

  async raiseFloor(seq: number): Promise<void> {
    this.#floor = Math.max(this.#floor, seq)
    this.reach(seq)
  }

  async sealed(): Promise<number> {
    return this.#sealed
  }

  async storeSealed(seq: number): Promise<void> {
    this.#sealed = Math.max(this.#sealed, seq)
  }
}
