/** Id of a frame of JSON-RPC 2.0: requests, notifications, batches; results; the answer to a batch. */
export const RPC_ID = 0xffffffff

/** Id of a frame with a single error response, also the one for `[]` and for unparsable input. */
export const RPC_ERROR_ID = 0xfffffffe

/**
 * Error codes of JSON-RPC: those of its specification (section 5.1), and three of the range that it leaves
 * to servers. `text` is the `message` of the error, but for `refused`, which has the refusal's own.
 */
export const rpcErrors = {
  parse_error: { code: -32_700, text: 'Parse error' },
  invalid_request: { code: -32_600, text: 'Invalid Request' },
  method_not_found: { code: -32_601, text: 'Method not found' },
  invalid_params: { code: -32_602, text: 'Invalid params' },
  internal: { code: -32_603, text: 'Internal error' },
  refused: { code: -32_000, text: 'Refused' },
  timeout: { code: -32_001, text: 'The handler did not answer in time' },
  rate_limited: { code: -32_029, text: 'Too many messages; slow down' },
} as const

/** Name of an error of the table above. */
export type RpcErrorName = keyof typeof rpcErrors
