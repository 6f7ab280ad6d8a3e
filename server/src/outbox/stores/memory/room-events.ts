import { OWNER } from '../../contract/store.ts'
import type { LogEvent, RangeQuery } from '../../contract/store.ts'
import { indexAfter, insertBySeq } from './by-seq.ts'

/** One room's events in memory, by seq and by n. */
export class RoomEvents {
  /** Ascending by seq. */
  #events: LogEvent[] = []
  readonly #byN = new Map<number, LogEvent>()
  #last: LogEvent | null = null

  get isEmpty(): boolean {
    return this.#byN.size === 0
  }

  /** The event with the greatest n. */
  get last(): LogEvent | null {
    return this.#last
  }

  byN(n: number): LogEvent | null {
    return this.#byN.get(n) ?? null
  }

  add(event: LogEvent): void {
    insertBySeq(this.#events, event)
    if (event.n === 0) return
    this.#byN.set(event.n, event)
    if (!this.#last || event.n > this.#last.n) this.#last = event
  }

  /** Gives all of them: the caller keeps to `limit` and `maxBytes`. */
  range(query: RangeQuery): LogEvent[] {
    const start = indexAfter(this.#events, query.after)
    return this.#events.slice(start, indexAfter(this.#events, query.upTo))
  }

  /** Forgets events up to `seq`; its owner events can be found by n still. */
  deleteThrough(seq: number): void {
    const gone = this.#events.splice(0, indexAfter(this.#events, seq))
    if (gone.length === 0) return
    for (const event of gone) if (event.type !== OWNER) this.#byN.delete(event.n)
    this.#findLast()
  }

  /** Forgets the event, by seq and by n. */
  delete({ seq, n }: LogEvent): void {
    const index = indexAfter(this.#events, seq) - 1
    if (this.#events[index]?.seq === seq) this.#events.splice(index, 1)
    if (this.#byN.get(n)?.seq === seq) this.#byN.delete(n)
    this.#findLast()
  }

  #findLast(): void {
    if (!this.#last || this.#byN.has(this.#last.n)) return
    this.#last = null
    for (const event of this.#byN.values())
      if (!this.#last || event.n > this.#last.n) this.#last = event
  }
}
