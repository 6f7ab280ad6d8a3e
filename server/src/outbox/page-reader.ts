import type { Clock } from '../clock.ts'
import { RingsideError } from '../errors.ts'
import type { OutboxPage, OutboxQuery } from './outbox.ts'
import { PAGE_BYTES, isFullPage } from './page.ts'
import { TOMBSTONE } from './store.ts'
import type { LogStore } from './store.ts'

const MAX_PAGE = 1_000
/** How often, and after how long, a page is read again that was older than W. */
const STALE_ATTEMPTS = 50
const STALE_WAIT_MS = 100

export interface PageReaderContext {
  readonly store: LogStore
  readonly clock: Clock
  /** W of OB3: nothing beyond it is read. */
  readonly sealed: () => number
  /** The floor as it was after a page was read. */
  readonly noteFloor: (floor: number) => void
}

/** Reads sealed pages, and knows a store that answers with an older state than was seen before. */
export class PageReader {
  readonly #context: PageReaderContext

  constructor(context: PageReaderContext) {
    this.#context = context
  }

  /**
   * null when the store kept showing an older state.
   * @throws RingsideError past_retention as Outbox.read; what the store throws.
   */
  read(query: OutboxQuery): Promise<OutboxPage | null> {
    return this.fresh(() => this.#readPage(query))
  }

  /** Reads again what must be there and is not: a new primary may not know of it for a moment. */
  async fresh<T>(read: () => Promise<T | null>): Promise<T | null> {
    for (let attempt = 1; ; attempt++) {
      const found = await read()
      if (found || attempt === STALE_ATTEMPTS) return found
      await new Promise<void>((resolve) => void this.#context.clock.after(STALE_WAIT_MS, resolve))
    }
  }

  /**
   * null when the store showed an older state than this process has seen: after a fail-over a majority read
   * may go back in time, and what it does not show yet must not be taken for absent (FE1).
   */
  async #readPage(query: OutboxQuery): Promise<OutboxPage | null> {
    const upTo = Math.min(query.upTo ?? this.#context.sealed(), this.#context.sealed())
    const limit = Math.max(1, Math.min(MAX_PAGE, query.limit))
    const { after, room } = query
    const isEmpty = after >= upTo
    const where = { upTo, ...(room === undefined ? {} : { room }) }
    const maxBytes = Math.min(PAGE_BYTES, query.maxBytes ?? PAGE_BYTES)
    const page = { ...where, after, limit, maxBytes }
    const found = isEmpty ? [] : await this.#context.store.range(page)
    const isFull = isFullPage(found, page)
    let isStale = false
    if (!isEmpty && room !== undefined && !isFull) {
      // The end of W is there, and after it was seen there is still nothing more of the room.
      const end = await this.#context.store.bySeq(upTo)
      const from = found[found.length - 1]?.seq ?? after
      const more = await this.#context.store.range({ ...where, after: from, limit: 1 })
      isStale = end === null || more.length > 0
    }
    // After the read: what was deleted meanwhile would be missing in the page (OB6).
    const floor = await this.#context.store.floor()
    this.#context.noteFloor(floor)
    if (after < floor)
      throw new RingsideError('past_retention', `Expected a position from ${floor}, got ${after}`)
    const last = found[found.length - 1]
    const next = last && isFull ? last.seq : Math.max(after, upTo)
    // Up to W every seq is an event or a tombstone (OB3).
    if (room === undefined) isStale = !isEmpty && found.length !== next - after
    if (isStale) return null
    return { events: found.filter((event) => event.type !== TOMBSTONE), next }
  }
}
