import { CLIENT_ID, FEED_NAME, MAX_TOPIC_CHARACTERS, clipText } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import { ROOM_ID } from './directory.ts'
import { MAX_TOPICS, makeTopicFilter } from './topic-filter.ts'
import type { TopicFilter } from './topic-filter.ts'
import { MAX_PATTERNS, parseTypeFilter } from './type-filter.ts'
import type { TypeFilter } from './type-filter.ts'

/** Which rooms, topics and types a reader asks for. It has been checked, and is at most 130 names. */
export interface Wish {
  /** Sorted ids; null = all public rooms. */
  readonly rooms: readonly string[] | null
  /** `@type` and `@type:title`, each of which stands for the current match; none where `rooms` is null. */
  readonly aliases: readonly string[]
  /** null = the server's `publicTopics`. */
  readonly topics: TopicFilter | null
  /** null = all. */
  readonly types: TypeFilter | null
}

/** What a request asks for beside its position. */
export interface FollowAsk extends Wish {
  /** Events meant for this client are its own, and its checkpoints. */
  readonly clientId: string | null
  /** Names the checkpoint among those of the client. */
  readonly feedName: string
  /** A room that is not there is waited for so long; 0: not at all. */
  readonly waitMs: number
  /** A quiet stream gets an event in place of a comment. */
  readonly beatsAsEvent: boolean
}

/** One `rooms=` names no more rooms and aliases. */
export const MAX_FEED_ROOMS = 100
const MAX_WAIT_SECONDS = 300
/** `@`, a type of rooms, and after a colon a title. */
// oxlint-disable-next-line no-control-regex
const ALIAS = /^@[a-z][a-z0-9-]{0,31}(?::[^\0-\x1f,]{1,64})?$/u
/** No list of so many is longer; a longer text is not even taken apart. */
const MAX_ROOMS_CHARACTERS = MAX_FEED_ROOMS * 200
const MAX_TOPICS_CHARACTERS = MAX_TOPICS * (MAX_TOPIC_CHARACTERS + 3)
const WAIT = /^[1-9][0-9]{0,2}$/
/** Whoever knows the id of an anonymous client is that client, so it must not be guessed (OB90). */
const MIN_ANONYMOUS_CHARACTERS = 16

/**
 * Reads what a stream is to follow.
 * @throws RingsideError bad_request for any parameter that is malformed, doubled or out of range.
 */
export function parseFollowAsk(query: URLSearchParams): FollowAsk {
  const rooms = single(query, 'rooms')
  const topics = single(query, 'topics')
  const types = single(query, 'types', 'filter')
  const clientId = single(query, 'clientId')
  const feedName = single(query, 'feed') ?? ''
  if (!FEED_NAME.test(feedName))
    throw bad(`Expected feed= of up to 64 letters, digits and _, got '${clipText(feedName, 80)}'`)
  return {
    ...parseRooms(rooms ?? '*'),
    topics: topics === null ? null : parseTopics(topics),
    types: types === null ? null : parseTypes(types),
    clientId: clientId === null ? null : checkClientId(clientId),
    feedName,
    waitMs: parseWait(single(query, 'wait')),
    beatsAsEvent: parseHeartbeat(single(query, 'heartbeat')),
  }
}

/**
 * Reads what a stream is to follow from now on. What `change` does not name stays as it was.
 * @throws RingsideError bad_request.
 */
export function changeWish(wish: Wish, change: { readonly [name: string]: unknown }): Wish {
  const { rooms, topics, types, filter, ...others } = change
  const [other] = Object.keys(others)
  if (other !== undefined)
    throw bad(`Expected rooms, topics and types, got '${clipText(other, 40)}'`)
  if (types !== undefined && filter !== undefined) throw bad('Expected types once, got filter too')
  return wishOf(wish, { rooms, topics, types: types === undefined ? filter : types })
}

function wishOf(
  wish: Wish,
  { rooms, topics, types }: { readonly [name in 'rooms' | 'topics' | 'types']: unknown },
): Wish {
  const { rooms: ids, aliases } = wish
  return {
    ...(rooms === undefined
      ? { rooms: ids, aliases }
      : parseRooms(listText('rooms', rooms) ?? '*')),
    topics: topics === undefined ? wish.topics : orNull(listText('topics', topics), parseTopics),
    types: types === undefined ? wish.types : orNull(listText('types', types), parseTypes),
  }
}

function orNull<T>(text: string | null, parse: (text: string) => T): T | null {
  return text === null ? null : parse(text)
}

/** Lists come as text with commas, as in a query, or as a list of texts; null is what an absent parameter means. */
function listText(name: string, value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  // A title may hold anything but a comma, and a list is taken apart at these.
  const isList =
    Array.isArray(value) && value.every((one) => typeof one === 'string' && !one.includes(','))
  if (!isList) throw bad(`Expected ${name} as text or a list of texts`)
  return value.join(',')
}

/**
 * FE73: `*` is all public rooms; else ids and aliases with commas between them. Empty parts say nothing, so that
 * `rooms=` is none, and `a,` is `a`.
 */
export function parseRooms(text: string): Pick<Wish, 'rooms' | 'aliases'> {
  if (text === '*') return { rooms: null, aliases: [] }
  const isLong = text.length > MAX_ROOMS_CHARACTERS
  const parts = isLong ? [] : [...new Set(text.split(',').filter((part) => part !== ''))]
  if (isLong || parts.length > MAX_FEED_ROOMS) throw bad(`Expected at most ${MAX_FEED_ROOMS} rooms`)
  for (const part of parts)
    if (!ROOM_ID.test(part) && !ALIAS.test(part))
      throw bad(`Expected rooms=id,@type or rooms=*, got '${clipText(part, 40)}'`)
  parts.sort()
  return {
    rooms: parts.filter((part) => !part.startsWith('@')),
    aliases: parts.filter((part) => part.startsWith('@')),
  }
}

function parseTopics(text: string): TopicFilter {
  const isLong = text.length > MAX_TOPICS_CHARACTERS
  const filter = isLong ? null : makeTopicFilter(text.split(',').filter((part) => part !== ''))
  if (!filter)
    throw bad(
      `Expected topics=project.42.build,project.43.*, at most ${MAX_TOPICS}, got '${clipText(text, 80)}'`,
    )
  return filter
}

export function parseTypes(text: string): TypeFilter {
  const filter = parseTypeFilter(text)
  if (!filter)
    throw bad(
      `Expected types=a,b of letters, digits, ., _, - and *, at most ${MAX_PATTERNS}, got '${clipText(text, 40)}'`,
    )
  return filter
}

/** @throws RingsideError bad_request. */
export function checkClientId(value: unknown): string {
  if (typeof value === 'string' && CLIENT_ID.test(value)) return value
  throw bad('Expected a clientId of 1 to 64 letters, digits and . _ ~ @ : | + -')
}

/** May nobody known have this id? Then it is a secret. */
export function mayBeAnonymous(clientId: string): boolean {
  return clientId.length >= MIN_ANONYMOUS_CHARACTERS
}

/** Its owner is whoever knows it: nobody has logged in. @throws RingsideError bad_request for one that may be guessed. */
export function checkAnonymousId(clientId: string): void {
  if (!mayBeAnonymous(clientId))
    throw bad(
      `Expected a clientId of ${MIN_ANONYMOUS_CHARACTERS} characters or more of who has not logged in: whoever knows it is it`,
    )
}

function parseWait(text: string | null): number {
  if (text === null) return 0
  const seconds = WAIT.test(text) ? Number(text) : 0
  if (seconds < 1 || seconds > MAX_WAIT_SECONDS)
    throw bad(`Expected wait from 1 to ${MAX_WAIT_SECONDS} seconds, got '${clipText(text, 40)}'`)
  return seconds * 1_000
}

function parseHeartbeat(text: string | null): boolean {
  if (text === null || text === 'comment') return false
  if (text === 'event') return true
  throw bad(`Expected heartbeat=event or comment, got '${clipText(text, 40)}'`)
}

/** Reads the one value of a parameter and of its synonyms, or null. Two values are two opinions, and refused. */
export function single(
  query: URLSearchParams,
  name: string,
  ...synonyms: readonly string[]
): string | null {
  const values = [name, ...synonyms].flatMap((one) => query.getAll(one))
  if (values.length > 1) throw bad(`Expected ${name} once, got it ${values.length} times`)
  return values[0] ?? null
}

function bad(message: string): RingsideError {
  return new RingsideError('bad_request', message)
}
