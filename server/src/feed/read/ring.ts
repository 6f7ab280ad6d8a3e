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
      this.#head = 0
      this.#bytes = 0
      this.#start = after
    }
    for (const entry of entries) {
      this.#entries.push(entry)
      this.#bytes += entry.bytes.length + ENTRY_OVERHEAD_BYTES
    }
    this.#end = end
    while (this.#bytes > this.#maxBytes && this.#head < this.#entries.length) {
      const oldest = this.#entries[this.#head++] as FeedEntry
      this.#bytes -= oldest.bytes.length + ENTRY_OVERHEAD_BYTES
      this.#start = oldest.seq
    }
    // Cutting off the dead front only once it is half of the array costs a constant per entry.
    if (this.#head > 64 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }

  /** The entries that follow `after`, or null when they are no longer (or not yet) held. */
  after(after: number): FeedSlice | null {
    if (after < this.#start || after > this.#end) return null
    const entries = this.#entries
    let low = this.#head
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((entries[middle] as FeedEntry).seq <= after) low = middle + 1
      else high = middle
    }
    const end = Math.min(entries.length, low + MAX_SLICE)
    const next = end < entries.length ? (entries[end - 1] as FeedEntry).seq : this.#end
    return { entries, start: low, end, next }
  }
}
