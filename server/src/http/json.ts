import { kindOf } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'
import { jsonText, lineJson } from '../process/json-text.ts'
import { REFUSED_KEYS } from '../process/refused-keys.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'

const MAX_DEPTH = 32

/** An answer in JSON: `body` is a value, or `encoded` is JSON already. */
export type JsonAnswer = {
  /** Default 200. */
  readonly status?: number
  /** In lower case. Beside the media type, default `cache-control: no-store`. */
  readonly headers?: Readonly<Record<string, string>>
} & ({ readonly body: unknown } | { readonly encoded: string | Uint8Array })

/**
 * Answers with JSON that is not to be cached unless `headers` says so.
 * The text is well-formed, on lines that every reader sees (SS2, SS3).
 * @throws TypeError for a body that JSON cannot say.
 */
export function sendJson(response: HttpResponse, answer: JsonAnswer): void {
  const { status = 200, headers } = answer
  response.send(
    status,
    { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    'encoded' in answer ? encodedText(answer.encoded) : bodyText(answer.body),
  )
}

/** Bytes have been made for a cache, and are safe since then. */
function encodedText(encoded: string | Uint8Array): string | Uint8Array {
  return typeof encoded === 'string' ? lineJson(encoded) : encoded
}

function bodyText(body: unknown): string {
  const text = jsonText(body)
  if (text === undefined) throw new TypeError(`Expected a body of JSON, got ${kindOf(body)}`)
  return text
}

/**
 * Reads a body as JSON. Call it in the handler's own turn. An empty body is `null`.
 * @throws RingsideError body_too_large, bad_request (not JSON, too deep, forbidden keys), aborted.
 */
export async function readJson(request: HttpRequest, maxBytes: number): Promise<Json> {
  return parseJson(await request.body(maxBytes))
}

/**
 * Reads a body that must be a JSON object; an empty body is `{}`.
 * @throws RingsideError as {@link readJson}, and bad_request for anything but an object.
 */
export async function readJsonObject(
  request: HttpRequest,
  maxBytes: number,
): Promise<{ [key: string]: Json }> {
  const value = await readJson(request, maxBytes)
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw new RingsideError('bad_request', 'Expected a JSON object')
  return value
}

/**
 * Begins to read a body in the handler's own turn, for handlers that wait for who sends it before they look at it: nobody
 * hears of a body that was refused by then.
 */
export function beginJsonObject(
  request: HttpRequest,
  maxBytes: number,
): Promise<{ [key: string]: Json }> {
  const reading = readJsonObject(request, maxBytes)
  reading.catch(() => {})
  return reading
}

/**
 * Parses hostile JSON: UTF-8, at most 32 levels, no key that could reach a prototype.
 * @throws RingsideError bad_request.
 */
function parseJson(bytes: Uint8Array): Json {
  if (bytes.length === 0) return null
  let value: Json
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json
  } catch {
    throw new RingsideError('bad_request', 'Expected a body of JSON in UTF-8')
  }
  checkJson(value, 0)
  return value
}

function checkJson(value: Json, depth: number): void {
  // 1e309 is JSON, and Infinity is not: it would come out again as null.
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new RingsideError('bad_request', 'Expected numbers that a double can hold')
  if (typeof value !== 'object' || value === null) return
  if (depth >= MAX_DEPTH)
    throw new RingsideError('bad_request', `Expected JSON of at most ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) {
    for (const item of value) checkJson(item, depth + 1)
    return
  }
  for (const key of Object.keys(value)) {
    if (REFUSED_KEYS.has(key))
      throw new RingsideError('bad_request', `Expected JSON without the key '${key}'`)
    checkJson(value[key] as Json, depth + 1)
  }
}
