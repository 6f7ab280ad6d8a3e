import { isLogType, isRevealing } from '../../outbox/contract/room-who.ts'
import type { RoomWho } from '../../outbox/contract/room-who.ts'
import type { EventMessage, LogEvent } from '../../outbox/contract/store.ts'
import { checkOf, roomId } from '../position/room-id.ts'
import { encodeEvent } from '../sse.ts'

/**
 * An entry is one event as spectators see it: encoded once for all of them, its hidden part left
 * behind.
 */
export interface FeedEntry {
  readonly seq: number
  /** null for an event of a topic. */
  readonly room: string | null
  /** null for an event of a room. */
  readonly topic: string | null
  /** The client that alone may see it; null: whoever may see the topic, or the room. */
  readonly to: string | null
  /** Position within the room; 0 where there is no room. */
  readonly n: number
  /** `checkOf` the event. */
  readonly check: number
  readonly type: string
  readonly at: number
  /** The whole SSE block as the feed of its room shows it. It is shared, and never changed. */
  readonly bytes: Uint8Array
  /** The part of `bytes` from here on is the block without its id. */
  readonly bodyAt: number
  /** Who sees the room at this event (FE133); null: all, or the log does not say. */
  readonly who: RoomWho | null
  /** The room was private up to it, and is public from here on. */
  readonly isRevealing: boolean
}

/** An entry counts for so many bytes of memory beside its block. */
export const ENTRY_OVERHEAD_BYTES = 208

/** Encodes one event of the log; null for what no feed shows: a tombstone, and what the log keeps for itself. */
export function toFeedEntry(event: LogEvent): FeedEntry | null {
  const { seq, room, n, at, message } = event
  if (room === null) return message ? topicEntry(event, message) : null
  const type = publicType(event)
  const check = checkOf(event)
  const id = roomId({ n, check })
  const bytes = encodeEvent(type, publicData(event), id)
  const bodyAt = ID_LINE_CHARACTERS + id.length
  const { who = null } = event
  const block = { bytes, bodyAt, who, isRevealing: isRevealing(event) }
  return { seq, room, topic: null, to: null, n, check, type, at, ...block }
}

/** `id: ` and a line end. */
const ID_LINE_CHARACTERS = 5

function topicEntry(event: LogEvent, { topic, to, messageId }: EventMessage): FeedEntry | null {
  const { seq, type, at, data } = event
  if (isLogType(type)) return null
  const head = JSON.stringify({ topic, messageId, at }).slice(0, -1)
  const bytes = encodeEvent(type, `${head},"data":${data}}`)
  const block = { bytes, bodyAt: 0, who: null, isRevealing: false }
  return { seq, room: null, topic, to, n: 0, check: checkOf(event), type, at, ...block }
}

/** FE6, FE53: an event without a public part, or of the log's own types, keeps its n as an empty patch. */
export function publicType({ type, data }: Pick<LogEvent, 'type' | 'data'>): string {
  if (isLogType(type)) return 'patch'
  return data === '' && type !== 'owner' && type !== 'end' ? 'patch' : type
}

/** Encodes the public data of an event as JSON, the same on SSE and in pages. */
export function publicData(event: LogEvent): string {
  const { room, n, prev, at, type } = event
  const head = `{"room":${JSON.stringify(room)},"n":${n}`
  if (type === 'owner') return `${head},"at":${at},"epoch":${event.epoch}}`
  if (type === 'end') return `${head},"at":${at}}`
  const data = isLogType(type) ? '{}' : event.data || '{}'
  if (publicType(event) === 'patch') return `${head},"prev":${prev},"at":${at},"data":${data}}`
  return `${head},"at":${at},"data":${data}}`
}
