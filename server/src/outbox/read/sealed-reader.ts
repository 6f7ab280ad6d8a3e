import { RingsideError } from '../../process/errors.ts'
import type { OutboxPage, OutboxQuery } from '../contract/outbox.ts'
import { PAGE_BYTES, isFullAnswer } from '../contract/sizes.ts'
import { TOMBSTONE } from '../contract/store.ts'
import type { LogStore } from '../contract/store.ts'

const MAX_PAGE = 1_000

export interface SealedReaderContext {
  readonly store: Pick<LogStore, 'events' | 'marks'>
  /** W of OB3: nothing beyond it is read. */
  readonly sealed: () => number
  /** The floor as it was after a page was read. */
  readonly noteFloor: (floor: number) => void
}

/**
 * Reads sealed pages. The store never shows less than W was read of: an event that a page up to W lacks is
 * not there (OB40).
 */
export class SealedReader {
  readonly #context: SealedReaderContext

  constructor(context: SealedReaderContext) {
    this.#context = context
  }

  /** @throws RingsideError past_retention as Outbox.read; what the store throws. */
  async read(query: OutboxQuery): Promise<OutboxPage> {
    const { store, sealed, noteFloor } = this.#context
    const upTo = Math.min(query.upTo ?? sealed(), sealed())
    const limit = Math.max(1, Math.min(MAX_PAGE, query.limit))
    const { after, room } = query
    const maxBytes = Math.min(PAGE_BYTES, query.maxBytes ?? PAGE_BYTES)
    const page = { after, upTo, limit, maxBytes, ...(room === undefined ? {} : { room }) }
    const found = after >= upTo ? [] : await store.events.range(page)
    // The floor is read after the page, which lacks whatever was deleted meanwhile (OB64).
    const floor = await store.marks.floor()
    noteFloor(floor)
    if (after < floor)
      throw new RingsideError('past_retention', `Expected a position from ${floor}, got ${after}`)
    const last = found[found.length - 1]
    const next = last && isFullAnswer(found, page) ? last.seq : Math.max(after, upTo)
    return { events: found.filter((event) => event.type !== TOMBSTONE), next }
  }
}
