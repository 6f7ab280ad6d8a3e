import { OWNER } from '../../contract/store.ts'
import type { LogEvent, RangeQuery, Snapshot } from '../../contract/store.ts'

/** One room's part of a MemoryStore: its events by seq and by n, and its snapshots. */
export class MemoryRoom {
  /** Ascending by seq. */
  #events: LogEvent[] = []
  readonly #byN = new Map<number, LogEvent>()
  /** Ascending by seq. */
  #snapshots: Snapshot[] = []
  #last: LogEvent | null = null

  get isEmpty(): boolean {
    return this.#byN.size === 0 && this.#snapshots.length === 0
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

  /** All of them: `limit` and `maxBytes` are the caller's to keep. */
  range(query: RangeQuery): LogEvent[] {
    const start = indexAfter(this.#events, query.after)
    return this.#events.slice(start, indexAfter(this.#events, query.upTo))
  }

  /** Forgets events up to `seq`; its owner events can be found by n still. */
  deleteThrough(seq: number): void {
    const gone = this.#events.splice(0, indexAfter(this.#events, seq))
    if (gone.length === 0) return
    for (const event of gone) if (event.type !== OWNER) this.#byN.delete(event.n)
    if (!this.#last || this.#byN.has(this.#last.n)) return
    this.#last = null
    for (const event of this.#byN.values())
      if (!this.#last || event.n > this.#last.n) this.#last = event
  }

  saveSnapshot(snapshot: Snapshot): void {
    const index = indexAfter(this.#snapshots, snapshot.seq)
    const isSame = this.#snapshots[index - 1]?.seq === snapshot.seq
    this.#snapshots.splice(isSame ? index - 1 : index, isSame ? 1 : 0, snapshot)
  }

  snapshotAt(seq: number): Snapshot | null {
    return this.#snapshots[indexAfter(this.#snapshots, seq) - 1] ?? null
  }

  snapshotOf(seq: number): Snapshot | null {
    const found = this.snapshotAt(seq)
    return found?.seq === seq ? found : null
  }

  deleteSnapshotsBelow(seq: number): void {
    this.#snapshots.splice(0, indexAfter(this.#snapshots, seq - 1))
  }
}

/** Index of the first entry with a seq above `seq`. */
function indexAfter(list: readonly { readonly seq: number }[], seq: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle]?.seq ?? 0) <= seq) low = middle + 1
    else high = middle
  }
  return low
}

function insertBySeq(list: LogEvent[], event: LogEvent): void {
  const last = list[list.length - 1]
  if (!last || last.seq < event.seq) list.push(event)
  else list.splice(indexAfter(list, event.seq), 0, event)
}
