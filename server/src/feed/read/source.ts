import { ENTRY_OVERHEAD_BYTES, toFeedEntry } from './entry.ts'
import type { FeedEntry } from './entry.ts'
import type { FeedLog } from './feed-log.ts'
import { ReadGate } from './read-gate.ts'
import { FeedRing } from './ring.ts'
import type { FeedSlice } from './ring.ts'
import { STRETCH_OVERHEAD_BYTES, Stretches, sliceOf } from './stretches.ts'
import type { Stretch } from './stretches.ts'

/** One read of the log takes no more than this. */
export interface ReadSize {
  /** Events. */
  readonly limit: number
  /** Bytes of their data; the last event may go beyond. */
  readonly maxBytes: number
}

/** No read takes more (FE37). */
export const WHOLE_READ: ReadSize = { limit: 500, maxBytes: 512 * 1024 }

/** A read is made for somebody, and up to a size. */
export interface LoadOptions {
  /** The read takes this address' turn (ReadGate). Default: the feed's own. */
  readonly who?: string
  /** Default: as much as one read takes at most. */
  readonly size?: ReadSize
}

/**
 * Streams read from here: from the ring while it reaches back far enough, else from stretches of
 * the log. Equal reads are done once, and a stretch is kept for a while, for after a cut thousands
 * of readers come back to nearly the same place.
 */
export class FeedSource {
  readonly ring: FeedRing
  readonly #log: FeedLog
  readonly #gate: ReadGate
  readonly #stretches = new Stretches()
  readonly #loading = new Map<string, Promise<Stretch>>()

  constructor(log: FeedLog, ringBytes: number, gate = new ReadGate()) {
    this.#log = log
    this.#gate = gate
    this.ring = new FeedRing(ringBytes, log.sealed)
  }

  /**
   * Finds the entries in memory that follow `after`; null means that `load` must be called. With
   * `room`, entries of other rooms may be left out.
   */
  window(after: number, room: string | undefined): FeedSlice | null {
    const recent = this.ring.after(after)
    if (recent) return recent
    const stretch = this.#stretches.find(after, room)
    return stretch && sliceOf(stretch, after)
  }

  /**
   * Reads the stretch that follows `after`, so that `window` finds it. A caller that needs it for
   * long keeps it: it may be gone from here at any time.
   * @throws RingsideError past_retention, too_many_requests, or whatever the log fails with.
   */
  load(after: number, room: string | undefined, options: LoadOptions = {}): Promise<Stretch> {
    const key = `${room ?? '*'} ${after}`
    const underway = this.#loading.get(key)
    if (underway) return underway
    const { who = '', size = WHOLE_READ } = options
    const read = this.#gate
      .run(
        who,
        async () => this.#stretches.find(after, room) ?? (await this.#read(after, room, size)),
      )
      .finally(() => this.#loading.delete(key))
    this.#loading.set(key, read)
    return read
  }

  async #read(after: number, room: string | undefined, size: ReadSize): Promise<Stretch> {
    const query = room === undefined ? {} : { room }
    const { events, next } = await this.#log.read({ after, ...size, ...query })
    const entries: FeedEntry[] = []
    let bytes = STRETCH_OVERHEAD_BYTES
    for (const event of events) {
      const entry = toFeedEntry(event)
      if (!entry) continue
      entries.push(entry)
      bytes += entry.bytes.length + ENTRY_OVERHEAD_BYTES
    }
    const stretch = { room, after, next, entries, bytes }
    this.#stretches.put(stretch)
    return stretch
  }
}
