import { RingsideError } from '../../../process/errors.ts'
import { randomId } from '../../../process/ids.ts'
import type { LogHistory, MarkStore, NewHistory, VoidRange } from '../../contract/store.ts'

/**
 * The numbers of a log in memory. `take` and `reach` are the counter as the events of the same store use
 * it.
 */
export class MemoryMarks implements MarkStore {
  readonly #origin: number
  #counter: number
  #floor: number
  #sealed: number
  #historyId = randomId()
  #voids: readonly VoidRange[] = []
  #restoredAt = 0

  constructor(origin: number) {
    this.#origin = this.#counter = this.#floor = this.#sealed = origin
  }

  /** The seq that the counter gives next. */
  get next(): number {
    return this.#counter + 1
  }

  /** @throws RingsideError log_restored when the log has another history than this. */
  assertHistory(historyId: string | undefined): void {
    if (historyId !== undefined && historyId !== this.#historyId)
      throw new RingsideError('log_restored')
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

  async floor(historyId?: string): Promise<number> {
    this.assertHistory(historyId)
    return this.#floor
  }

  async raiseFloor(seq: number, historyId?: string): Promise<void> {
    this.assertHistory(historyId)
    this.#floor = Math.max(this.#floor, seq)
    this.reach(seq)
  }

  async history(): Promise<LogHistory> {
    const [id, origin, floor, voids] = [this.#historyId, this.#origin, this.#floor, this.#voids]
    return { id, origin, floor, voids, restoredAt: this.#restoredAt }
  }

  async beginHistory({ from, id, base, voids, restoredAt }: NewHistory): Promise<boolean> {
    if (from !== this.#historyId) return false
    this.#historyId = id
    this.#voids = voids
    this.#restoredAt = restoredAt
    this.#counter = base
    this.#sealed = base
    return true
  }

  async sealed(): Promise<number> {
    return this.#sealed
  }

  async storeSealed(seq: number): Promise<void> {
    this.#sealed = Math.max(this.#sealed, seq)
  }
}
