import { RpcError } from './rpc-error.ts'

/** Params of a call: by position, by name, or none. */
export type RpcParams = readonly unknown[] | object | undefined

/** An answer as JSON.parse gave it, with its id. */
export interface RpcAnswer {
  /** Null when the server could not read the call's. */
  readonly id: unknown
  /** Null for a result. */
  readonly error: RpcError | null
  readonly result: unknown
}

/** A request of JSON-RPC. */
export function requestText(id: number, method: string, params: RpcParams): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params, id })
}

/** Reads an answer; null for a text that is none. */
export function readAnswer(json: unknown): RpcAnswer | null {
  if (typeof json !== 'object' || json === null) return null
  const { jsonrpc, id, error, result } = json as { readonly [key: string]: unknown }
  if (jsonrpc !== '2.0') return null
  if (error === undefined) return result === undefined ? null : { id, error: null, result }
  const { code, message, data } = (error ?? {}) as { readonly [key: string]: unknown }
  if (typeof code !== 'number' || typeof message !== 'string') return null
  return { id, error: new RpcError(code, message, data), result: undefined }
}
