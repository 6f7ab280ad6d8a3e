import { lineJson } from '../process/json-text.ts'

/**
 * Step 9: the text of Server-Sent Events (WHATWG HTML, section 9.2). Everything is written with LF,
 * and no field can end early: CR, LF and NUL never get into one.
 */

/** These headers go with every event stream. CORS headers are the router's. */
export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-store, no-transform',
  'x-accel-buffering': 'no',
}

/** They go with the 204 of a feed that is over: a reader tells by them that it is not a proxy's. */
export const FEED_ENDED: Readonly<Record<string, string>> = { 'ringside-feed': 'ended' }

/**
 * This comment keeps proxies and readers from taking the stream for dead. It carries no id. No blank line follows (SS1),
 * for some readers take that for the end of an empty message.
 */
export const HEARTBEAT: Uint8Array = Buffer.from(': hb\n')

// This looks for exactly the characters that end a line or void an id.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\r\n\0]/
// oxlint-disable-next-line no-control-regex
const UNSAFE_ALL = /[\r\n\0]/g

/**
 * Puts JSON on one line. Line ends between JSON tokens are white space, so a space means the same.
 */
function oneLine(json: string): string {
  return lineJson(UNSAFE.test(json) ? json.replace(UNSAFE_ALL, ' ') : json)
}

/**
 * Encodes one event. `json` is encoded JSON (put on one line here); `id`, without a line end or NUL, makes it a
 * position to resume from. The result is fresh and may be kept.
 */
export function encodeEvent(type: string, json: string, id?: string): Uint8Array {
  const name = UNSAFE.test(type) ? type.replace(UNSAFE_ALL, '') : type
  const position = id === undefined ? '' : `id: ${id}\n`
  return Buffer.from(`${position}event: ${name}\ndata: ${oneLine(json)}\n\n`)
}

/** Encodes a block that moves the reader's position and shows no event. */
export function encodeId(id: string): Uint8Array {
  return Buffer.from(`id: ${id}\n\n`)
}

/**
 * Encodes the reconnection time in ms, and a first comment so that the reader sees an open stream
 * at once. As both mean something without it, no blank line follows (SS1).
 */
export function encodeOpening(retryMs: number): Uint8Array {
  return Buffer.from(`retry: ${Math.max(0, Math.round(retryMs))}\n: ringside\n`)
}

/** Tells a reader that its stream ends here and when to come back, in ms: `retry` for EventSource, and an event. */
export function encodeGoingAway(retryMs: number): Uint8Array {
  return joinBytes([encodeOpening(retryMs), encodeEvent('going-away', `{"retryMs":${retryMs}}`)])
}

const LINE_FEED = 10
const DATA_FIELD_BYTES = 'data: '.length
const BLOCK_END_BYTES = 2

/** The JSON in the block of one event, whose part without an id begins at `bodyAt`. It shares the block's memory. */
export function dataOf(block: Uint8Array, bodyAt: number): Uint8Array {
  const dataAt = block.indexOf(LINE_FEED, bodyAt) + 1 + DATA_FIELD_BYTES
  return block.subarray(dataAt, block.length - BLOCK_END_BYTES)
}

/** Joins blocks; a single one is returned as it is. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
}
