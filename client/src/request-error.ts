import type { ErrorCode } from '@ringside/protocol'

/** Codes that the SDK itself gives, besides the server's and the game's own. */
export type ClientErrorCode =
  /** The connection broke, or is not there. */
  | 'disconnected'
  /** No answer came in time. The server may still have done it. */
  | 'timeout'
  /** More than 1,000 requests wait for their answers. */
  | 'too_many_pending'
  /** The message is over `maxPayloadBytes` of the server, and was not sent. */
  | 'too_large'
  /** The server answered something that is not of the protocol or the contract. */
  | 'bad_answer'

/** A join or request that failed. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  /** A code of the SDK, of docs/errors.md, or the game's own (`reject('too_far')`). */
  readonly code: ClientErrorCode | ErrorCode | (string & {})
  /** May the same be sent again later, unchanged? */
  readonly retry: boolean
  /** The server, or a proxy before it, asked to wait for so many ms (`Retry-After`); null where nobody did. */
  readonly retryAfterMs: number | null = null
  constructor(code: RequestError['code'], message: string, retry: boolean) {
    super(message)
    this.code = code
    this.retry = retry
  }
}
