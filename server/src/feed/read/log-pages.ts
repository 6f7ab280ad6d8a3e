import type { FeedEntry } from './entry.ts'
import type { FeedSlice } from './ring.ts'

/** What one read of the log gave: everything with after < seq <= next, of one room or (undefined) of all. */
export interface LogPage {
  readonly room: string | undefined
  readonly after: number
  readonly next: number
  readonly entries: readonly FeedEntry[]
  readonly bytes: number
}

/** Most bytes of pages that are kept; the newest page stays whatever its size: somebody waits for it. */
export const MAX_PAGES_BYTES = 8 * 1024 * 1024
/** Bytes of memory that a page is taken for beside its entries. */
export const PAGE_OVERHEAD_BYTES = 256
/** A long page may cover what begins after several short ones. */
const LOOK_BACK = 8

/** Pages of the log that were read lately, found by position; the one unused for longest goes first. */
export class LogPages {
  /** By room, ascending by `after`. */
  readonly #byRoom = new Map<string | undefined, LogPage[]>()
  readonly #byUse = new Set<LogPage>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** A page of the room that holds what follows `after`, or null. */
  find(after: number, room: string | undefined): LogPage | null {
    const pages = this.#byRoom.get(room)
    if (!pages) return null
    const last = countUpTo(pages, after) - 1
    for (let index = last; index >= 0 && index > last - LOOK_BACK; index--) {
      const page = pages[index] as LogPage
      if (!covers(page, after)) continue
      this.#byUse.delete(page)
      this.#byUse.add(page)
      return page
    }
    return null
  }

  put(page: LogPage): void {
    const pages = this.#byRoom.get(page.room)
    if (pages) pages.splice(countUpTo(pages, page.after), 0, page)
    else this.#byRoom.set(page.room, [page])
    this.#byUse.add(page)
    this.#bytes += page.bytes
    for (const oldest of this.#byUse) {
      if (this.#bytes <= MAX_PAGES_BYTES || this.#byUse.size === 1) break
      this.#remove(oldest)
    }
  }

  #remove(page: LogPage): void {
    this.#byUse.delete(page)
    this.#bytes -= page.bytes
    const pages = this.#byRoom.get(page.room) ?? []
    pages.splice(pages.indexOf(page), 1)
    if (pages.length === 0) this.#byRoom.delete(page.room)
  }
}

/** True when the page holds what follows `after`. */
export function covers(page: LogPage, after: number): boolean {
  return after >= page.after && after < page.next
}

/** What of the page follows `after`. */
export function sliceOf({ entries, next }: LogPage, after: number): FeedSlice {
  let start = 0
  while (start < entries.length && (entries[start] as FeedEntry).seq <= after) start++
  return { entries, start, end: entries.length, next }
}

/** How many pages begin at `after` or before. */
function countUpTo(pages: readonly LogPage[], after: number): number {
  let low = 0
  let high = pages.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((pages[middle] as LogPage).after <= after) low = middle + 1
    else high = middle
  }
  return low
}
