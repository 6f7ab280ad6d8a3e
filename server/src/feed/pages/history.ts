import { RingsideError } from '../../process/errors.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { LogEvent } from '../../outbox/contract/store.ts'
import { networkOf } from '../../transport/client-address.ts'
import type { HttpRequest, HttpResponse } from '../../transport/contract.ts'
import type { WatchedRoom } from '../audience/access.ts'
import { publicData, publicType } from '../read/entry.ts'
import type { Feed } from '../feed.ts'
import { parseWhole } from '../stream/ask.ts'
import type { EventPageBody } from './page-cache.ts'
import { viewJson } from '../read/states.ts'

interface Exchange {
  readonly request: HttpRequest
  readonly response: HttpResponse
}

const MAX_SEQ = Number.MAX_SAFE_INTEGER
const MAX_PAGE_EVENTS = 1_000
const DEFAULT_PAGE_EVENTS = 100
/** A page is no larger than this, its first event excepted. */
const MAX_PAGE_BYTES = 256 * 1024
/** Room for what stands around the events of a page. */
const FRAME_BYTES = 64
/** Events read at once: most pages are full of bytes before they are full of events. */
const READ_LIMIT = 250

/**
 * Answers `GET /rooms/:id/state`: the newest state that may be seen, or with `at` the one at that seq.
 * @throws RingsideError room_not_found, forbidden, bad_request, not_yet_visible, past_retention, too_many_requests.
 */
export async function roomState(feed: Feed, id: string, exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  feed.readers.checkRead(request.remoteAddress)
  const room = watchedRoom(feed, id, request)
  const visible = await feed.visiblePosition(room.delayMs)
  const isPast = request.query.has('at')
  const at = parseWhole(request.query, 'at', { min: 0, max: MAX_SEQ, fallback: visible })
  if (at > visible) throw new RingsideError('not_yet_visible')
  const view = await feed.states.at(id, at, networkOf(request.remoteAddress))
  // Not begun at that point; without a point: begun, but too young to be seen.
  if (!view) throw new RingsideError(isPast ? 'not_found' : 'not_yet_visible')
  response.send(200, jsonHeaders(isPast, isShared(feed, room)), viewJson(view))
}

/**
 * Answers `GET /rooms/:id/events?after=&limit=`. Without `after`, or with 0, it begins with the oldest event
 * that is kept. A page is full with `limit` events or 256 KiB; a full one after a seq, and one that ends with
 * the room, never changes.
 * @throws RingsideError room_not_found, forbidden, bad_request, past_retention, too_many_requests.
 */
export async function roomEvents(feed: Feed, id: string, exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  feed.readers.checkRead(request.remoteAddress)
  const room = watchedRoom(feed, id, request)
  const { outbox } = feed
  const first = Math.max(outbox.floor, outbox.origin)
  const asked = parseWhole(request.query, 'after', { min: 0, max: MAX_SEQ, fallback: 0 })
  const after = asked === 0 ? first : asked
  const limit = parseWhole(request.query, 'limit', {
    min: 1,
    max: MAX_PAGE_EVENTS,
    fallback: DEFAULT_PAGE_EVENTS,
  })
  if (after < first) throw new RingsideError('past_retention')
  const visible = await feed.visiblePosition(room.delayMs)
  const key = `${id} ${after} ${limit}`
  const read = (): Promise<EventPageBody> =>
    readPage(outbox, { room: id, after, upTo: visible, limit })
  const page =
    feed.pages.get(key) ??
    (await feed.pages.make(key, visible, () =>
      feed.gate.run(networkOf(request.remoteAddress), read),
    ))
  // Where the kept log begins moves on with retention: such a page is sealed, but its address is not.
  const isCacheable = page.isSealed && asked > 0
  response.send(200, jsonHeaders(isCacheable, isShared(feed, room)), page.body)
}

interface PageQuery {
  readonly room: string
  readonly after: number
  readonly upTo: number
  readonly limit: number
}

/**
 * A page is full at its number of events or once the next one would make it too large, so where it ends depends
 * on nothing but the log.
 */
async function readPage(outbox: Outbox, query: PageQuery): Promise<EventPageBody> {
  const { room, after, upTo, limit } = query
  const parts: string[] = []
  let size = FRAME_BYTES
  let next = after
  let last: LogEvent | null = null
  let isFull = false
  while (next < upTo && !isFull) {
    const left = Math.min(READ_LIMIT, limit - parts.length)
    const bound = { limit: left, maxBytes: MAX_PAGE_BYTES }
    const read = await outbox.read({ after: next, upTo, ...bound, room })
    for (const event of read.events) {
      const part = pageEvent(event)
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
  // A full page ends at its last event, so that asking again gives the same bytes.
  if (isFull && last) next = last.seq
  const isSealed = isFull || last?.type === 'end'
  const body = Buffer.from(`{"events":[${parts.join(',')}],"next":${next},"sealed":${isSealed}}`)
  return { body, isSealed }
}

function pageEvent(event: LogEvent): string {
  const type = JSON.stringify(publicType(event))
  return `{"seq":${event.seq},"type":${type},"data":${publicData(event)}}`
}

function watchedRoom(feed: Feed, id: string, request: HttpRequest): WatchedRoom {
  const room = feed.access.find(id)
  if (!room) throw new RingsideError('room_not_found')
  if (!feed.access.mayWatch(request, room)) throw new RingsideError('forbidden')
  return room
}

/** What depends on who asks is not for shared caches. */
function isShared(feed: Feed, room: WatchedRoom): boolean {
  return !room.isPrivate && !feed.access.isPersonal
}

/** What can change is asked for again. */
function jsonHeaders(isFinal: boolean, isForAll: boolean): Record<string, string> {
  const scope = isForAll ? 'public' : 'private'
  return {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': isFinal ? `${scope}, max-age=31536000, immutable` : 'no-cache',
  }
}
