import { ENTRY_OVERHEAD_BYTES } from './entry.ts'
import { MAX_CHUNK_BYTES } from '../stream/chunk.ts'
import type { Pace } from '../stream/stream.ts'
import { MAX_PAGES_BYTES } from './log-pages.ts'
import type { LogPage } from './log-pages.ts'

/** How much one read of the log takes. */
export interface ReadAhead {
  /** Events. */
  readonly limit: number
  /** Bytes of their data; the last event may go beyond. */
  readonly maxBytes: number
}

/** The most that one read takes. */
export const WHOLE_PAGE: ReadAhead = { limit: 500, maxBytes: 8 * MAX_CHUNK_BYTES }

/** Events that a paced stream has before it at first. */
export const PACED_EVENTS = 20
/** What an entry takes at least, its block counted. */
const MIN_ENTRY_BYTES = 2 * ENTRY_OVERHEAD_BYTES

/**
 * FE5: how much is read for a stream when `streams` of them are not live. All of their pages together fit into
 * what is kept, so that none of them must be read twice: no further than it soon gets, but a chunk for one that
 * takes it at once. A paced stream begins with its next few events, and has twice as many each time it did not
 * have to wait for one.
 */
export function readAheadOf(pace: Pace | null, streams: number): ReadAhead {
  const share = Math.floor(MAX_PAGES_BYTES / 2 / Math.max(1, streams))
  if (!pace) {
    const maxBytes = Math.min(WHOLE_PAGE.maxBytes, Math.max(MAX_CHUNK_BYTES, share))
    return { limit: WHOLE_PAGE.limit, maxBytes }
  }
  pace.ahead = pace.hasWaited ? PACED_EVENTS : Math.min(WHOLE_PAGE.limit, 2 * pace.ahead)
  pace.hasWaited = false
  const most = Math.max(1, Math.floor(share / MIN_ENTRY_BYTES))
  return { limit: Math.min(pace.ahead, most), maxBytes: Math.min(MAX_CHUNK_BYTES, share) }
}

/**
 * The page stays with the paced stream until it is through: others may push it out of what is kept. Only what
 * is larger than its share is not held: such an event is read again when it is due.
 */
export function holdPage(pace: Pace, page: LogPage, ahead: ReadAhead): void {
  pace.page = page.bytes <= 2 * ahead.maxBytes ? page : null
}
