import type { Outbox } from '../outbox/outbox.ts'
import { ENTRY_OVERHEAD_BYTES, toFeedEntry } from './feed-entry.ts'
import type { FeedEntry } from './feed-entry.ts'
import { FeedRing } from './feed-ring.ts'
import type { FeedSlice } from './feed-ring.ts'

interface Page {
  readonly room: string | undefined
  readonly after: number
  readonly next: number
  readonly entries: readonly FeedEntry[]
  readonly bytes: number
}

const PAGE_LIMIT = 500
const MAX_PAGES = 64
const MAX_PAGE_BYTES = 8 * 1024 * 1024
/** Reads of the log under way at once; further ones wait their turn. */
const MAX_READS = 16

/**
 * Where streams read from: the ring while it reaches back far enough, else pages of the log. Equal reads are
 * done once, and a page is kept for a while, for after a cut thousands come back to nearly the same place.
 */
export class FeedSource {
  readonly ring: FeedRing
  readonly #outbox: Outbox
  #pages: Page[] = []
  #pageBytes = 0
  readonly #loading = new Map<string, Promise<void>>()
  #reads = 0
  readonly #waiting: (() => void)[] = []

  constructor(outbox: Outbox, ringBytes: number) {
    this.#outbox = outbox
    this.ring = new FeedRing(ringBytes, outbox.sealed)
  }

  /**
   * What follows `after` in memory, or null: then call `load`. With `room`, entries of other rooms may be
   * left out.
   */
  window(after: number, room: string | undefined): FeedSlice | null {
    const recent = this.ring.after(after)
    if (recent) return recent
    for (let index = this.#pages.length - 1; index >= 0; index--) {
      const page = this.#pages[index] as Page
      if (page.room !== room || after < page.after || after >= page.next) continue
      let start = 0
      while (start < page.entries.length && (page.entries[start] as FeedEntry).seq <= after) start++
      return { entries: page.entries, start, end: page.entries.length, next: page.next }
    }
    return null
  }

  /**
   * Reads the page that follows `after`, so that `window` finds it.
   * @throws RingsideError past_retention, or whatever the log fails with.
   */
  load(after: number, room: string | undefined): Promise<void> {
    const key = `${room ?? '*'} ${after}`
    const underway = this.#loading.get(key)
    if (underway) return underway
    const read = this.#read(after, room).finally(() => this.#loading.delete(key))
    this.#loading.set(key, read)
    return read
  }

  async #read(after: number, room: string | undefined): Promise<void> {
    if (this.#reads >= MAX_READS) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#reads++
    try {
      const query = room === undefined ? {} : { room }
      const { events, next } = await this.#outbox.read({ after, limit: PAGE_LIMIT, ...query })
      const entries: FeedEntry[] = []
      let bytes = 0
      for (const event of events) {
        const entry = toFeedEntry(event)
        if (!entry) continue
        entries.push(entry)
        bytes += entry.bytes.length + ENTRY_OVERHEAD_BYTES
      }
      this.#keep({ room, after, next, entries, bytes })
    } finally {
      this.#reads--
      this.#waiting.shift()?.()
    }
  }

  #keep(page: Page): void {
    this.#pages.push(page)
    this.#pageBytes += page.bytes
    // The newest page stays whatever its size: somebody waits for it.
    while (
      this.#pages.length > 1 &&
      (this.#pages.length > MAX_PAGES || this.#pageBytes > MAX_PAGE_BYTES)
    )
      this.#pageBytes -= (this.#pages.shift() as Page).bytes
  }
}
