import { errorCodes, isErrorCode, rpcErrors } from '@ringside/protocol'
import type { RpcErrorName } from '@ringside/protocol'
import { jsonText } from '../../process/json-text.ts'
import type { Refusal } from '../../process/refusal.ts'

/** An error response without its id. */
export interface RpcFailure {
  readonly name: RpcErrorName
  /** Default: the text of the table. */
  readonly message?: string
  readonly data?: unknown
}

/**
 * A response with a result; `undefined` is `null`, for the member must be there.
 * @param id as it was written.
 * @throws TypeError for what JSON cannot say: a cycle, a BigInt, a function.
 */
export function resultText(id: string, result: unknown): string {
  const json = jsonText(result === undefined ? null : result)
  if (json === undefined) throw new TypeError(`Expected a result of JSON, got a ${typeof result}`)
  return `{"jsonrpc":"2.0","result":${json},"id":${id}}`
}

/** A response with an error. `id` as it was written, `null` where none was found. */
export function errorText(id: string, failure: RpcFailure): string {
  const { code, text } = rpcErrors[failure.name]
  const { message = text, data } = failure
  return `{"jsonrpc":"2.0","error":${jsonText({ code, message, data })},"id":${id}}`
}

/** The answer to a batch: its responses in one list. */
export function batchText(responses: readonly string[]): string {
  return `[${responses.join(',')}]`
}

/**
 * A refusal as an error of JSON-RPC. Those of the specification have its code; everything else that a game
 * or the server refuses is `refused`, with the refusal's own message, and its code as `data.code`.
 */
export function failureOf({ code, message }: Refusal): RpcFailure {
  const retry = isErrorCode(code) && errorCodes[code].retry
  switch (code) {
    case 'unknown_command':
      return { name: 'method_not_found' }
    case 'invalid_payload':
      return { name: 'invalid_params', data: { code, message } }
    case 'internal':
      return { name: 'internal' }
    case 'timeout':
      return { name: 'timeout', data: { code, retry } }
    case 'rate_limited':
    case 'too_many_requests':
      return { name: 'rate_limited', data: { code, retry } }
    default:
      return { name: 'refused', message, data: { code, retry } }
  }
}
