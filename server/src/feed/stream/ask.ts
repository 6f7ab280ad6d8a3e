import { clipText } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { HttpRequest } from '../../transport/contract.ts'
import { parseRoomId, parseRoomPlace } from '../position/room-id.ts'
import type { RoomPlace } from '../position/room-id.ts'
import { single } from '../audience/wish.ts'

/** A position as a request names it. */
export type Position =
  | { readonly kind: 'place'; readonly place: RoomPlace }
  /** It may be a sealed one: whoever has the keys knows. */
  | { readonly kind: 'token'; readonly text: string }
  /** It is of some other feed. */
  | { readonly kind: 'foreign' }
  /** It is a client's checkpoint, as it was stored. */
  | { readonly kind: 'seq'; readonly seq: number }

/** A stream begins at one of these. */
export type FeedStart =
  | { readonly kind: 'live' }
  | { readonly kind: 'start' }
  /** It begins so many ms before the newest that may be seen now. */
  | { readonly kind: 'ago'; readonly ms: number }
  /** It begins with the snapshot at this position, and goes on. */
  | { readonly kind: 'from'; readonly position: Position }
  /** It goes on after this position: the reader has everything up to it. */
  | {
      readonly kind: 'after'
      readonly position: Position
      /** What it followed there (`followed.ts`); absent: the same as now. */
      readonly followed?: string
    }

/** A request for a stream asks for this; it has been checked. */
export interface FeedAsk {
  readonly start: FeedStart
  /** The replay runs at this speed; null means as fast as it is read. */
  readonly speed: number | null
}

const MIN_SPEED = 0.1
const MAX_SPEED = 100
const MAX_AGO_SECONDS = 86_400
const WHOLE = /^(0|[1-9][0-9]{0,15})$/
/** What a position may look like, also one of another feed or of an older version; anything else in `from` is a slip. */
const LIKE_POSITION = /^([0-9]+(-[0-9a-z]*)?|[A-Za-z0-9_-]{40,})$/
const AGO = /^-([1-9][0-9]{0,4})s$/
const SPEED = /^[0-9]{1,3}(\.[0-9]{1,3})?$/

/**
 * FE10: reads the parameters of a feed. `Last-Event-ID` beats `lastEventId` and `last_event_id` beat `checkpoint` beats that
 * of `clientId` beats `from`. Since EventSource gives up for ever on a 400, a position that is none of this feed is no
 * error: its reader is told in band (`reset`).
 * @throws RingsideError bad_request for any other parameter that is malformed, doubled or out of range.
 */
export function parseFeedAsk(
  request: Pick<HttpRequest, 'query' | 'header'>,
  isSingle: boolean,
): FeedAsk {
  const { query } = request
  const from = parseFrom(single(query, 'from'), isSingle)
  const position = readPosition(request, isSingle)
  const start: FeedStart = position ? { kind: 'after', position } : from
  return { start, speed: parseSpeed(query) }
}

/** The position that the reader has, by whichever name it is sent; null for a reader that has none. */
function readPosition(
  request: Pick<HttpRequest, 'query' | 'header'>,
  isSingle: boolean,
): Position | null {
  const header = request.header('last-event-id')
  let named: string | null = null
  for (const name of POSITION_NAMES) named ||= single(request.query, name)
  if (header !== '') return isSingle ? placeOr(parseRoomId(header)) : tokenOf(header)
  if (!named) return null
  return isSingle ? placeOr(parseRoomPlace(named)) : tokenOf(named)
}

/** The names of the position in a query, the strongest first; some readers cannot send the header. */
const POSITION_NAMES = ['lastEventId', 'last_event_id', 'checkpoint']

function placeOr(place: RoomPlace | null): Position {
  return place ? { kind: 'place', place } : { kind: 'foreign' }
}

function tokenOf(text: string): Position {
  return { kind: 'token', text }
}

/** Reads a place in a room, `<n>` or `<n>-<check>`, from a query parameter; null for an absent one. */
export function parsePlace(query: URLSearchParams, name: string): RoomPlace | null {
  const text = single(query, name)
  if (text === null) return null
  const place = parseRoomPlace(text)
  if (!place) throw bad(`Expected ${name} to be an n of the room, got '${clipText(text, 40)}'`)
  return place
}

/** Reads a whole number from a query parameter; `fallback` stands for an absent one. */
export function parseWhole(
  query: URLSearchParams,
  name: string,
  range: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  const text = single(query, name)
  if (text === null) return range.fallback
  const value = WHOLE.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value))
    throw bad(`Expected ${name} to be a whole number, got '${clipText(text, 40)}'`)
  if (value < range.min || value > range.max)
    throw bad(`Expected ${name} from ${range.min} to ${range.max}, got ${value}`)
  return value
}

function parseFrom(text: string | null, isSingle: boolean): FeedStart {
  if (text === null || text === 'live') return { kind: 'live' }
  if (text === 'start') return { kind: 'start' }
  const ago = AGO.exec(text)
  if (ago) {
    const seconds = Number(ago[1])
    if (seconds > MAX_AGO_SECONDS) throw bad(`Expected from=-${MAX_AGO_SECONDS}s at most`)
    return { kind: 'ago', ms: seconds * 1000 }
  }
  if (LIKE_POSITION.test(text)) {
    const position = isSingle ? placeOr(parseRoomPlace(text)) : tokenOf(text)
    return { kind: 'from', position }
  }
  const wanted = isSingle ? 'an n' : 'a position'
  throw bad(`Expected from=start, live, ${wanted} or -30s, got '${clipText(text, 40)}'`)
}

function parseSpeed(query: URLSearchParams): number | null {
  const text = single(query, 'speed')
  if (text === null) return null
  const speed = SPEED.test(text) ? Number(text) : 0
  if (speed < MIN_SPEED || speed > MAX_SPEED)
    throw bad(`Expected speed from ${MIN_SPEED} to ${MAX_SPEED}, got '${clipText(text, 40)}'`)
  return speed
}

function bad(message: string): RingsideError {
  return new RingsideError('bad_request', message)
}
