import { ENTRY_OVERHEAD_BYTES } from './entry.ts'
import type { FeedEntry } from './entry.ts'

/** A slice is a run of entries, `entries[start..end)`, with nothing left out up to `next`. */
export interface FeedSlice {
  readonly entries: readonly FeedEntry[]
  readonly start: number
  readonly end: number
  /** Everything up to it was looked at: the reader goes on after it. */
  readonly next: number
}

/** The entries of a room that are held: those from `head` on. */
interface RoomRun {
  entries: FeedEntry[]
  head: number
}

/** One step of one stream looks at no more entries, so that no step takes long. */
const MAX_SLICE = 2_000

/**
 * The ring holds the newest entries of the log, up to a number of bytes: everything after `start`
 * up to `end`. Older ones are read from the log.
 */
export class FeedRing {
  readonly #maxBytes: number
  #entries: FeedEntry[] = []
  #head = 0
  #bytes = 0
  #start: number
  #end: number
  /** The entries of each room, whose n follow each other. */
  readonly #byRoom = new Map<string, RoomRun>()

  /** `position`: the seq up to which nothing is held. */
  constructor(maxBytes: number, position: number) {
    this.#maxBytes = maxBytes
    this.#start = position
    this.#end = position
  }

  /** Nothing at or below it is held. */
  get start(): number {
    return this.#start
  }

  /** Everything from `start` up to it is held. */
  get end(): number {
    return this.#end
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Appends what was sealed of (after, end]; drops the oldest beyond the limit, and all before a
   * gap.
   */
  push(entries: readonly FeedEntry[], end: number, after: number): void {
    if (after > this.#end) {
      this.#entries = []
      this.#byRoom.clear()
      this.#head = 0
      this.#bytes = 0
      this.#start = after
    }
    for (const entry of entries) {
      this.#entries.push(entry)
      this.#index(entry)
      this.#bytes += entry.bytes.length + ENTRY_OVERHEAD_BYTES
    }
    this.#end = end
    while (this.#bytes > this.#maxBytes && this.#head < this.#entries.length) {
      const oldest = this.#entries[this.#head++] as FeedEntry
      this.#bytes -= oldest.bytes.length + ENTRY_OVERHEAD_BYTES
      this.#start = oldest.seq
      this.#forget(oldest)
    }
    // Cutting off the dead front only once it is half of the array costs a constant per entry.
    if (this.#head > 64 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }

  /** The event of the room with this n, or null when it is not held. */
  find(room: string, n: number): FeedEntry | null {
    const run = this.#byRoom.get(room)
    const first = run?.entries[run.head]
    return (first && n >= first.n ? run.entries[run.head + n - first.n] : null) ?? null
  }

  /** The newest event of the room with seq <= `seq`, or null when none is held. */
  lastUpTo(room: string, seq: number): FeedEntry | null {
    const run = this.#byRoom.get(room)
    if (!run) return null
    const { entries, head } = run
    const count = countUpTo(entries, head, seq)
    return count > head ? (entries[count - 1] ?? null) : null
  }

  #index(entry: FeedEntry): void {
    if (entry.room === null) return
    const run = this.#byRoom.get(entry.room)
    if (run?.entries.at(-1)?.n === entry.n - 1) run.entries.push(entry)
    else this.#byRoom.set(entry.room, { entries: [entry], head: 0 })
  }

  #forget({ room, n }: FeedEntry): void {
    const run = room === null ? undefined : this.#byRoom.get(room)
    if (room === null || run?.entries[run.head]?.n !== n) return
    run.head++
    if (run.head === run.entries.length) this.#byRoom.delete(room)
    else if (run.head > 64 && run.head * 2 > run.entries.length) {
      run.entries = run.entries.slice(run.head)
      run.head = 0
    }
  }

  /** The entries that follow `after`, or null when they are no longer (or not yet) held. */
  after(after: number): FeedSlice | null {
    if (after < this.#start || after > this.#end) return null
    const entries = this.#entries
    const start = countUpTo(entries, this.#head, after)
    const end = Math.min(entries.length, start + MAX_SLICE)
    const next = end < entries.length ? (entries[end - 1] as FeedEntry).seq : this.#end
    return { entries, start, end, next }
  }
}

/** The index of the first entry beyond `seq`, from `head` on. */
function countUpTo(entries: readonly FeedEntry[], head: number, seq: number): number {
  let low = head
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle] as FeedEntry).seq <= seq) low = middle + 1
    else high = middle
  }
  return low
}
