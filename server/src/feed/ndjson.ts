import { lineJson } from '../process/json-text.ts'

/**
 * Step 9 in another text: a feed as lines of JSON (NDJSON), each of which is `{"type":..,"id":..,"data":..}`, the id only where an
 * event stream has one.
 */

/** These headers go with every feed in lines. CORS headers are the router's. */
export const NDJSON_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/x-ndjson',
  'cache-control': 'no-cache, no-store, no-transform',
  'x-accel-buffering': 'no',
}

/** Stands behind the data of a line. */
export const LINE_END: Uint8Array = Buffer.from('}\n')

/** Encodes what stands before the data of a line. */
export function encodeLineHead(type: string, id: string | null): Uint8Array {
  const position = id === null ? '' : `,"id":${JSON.stringify(id)}`
  return Buffer.from(`{"type":${JSON.stringify(type)}${position},"data":`)
}

/** Encodes one event; `json` is encoded JSON without line ends, as `JSON.stringify` makes it. */
export function encodeLine(type: string, json: string, id: string | null): Uint8Array {
  return Buffer.concat([encodeLineHead(type, id), Buffer.from(lineJson(json)), LINE_END])
}
