import type { Principal } from '../auth/principal.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'

export interface RouteContext {
  /** Values of the path's `:name` parts, percent-decoded; `*` holds the rest. */
  readonly params: Readonly<Record<string, string>>
  /**
   * Throws RingsideError unauthorized unless the request carries the API key, or one with the scope `admin`; forbidden
   * for one without. Compares in constant time. Gives its holder.
   */
  requireKey(): Principal
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
