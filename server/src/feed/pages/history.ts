import { RingsideError } from '../../process/errors.ts'
import { networkOf } from '../../transport/client-address.ts'
import { etagOf, sendTagged } from '../../http/etag.ts'
import type { HttpRequest, HttpResponse } from '../../transport/contract.ts'
import type { FeedAccess, WatchedRoom } from '../audience/access.ts'
import type { ReaderLimits } from '../audience/reader-limits.ts'
import { BEFORE_ALL } from '../position/room-id.ts'
import type { RoomPlace } from '../position/room-id.ts'
import type { FeedLog } from '../read/feed-log.ts'
import type { FoundPlace, Places } from '../read/places.ts'
import type { RoomSeeker } from '../read/room-seeker.ts'
import { viewJson } from '../read/states.ts'
import type { States } from '../read/states.ts'
import type { FeedTails } from '../read/tail.ts'
import { parsePlace, parseWhole } from '../stream/ask.ts'
import type { EventPages } from './event-pages.ts'
import { assertKept, beyondError, isGone, overError } from './over-room.ts'
import { cacheControl, watchedRoom } from './watched-room.ts'

export interface HistoryContext {
  readonly log: FeedLog
  readonly access: FeedAccess
  readonly seeker: RoomSeeker
  readonly readers: ReaderLimits
  readonly tails: FeedTails
  readonly states: States
  readonly places: Places
  readonly pages: EventPages
}

/** It is one HTTP exchange. */
export interface Exchange {
  readonly request: HttpRequest
  readonly response: HttpResponse
}

const MAX_PAGE_EVENTS = 1_000
const DEFAULT_PAGE_EVENTS = 100

/**
 * Answers questions about a room's past, once and without a stream: its state at a point, its
 * events in pages.
 */
export class History {
  readonly #context: HistoryContext

  constructor(context: HistoryContext) {
    this.#context = context
  }

  /**
   * Answers `GET /rooms/:id/state`: the newest state that may be seen, or with `at` the one at that
   * n.
   * @throws RingsideError room_not_found, forbidden, bad_request, not_yet_visible, past_retention,
   * too_many_requests.
   */
  async state(id: string, { request, response }: Exchange): Promise<void> {
    const { log, readers, access, tails, states } = this.#context
    readers.checkRead(request.remoteAddress)
    const seen = await watchedRoom(id, request, this.#context)
    const { room, seesPrivate, isShared } = seen
    const place = parsePlace(request.query, 'at')
    const visible = await tails.visiblePosition(room.delayMs)
    const end = access.endBy(id, visible)
    assertKept(log, id, end)
    let at = visible
    if (place) {
      const found = await this.#find({ room, place, visible, request })
      if (found.kind === 'beyond') throw beyondError(end)
      if (found.kind === 'lost') throw new RingsideError('past_retention')
      at = found.seq
    }
    const isPast = place !== null
    const view = await states.at(id, at, networkOf(request.remoteAddress))
    seen.assertStill()
    if (!view && end) throw overError()
    // At the point asked for it had not begun. Without one it has begun, but is too young to be
    // seen.
    if (!view) throw new RingsideError(isPast ? 'not_found' : 'not_yet_visible')
    // It was private there. Without a point asked for, what is public is too young to be seen.
    if (view.who?.isPrivate && !seesPrivate)
      throw new RingsideError(isPast ? 'forbidden' : 'not_yet_visible')
    const headers = pageHeaders(isPast, isShared)
    const body = viewJson(view)
    sendTagged(request, response, { body, etag: etagOf(body), headers })
  }

  /**
   * Answers `GET /rooms/:id/events?after=&limit=`. Without `after`, or with 0, the page begins with
   * the oldest event that is kept. A page is full with `limit` events or 256 KiB; a full one after
   * an n, and one that ends with the room, never changes.
   * @throws RingsideError room_not_found, forbidden, bad_request, past_retention,
   * too_many_requests.
   */
  async events(id: string, { request, response }: Exchange): Promise<void> {
    const { log, access, readers, tails, pages } = this.#context
    readers.checkRead(request.remoteAddress)
    const seen = await watchedRoom(id, request, this.#context)
    const { room, seesPrivate, isShared } = seen
    const place = parsePlace(request.query, 'after') ?? BEFORE_ALL
    const range = { min: 1, max: MAX_PAGE_EVENTS, fallback: DEFAULT_PAGE_EVENTS }
    const limit = parseWhole(request.query, 'limit', range)
    const visible = await tails.visiblePosition(room.delayMs)
    const end = access.endBy(id, visible)
    const isFirst = place.n === 0
    let after = log.firstOf(id)
    let upTo = visible
    if (end && isGone(log, id, end)) {
      // Of all its pages the last one alone is still known: the empty one behind its end.
      if (isFirst || end.n === 0 || place.n < end.n) throw overError()
      upTo = after
    } else if (!isFirst) {
      const found = await this.#find({ room, place, visible, request })
      if (found.kind === 'lost') throw new RingsideError('past_retention')
      if (found.kind === 'at') after = found.seq
      else {
        // Nothing that may be seen comes after it.
        after = end?.seq ?? after
        upTo = after
      }
    }
    const withholds = !seesPrivate
    // A place behind the end has the same page as the end.
    const afterN = end && end.n > 0 ? Math.min(place.n, end.n) : place.n
    const endSeq = end?.seq ?? null
    const query = { room: id, after, afterN, upTo, limit, endSeq, withholds }
    const page = await pages.page(query, networkOf(request.remoteAddress))
    seen.assertStill()
    // The beginning of the kept log moves on with retention: a page there is sealed, but its
    // address is not.
    const isCacheable = page.isSealed && !isFirst
    const headers = pageHeaders(isCacheable, isShared)
    sendTagged(request, response, { ...page, headers })
  }

  #find(asked: {
    readonly room: WatchedRoom
    readonly place: RoomPlace
    readonly visible: number
    readonly request: HttpRequest
  }): Promise<FoundPlace> {
    const { room, place, visible, request } = asked
    const who = networkOf(request.remoteAddress)
    return this.#context.places.find({ room: room.id, place, visible, who })
  }
}

function pageHeaders(isFinal: boolean, isShared: boolean): Record<string, string> {
  return {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': cacheControl(isFinal, isShared),
  }
}
