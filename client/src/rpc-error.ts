/** The server answered a call of JSON-RPC with an error. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  /** A code of JSON-RPC (docs/errors.md): -32601 for no such method, -32000 for a refusal, ... */
  readonly code: number
  /** More about it, or undefined; a refusal has `{ code, retry }` here, `code` the game's own. */
  readonly data: unknown
  constructor(code: number, message: string, data?: unknown) {
    super(message)
    this.code = code
    this.data = data
  }
}
