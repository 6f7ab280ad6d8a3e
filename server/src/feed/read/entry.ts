import type { LogEvent } from '../../outbox/contract/store.ts'
import { encodeEvent } from '../sse.ts'

/**
 * An entry is one event as spectators see it: encoded once for all of them, its hidden part left
 * behind.
 */
export interface FeedEntry {
  readonly seq: number
  readonly room: string
  readonly type: string
  readonly at: number
  /** The whole SSE block. It is shared, and never changed. */
  readonly bytes: Uint8Array
}

/** An entry counts for so many bytes of memory beside its block. */
export const ENTRY_OVERHEAD_BYTES = 160

/** Encodes one event of the log; null for an event without a room, which room feeds do not show. */
export function toFeedEntry(event: LogEvent): FeedEntry | null {
  if (event.room === null) return null
  const type = publicType(event)
  return {
    seq: event.seq,
    room: event.room,
    type,
    at: event.at,
    bytes: encodeEvent(type, publicData(event), event.seq),
  }
}

/** FE6: an event without a public part keeps its n as an empty patch. */
export function publicType(event: LogEvent): string {
  return event.data === '' && event.type !== 'owner' && event.type !== 'end' ? 'patch' : event.type
}

/** Encodes the public data of an event as JSON, the same on SSE and in pages. */
export function publicData(event: LogEvent): string {
  const head = `{"room":${JSON.stringify(event.room)},"n":${event.n}`
  if (event.type === 'owner') return `${head},"at":${event.at},"epoch":${event.epoch}}`
  if (event.type === 'end') return `${head},"at":${event.at}}`
  if (publicType(event) === 'patch')
    return `${head},"prev":${event.prev},"at":${event.at},"data":${event.data || '{}'}}`
  return `${head},"at":${event.at},"data":${event.data}}`
}
