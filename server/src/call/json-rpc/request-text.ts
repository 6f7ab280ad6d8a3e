import type { Json } from '@ringside/protocol'
import { idsAsWritten } from './json-scan.ts'
import { sizeOfText } from './text-size.ts'
import type { TextSize } from './text-size.ts'

/** Most members of a batch: each may be answered, so a small message could ask for a large answer. */
export const MAX_BATCH = 100

/** The most that is parsed, the batch and the request included. */
const BOUNDS = { depth: 64, values: 10_000, names: 2_000, items: MAX_BATCH } as const

/** Params of a request as they were sent: by position, by name, or none. */
export type RpcParams = Json[] | { [key: string]: Json } | undefined

/** One request or notification. */
export interface RpcRequest {
  readonly isValid: true
  /** The id as it was written, to be echoed; null for a notification, which is never answered. */
  readonly id: string | null
  readonly method: string
  readonly params: RpcParams
}

/** JSON that is no Request object of the specification. */
export interface InvalidRequest {
  readonly isValid: false
  /** The id as it was written where it is one, else `null` in JSON. */
  readonly id: string
}

export type RpcMember = RpcRequest | InvalidRequest

/** The content of one text of JSON-RPC. */
export type RpcInput =
  | { readonly kind: 'single'; readonly member: RpcMember }
  | { readonly kind: 'batch'; readonly members: readonly RpcMember[] }
  | { readonly kind: 'parse_error' }
  /** A batch of none, or of more than {@link MAX_BATCH}. */
  | { readonly kind: 'invalid_batch' }
  /** A text of more bytes than the server reads, of more than 10,000 values or 2,000 names: it was not parsed. */
  | { readonly kind: 'too_large' }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a text of JSON-RPC 2.0. Strict: UTF-8 without a byte order mark, JSON by its grammar, `jsonrpc`
 * exactly "2.0". Its levels, values, names and members of a batch are counted before it is parsed (JR16). Members
 * that it does not know are ignored.
 */
export function readRequests(bytes: Uint8Array, size = measured(bytes)): RpcInput {
  if (size.broken !== null) return { kind: KIND_OF_BROKEN[size.broken] }
  let text: string
  let json: unknown
  try {
    text = utf8.decode(bytes)
    json = JSON.parse(text)
  } catch {
    return { kind: 'parse_error' }
  }
  if (!Array.isArray(json))
    return { kind: 'single', member: readMember(json, idsAsWritten(text)[0] ?? null) }
  if (json.length === 0) return { kind: 'invalid_batch' }
  const ids = idsAsWritten(text)
  return { kind: 'batch', members: json.map((item, index) => readMember(item, ids[index] ?? null)) }
}

/** The size of a text by the bounds of JSON-RPC. */
export function measured(bytes: Uint8Array): TextSize {
  return sizeOfText(bytes, BOUNDS)
}

const KIND_OF_BROKEN = {
  depth: 'parse_error',
  values: 'too_large',
  names: 'too_large',
  items: 'invalid_batch',
} as const

function readMember(json: unknown, idText: string | null): RpcMember {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return NO_REQUEST
  const { jsonrpc, method, id } = json as { readonly [key: string]: unknown }
  if (idText !== null && typeof id !== 'string' && typeof id !== 'number' && id !== null)
    return NO_REQUEST
  // It must be the object's own: a method may be named in no prototype, but `params` could be absent.
  const params = Object.hasOwn(json, 'params') ? (json as { params: unknown }).params : undefined
  const hasParams = params === undefined || (typeof params === 'object' && params !== null)
  if (jsonrpc !== '2.0' || typeof method !== 'string' || !hasParams)
    return { isValid: false, id: idText ?? 'null' }
  return { isValid: true, id: idText, method, params: params as RpcParams }
}

const NO_REQUEST: InvalidRequest = Object.freeze({ isValid: false, id: 'null' })
