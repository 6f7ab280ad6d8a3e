import type { HttpRequest, HttpResponse } from '../transport/contract.ts'

export interface RouteContext {
  /** Values of the path's `:name` parts, percent-decoded; `*` holds the rest. */
  readonly params: Readonly<Record<string, string>>
  /**
   * Throws RingsideError unauthorized unless the request carries the API key. Compares in constant time.
   */
  requireKey(): void
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
