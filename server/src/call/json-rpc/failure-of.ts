import { errorCodes, isErrorCode } from '@ringside/protocol'
import type { Refusal } from '../../process/failure.ts'
import type { RpcFailure } from './answer-text.ts'

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
