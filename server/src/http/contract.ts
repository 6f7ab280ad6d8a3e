import type { Principal } from '../auth/principal.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'

export interface RouteContext {
  /** Values of the path's `:name` parts, percent-decoded; `*` holds the rest. */
  readonly params: Readonly<Record<string, string>>
  /**
   * Resolves with who asks, if that is an operator: the holder of the API key, or of a key or token with the scope
   * `admin`. Read the body in the same turn. The promise rejects with RingsideError unauthorized for nobody known, forbidden
   * for anybody else, or as `authenticate` throws.
   */
  requireOperator(): Promise<Principal>
  /**
   * Who asks, by key, token or cookie; whoever brings none of them is `anonymous`. A token takes a promise: read the
   * body in the same turn. @throws RingsideError unauthorized, token_expired, forbidden, too_many_requests,
   * unavailable; so does the promise.
   */
  authenticate(): Principal | Promise<Principal>
  /** `traceparent` of the request's span, or the one that it came with (W3C Trace Context); null: none. */
  readonly traceparent: string | null
}

export type RouteHandler = (
  request: HttpRequest,
  response: HttpResponse,
  context: RouteContext,
) => void | Promise<void>

/** One route of the router. */
export interface Route {
  readonly method: string
  /** It may hold `:name` parts and end in `/*`. */
  readonly path: string
  readonly handler: RouteHandler
}

/**
 * Runs what an operator does with a stream (`streamId`), and tells the audit of it, done or refused.
 * @throws RingsideError as `requireOperator`, and whatever `act` throws.
 */
export type StreamAct = (
  streamId: string,
  [request, context]: readonly [HttpRequest, RouteContext],
  act: () => void,
) => Promise<void>
