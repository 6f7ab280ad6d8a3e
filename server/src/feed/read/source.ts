import type { Outbox } from '../../outbox/contract/outbox.ts'
import { ENTRY_OVERHEAD_BYTES, toFeedEntry } from './entry.ts'
import type { FeedEntry } from './entry.ts'
import { FeedRing } from './ring.ts'
import type { FeedSlice } from './ring.ts'
import { LogPages, PAGE_OVERHEAD_BYTES, sliceOf } from './log-pages.ts'
import type { LogPage } from './log-pages.ts'
import type { ReadAhead } from './read-ahead.ts'
import { WHOLE_PAGE } from './read-ahead.ts'
import { ReadGate } from './read-gate.ts'

/** For whom a page is read, and how much of it. */
export interface LoadOptions {
  /** Whose turn it takes (ReadGate). Default: the feed's own. */
  readonly who?: string
  /** Default: as much as one read takes at most. */
  readonly ahead?: ReadAhead
}

/**
 * Where streams read from: the ring while it reaches back far enough, else pages of the log. Equal reads are
 * done once, and a page is kept for a while, for after a cut thousands come back to nearly the same place.
 */
export class FeedSource {
  readonly ring: FeedRing
  readonly #outbox: Outbox
  readonly #gate: ReadGate
  readonly #pages = new LogPages()
  readonly #loading = new Map<string, Promise<LogPage>>()

  constructor(outbox: Outbox, ringBytes: number, gate = new ReadGate()) {
    this.#outbox = outbox
    this.#gate = gate
    this.ring = new FeedRing(ringBytes, outbox.sealed)
  }

  /**
   * What follows `after` in memory, or null: then call `load`. With `room`, entries of other rooms may be
   * left out.
   */
  window(after: number, room: string | undefined): FeedSlice | null {
    const recent = this.ring.after(after)
    if (recent) return recent
    const page = this.#pages.find(after, room)
    return page && sliceOf(page, after)
  }

  /**
   * Reads the page that follows `after`, so that `window` finds it. Whoever needs it for long keeps it: it may
   * be gone from here at any time.
   * @throws RingsideError past_retention, too_many_requests, or whatever the log fails with.
   */
  load(after: number, room: string | undefined, options: LoadOptions = {}): Promise<LogPage> {
    const key = `${room ?? '*'} ${after}`
    const underway = this.#loading.get(key)
    if (underway) return underway
    const { who = '', ahead = WHOLE_PAGE } = options
    const read = this.#gate
      .run(who, async () => this.#pages.find(after, room) ?? (await this.#read(after, room, ahead)))
      .finally(() => this.#loading.delete(key))
    this.#loading.set(key, read)
    return read
  }

  async #read(after: number, room: string | undefined, ahead: ReadAhead): Promise<LogPage> {
    const query = room === undefined ? {} : { room }
    const { events, next } = await this.#outbox.read({ after, ...ahead, ...query })
    const entries: FeedEntry[] = []
    let bytes = PAGE_OVERHEAD_BYTES
    for (const event of events) {
      const entry = toFeedEntry(event)
      if (!entry) continue
      entries.push(entry)
      bytes += entry.bytes.length + ENTRY_OVERHEAD_BYTES
    }
    const page = { room, after, next, entries, bytes }
    this.#pages.put(page)
    return page
  }
}
