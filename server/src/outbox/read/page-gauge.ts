import { eventBytes } from '../append/event-check.ts'
import type { LogEvent, RangeQuery } from '../contract/store.ts'

/** Most that a page of the log takes from a store at once, in bytes, but for its last event. */
export const PAGE_BYTES = 16 * 1024 * 1024

/** Says of each event of a page, in order, whether the page is full with it. */
export class PageGauge {
  readonly #limit: number
  readonly #maxBytes: number
  #count = 0
  #bytes = 0

  constructor({ limit, maxBytes = Infinity }: Pick<RangeQuery, 'limit' | 'maxBytes'>) {
    this.#limit = limit
    this.#maxBytes = maxBytes
  }

  isFullWith(event: LogEvent): boolean {
    this.#count++
    if (this.#maxBytes !== Infinity) this.#bytes += eventBytes(event)
    return this.#count >= this.#limit || this.#bytes >= this.#maxBytes
  }
}

/** True when there may be more after this page: it ended at its limit or at its bytes. */
export function isFullPage(page: readonly LogEvent[], query: RangeQuery): boolean {
  const gauge = new PageGauge(query)
  let isFull = false
  for (const event of page) isFull = gauge.isFullWith(event)
  return isFull
}
