import type { Json } from '@ringside/protocol'
import { idsAsWritten, isDeeperThan } from './json-scan.ts'

/** Lists and objects inside each other, the batch and the request included. */
const MAX_DEPTH = 64

/** Most members of a batch: each may be answered, so a small message could ask for a large answer. */
export const MAX_BATCH = 100

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

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a text of JSON-RPC 2.0. Strict: UTF-8 without a byte order mark, JSON by its grammar, at most 64
 * levels (checked before it is parsed), `jsonrpc` exactly "2.0". Members that it does not know are ignored.
 */
export function readRequests(bytes: Uint8Array): RpcInput {
  let text: string
  let json: unknown
  try {
    text = utf8.decode(bytes)
    if (isDeeperThan(text, MAX_DEPTH)) return { kind: 'parse_error' }
    json = JSON.parse(text)
  } catch {
    return { kind: 'parse_error' }
  }
  if (!Array.isArray(json))
    return { kind: 'single', member: readMember(json, idsAsWritten(text)[0] ?? null) }
  if (json.length === 0 || json.length > MAX_BATCH) return { kind: 'invalid_batch' }
  const ids = idsAsWritten(text)
  return { kind: 'batch', members: json.map((item, index) => readMember(item, ids[index] ?? null)) }
}

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
