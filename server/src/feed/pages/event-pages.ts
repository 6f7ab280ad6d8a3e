import type { LogEvent } from '../../outbox/contract/store.ts'
import { checkOf, roomId } from '../position/room-id.ts'
import { etagOf } from '../../http/etag.ts'
import { lineJson } from '../../process/json-text.ts'
import { publicData, publicType } from '../read/entry.ts'
import type { FeedLog } from '../read/feed-log.ts'
import type { ReadGate } from '../read/read-gate.ts'

/** A page is one answer of `GET /rooms/:id/events`. */
export interface EncodedPage {
  /** The body is encoded JSON. It is shared, and never changed. */
  readonly body: Uint8Array
  readonly etag: string
  /** True when it can never change. */
  readonly isSealed: boolean
}

/** It asks for the events of a room with after < seq <= upTo, at most `limit` of them. */
export interface PageQuery {
  readonly room: string
  readonly after: number
  /** n of the room's event at `after`, or before it: where an empty page goes on. */
  readonly afterN: number
  readonly upTo: number
  readonly limit: number
  /** The seq of the room's end, for a reader who may see it; null: it goes on. */
  readonly endSeq: number | null
  /** What the room did while it was private is withheld: of those events there is n, and nothing else (FE133). */
  readonly withholds: boolean
}

/** A page is no larger than this, its first event excepted. */
const MAX_PAGE_BYTES = 256 * 1024
/** The JSON around the events of a page has room in this. */
const FRAME_BYTES = 64
/** So many events are read at once: most pages are full of bytes before they are full of events. */
const READ_LIMIT = 250
const MAX_CACHE_BYTES = 16 * 1024 * 1024
/** A page in the cache takes so much memory beside its body. */
const OVERHEAD_BYTES = 256

/**
 * Makes the pages of rooms' events. Equal questions at once are one, and a page that can never
 * change is made once (FE47).
 */
export class EventPages {
  readonly #log: FeedLog
  readonly #gate: ReadGate
  readonly #cache = new PageCache()
  readonly #underway = new Map<string, Promise<EncodedPage>>()

  constructor(log: FeedLog, gate: ReadGate) {
    this.#log = log
    this.#gate = gate
  }

  /**
   * Answers the query. Its reads take the turn of `who` (ReadGate).
   * @throws RingsideError past_retention, too_many_requests, or whatever the log fails with.
   */
  async page(query: PageQuery, who: string): Promise<EncodedPage> {
    const { room, after, afterN, limit, upTo, withholds } = query
    const key = `${room} ${after} ${afterN} ${limit} ${withholds}`
    const known = this.#cache.get(key)
    if (known) return known
    const question = `${key} ${upTo}`
    const underway = this.#underway.get(question)
    if (underway) return underway
    const making = this.#gate
      .run(who, () => readPage(this.#log, query))
      .then((page) => {
        this.#cache.put(key, page)
        return page
      })
      .finally(() => this.#underway.delete(question))
    this.#underway.set(question, making)
    return making
  }
}

/**
 * Keeps the pages that can never change, up to 16 MiB, the one unused for longest out first:
 * everybody who looks back asks for the beginning of a match.
 */
export class PageCache {
  readonly #pages = new Map<string, EncodedPage>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): EncodedPage | null {
    const page = this.#pages.get(key)
    if (!page) return null
    this.#pages.delete(key)
    this.#pages.set(key, page)
    return page
  }

  /** Keeps the page unless it may still change. */
  put(key: string, page: EncodedPage): void {
    if (!page.isSealed || this.#pages.has(key)) return
    this.#pages.set(key, page)
    this.#bytes += page.body.length + OVERHEAD_BYTES
    for (const [oldest, { body }] of this.#pages) {
      if (this.#bytes <= MAX_CACHE_BYTES) break
      this.#pages.delete(oldest)
      this.#bytes -= body.length + OVERHEAD_BYTES
    }
  }
}

/**
 * A page is full at its number of events or once the next one would make it too large, so where it
 * ends depends on nothing but the log.
 */
async function readPage(log: FeedLog, query: PageQuery): Promise<EncodedPage> {
  const { room, after, afterN, upTo, limit, endSeq, withholds } = query
  const parts: string[] = []
  let size = FRAME_BYTES
  let next = after
  let last: LogEvent | null = null
  let isFull = false
  while (next < upTo && !isFull) {
    const left = Math.min(READ_LIMIT, limit - parts.length)
    const bound = { limit: left, maxBytes: MAX_PAGE_BYTES }
    const read = await log.read({ after: next, upTo, ...bound, room })
    for (const event of read.events) {
      const part = eventJson(withholds && event.who?.isPrivate ? withheld(event) : event)
      size += Buffer.byteLength(part) + 1
      isFull = parts.length > 0 && size > MAX_PAGE_BYTES
      if (isFull) break
      parts.push(part)
      last = event
    }
    isFull ||= parts.length === limit
    if (read.next <= next) break
    next = read.next
  }
  // Behind the end of a room nothing ever comes.
  const isBehindEnd = last === null && endSeq !== null && after >= endSeq
  const isSealed = isFull || last?.type === 'end' || isBehindEnd
  const nextN = last?.n ?? afterN
  const text = `{"events":[${parts.join(',')}],"next":${nextN},"sealed":${isSealed}}`
  const body = Buffer.from(lineJson(text))
  return { body, etag: etagOf(body), isSealed }
}

/** The event with n alone (FE6). An owner and an end are no more than that. */
function withheld(event: LogEvent): LogEvent {
  return event.type === 'owner' || event.type === 'end'
    ? event
    : { ...event, type: 'patch', data: '' }
}

function eventJson(event: LogEvent): string {
  const type = JSON.stringify(publicType(event))
  const id = roomId({ n: event.n, check: checkOf(event) })
  return `{"n":${event.n},"type":${type},"id":"${id}","data":${publicData(event)}}`
}
