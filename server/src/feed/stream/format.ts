import { prefersLines } from '../../http/accept.ts'
import { LINE_END, NDJSON_HEADERS, encodeLine, encodeLineHead } from '../ndjson.ts'
import type { StreamIds } from '../position/stream-ids.ts'
import type { FeedEntry } from '../read/entry.ts'
import {
  HEARTBEAT,
  SSE_HEADERS,
  dataOf,
  encodeEvent,
  encodeGoingAway,
  encodeId,
  encodeOpening,
  joinBytes,
} from '../sse.ts'

/** An event of the feed's own, before it is text. */
export interface FeedNote {
  readonly type: string
  /** It is encoded JSON. */
  readonly json: string
}

export const CAUGHT_UP: FeedNote = { type: 'caught-up', json: '{}' }

/**
 * FE96: a format writes what a feed has to say: the same events, in the same order, whatever the format. All streams of a
 * group have one, so that what they share is made once in it.
 */
export interface FeedFormat {
  /** Equal for equal formats; part of a group's key. */
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  /** Its readers give up for ever on any status but 200, so that overload is told in the stream (FE9). */
  readonly needsOk: boolean
  /** Begins a stream whose reader comes back after so many ms. */
  opening(retryMs: number): readonly Uint8Array[]
  event(note: FeedNote, id?: string): Uint8Array
  /** Adds an event of the feed's own whose SSE block is there already, and shared: its data are not copied (FE50). */
  addBlock(type: string, block: Uint8Array, parts: Uint8Array[]): void
  /** Adds an event of the log; its data are not copied. Returns about how many bytes it takes. */
  addEntry(entry: FeedEntry, ids: StreamIds, parts: Uint8Array[]): number
  /** Moves the reader's position at this time of the log (ms), and shows no event. */
  position(id: string, at: number): Uint8Array
  /** Keeps a quiet stream awake; with an id it is a position, too. */
  beat(at: number, id: string | null): Uint8Array
  goingAway(retryMs: number): Uint8Array
}

/** Server-sent events, for EventSource. */
class EventStreamFormat implements FeedFormat {
  readonly name: string
  readonly headers = SSE_HEADERS
  readonly needsOk = true
  readonly #beatsAsEvent: boolean

  /** FE83: a reader that sees no comments asks for an event in place of one; it has no id. */
  constructor(beatsAsEvent: boolean) {
    this.name = beatsAsEvent ? 'event' : ''
    this.#beatsAsEvent = beatsAsEvent
  }

  opening(retryMs: number): readonly Uint8Array[] {
    return [encodeOpening(retryMs)]
  }

  event({ type, json }: FeedNote, id?: string): Uint8Array {
    return encodeEvent(type, json, id)
  }

  addBlock(_type: string, block: Uint8Array, parts: Uint8Array[]): void {
    parts.push(block)
  }

  addEntry(entry: FeedEntry, ids: StreamIds, parts: Uint8Array[]): number {
    return ids.add(entry, parts)
  }

  position(id: string): Uint8Array {
    return encodeId(id)
  }

  beat(at: number, id: string | null): Uint8Array {
    const beat = this.#beatsAsEvent ? encodeEvent('heartbeat', JSON.stringify({ at })) : HEARTBEAT
    return id === null ? beat : joinBytes([encodeId(id), beat])
  }

  goingAway(retryMs: number): Uint8Array {
    return encodeGoingAway(retryMs)
  }
}

/** Lines of JSON, for scripts and tools. */
class LinesFormat implements FeedFormat {
  readonly name = 'lines'
  readonly headers = NDJSON_HEADERS
  readonly needsOk = false

  /** `hello` says all of it. */
  opening(): readonly Uint8Array[] {
    return []
  }

  event({ type, json }: FeedNote, id?: string): Uint8Array {
    return encodeLine(type, json, id ?? null)
  }

  addBlock(type: string, block: Uint8Array, parts: Uint8Array[]): void {
    parts.push(encodeLineHead(type, null), dataOf(block, 0), LINE_END)
  }

  addEntry(entry: FeedEntry, ids: StreamIds, parts: Uint8Array[]): number {
    const head = encodeLineHead(entry.type, ids.of(entry))
    const data = dataOf(entry.bytes, entry.bodyAt)
    parts.push(head, data, LINE_END)
    return head.length + data.length + LINE_END.length
  }

  /** There are no lines without an event. */
  position(id: string, at: number): Uint8Array {
    return this.beat(at, id)
  }

  beat(at: number, id: string | null): Uint8Array {
    return encodeLine('heartbeat', JSON.stringify({ at }), id)
  }

  goingAway(retryMs: number): Uint8Array {
    return encodeLine('going-away', JSON.stringify({ retryMs }), null)
  }
}

const SSE: FeedFormat = new EventStreamFormat(false)
const SSE_WITH_BEATS: FeedFormat = new EventStreamFormat(true)
const NDJSON: FeedFormat = new LinesFormat()

/** The format for a request's `Accept`; SSE unless lines are asked for. */
export function formatOf(accept: string, beatsAsEvent: boolean): FeedFormat {
  if (prefersLines(accept)) return NDJSON
  return beatsAsEvent ? SSE_WITH_BEATS : SSE
}
