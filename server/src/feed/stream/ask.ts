import { clipText } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { HttpRequest } from '../../transport/contract.ts'
import { splitId } from '../position/bound-suffix.ts'
import type { SplitId } from '../position/bound-suffix.ts'
import { parseRoomId, parseRoomPlace } from '../position/room-id.ts'
import type { RoomPlace } from '../position/room-id.ts'
import { single } from '../audience/wish.ts'
import type { BoundAsk } from './bound.ts'

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
  /** The stream ends by itself there; null: it does not. What the reader has used up is taken off. */
  readonly bound: BoundAsk | null
}

/** A bounded feed has so many events, or seconds, at most. */
const LIMIT = { min: 1, max: 100_000, fallback: 0 }
const SECONDS = { min: 1, max: 86_400, fallback: 0 }
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
  const given = readPosition(request, isSingle)
  const asked = parseBound(query, isSingle)
  if (asked?.reason === 'to' && from.kind === 'from') checkOrder(from.position, asked.amount)
  const bound = asked && given ? leftOf(asked, given.id) : asked
  const start: FeedStart = given ? { kind: 'after', position: given.position } : from
  return { start, speed: parseSpeed(query), bound }
}

/** Nothing is left of the bound to a reader that begins there: it has had all of it. */
export function isUsedUp({ start, bound }: Pick<FeedAsk, 'start' | 'bound'>): boolean {
  if (!bound) return false
  if (bound.reason !== 'to') return bound.amount === 0
  const position = start.kind === 'after' ? start.position : null
  return position?.kind === 'place' && position.place.n >= bound.amount
}

interface Given {
  readonly position: Position
  readonly id: SplitId
}

/** The position that the reader has, by whichever name it is sent; null for a reader that has none. */
function readPosition(
  request: Pick<HttpRequest, 'query' | 'header'>,
  isSingle: boolean,
): Given | null {
  const header = request.header('last-event-id')
  let named: string | null = null
  for (const name of POSITION_NAMES) named ||= single(request.query, name)
  const text = header || named
  if (!text) return null
  const id = splitId(text)
  const parse = header === '' ? parseRoomPlace : parseRoomId
  return { id, position: isSingle ? placeOr(parse(id.position)) : tokenOf(id.position) }
}

/** FE104: what is left to a reader that comes back is never more than what it asks for. */
function leftOf(asked: BoundAsk, { reason, left }: SplitId): BoundAsk {
  if (reason !== asked.reason || reason === 'to') return asked
  return { reason, amount: Math.min(asked.amount, left) }
}

/** FE105: a feed has one bound at most. */
function parseBound(query: URLSearchParams, isSingle: boolean): BoundAsk | null {
  const to = parsePlace(query, 'to')
  if (to && !isSingle) throw bad('Expected to= in the feed of one room, whose n it is')
  if (to?.n === 0) throw bad('Expected to from 1')
  const bounds: BoundAsk[] = [
    { reason: 'to', amount: to?.n ?? 0 },
    { reason: 'limit', amount: parseWhole(query, 'limit', LIMIT) },
    { reason: 'for', amount: parseWhole(query, 'for', SECONDS) },
  ]
  const [bound = null, other] = bounds.filter(({ amount }) => amount > 0)
  if (other) throw bad('Expected one of to, limit and for')
  return bound
}

function checkOrder(from: Position, to: number): void {
  if (from.kind === 'place' && from.place.n > to)
    throw bad(`Expected from up to to=${to}, got ${from.place.n}`)
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
  const place = parseRoomPlace(splitId(text).position)
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
  const { position: id } = splitId(text)
  if (LIKE_POSITION.test(id)) {
    const position = isSingle ? placeOr(parseRoomPlace(id)) : tokenOf(id)
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
