import type { Authenticator } from '../auth/authenticator.ts'
import { checkOperator } from '../auth/principal.ts'
import type { Principal } from '../auth/principal.ts'
import type { Logger } from '../process/logger.ts'
import type { BodyGate } from '../limit/body-gate.ts'
import type { Metrics } from '../process/metrics.ts'
import { runFrom } from '../process/uncaught.ts'
import { isPromise } from '../process/promise.ts'
import { RingsideError } from '../process/errors.ts'
import type { Route, RouteHandler } from './contract.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'
import { meantRequest } from './alias-routes.ts'
import { corsHeaders, preflightHeaders } from './cors.ts'
import { fromCode, sendError, toHttpError } from './http-error.ts'
import { RouteTable } from './route-table.ts'
import type { Match } from './route-table.ts'
import { Tracing } from './tracing.ts'

/** The parts of a router. */
export interface RouterParts {
  readonly logger: Logger
  readonly metrics: Metrics
  /** Decides which origins may read answers, by Origin and Host. */
  readonly isOriginAllowed: (origin: string, host: string) => boolean
  /** True for origins whose pages may act as whoever looks at them, by Origin and Host. */
  readonly isTrusted: (origin: string, host: string) => boolean
  readonly authenticator: Pick<Authenticator, 'authenticate'>
  /** Bounds the bodies that are read. */
  readonly bodies: BodyGate
  /** Makes a span for each request. Default: none. */
  readonly tracing?: Tracing
  /** Takes other names of our routes, too. Default false. */
  readonly hasAliases?: boolean
}

/** RFC 9110 section 9.2.1, with the preflight. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

const SECURITY_HEADERS = Object.freeze({
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'x-frame-options': 'SAMEORIGIN',
  'cross-origin-resource-policy': 'same-origin',
})

/**
 * Finds the handler of an HTTP request and answers for it when it fails. Routes added first win, so
 * the built-in ones are added before the game's.
 */
export class Router {
  readonly #routes = new RouteTable()
  readonly #parts: RouterParts
  readonly #tracing: Tracing

  constructor(parts: RouterParts) {
    this.#parts = parts
    this.#tracing = parts.tracing ?? new Tracing(null)
  }

  /**
   * Adds a route. `path` may hold `:name` parts and end in `/*` (its rest is `params['*']`).
   * @throws RingsideError option_invalid on a path that is no route.
   */
  add(method: string, path: string, handler: RouteHandler): void {
    this.#routes.add(method, path, handler)
  }

  /** Adds routes in their order. @throws RingsideError as `add`. */
  addAll(routes: readonly Route[]): void {
    for (const { method, path, handler } of routes) this.add(method, path, handler)
  }

  /** The HTTP half of what a transport calls. */
  readonly handle = (given: HttpRequest, answer: HttpResponse): void => {
    this.#parts.metrics.counters.httpRequests++
    const request = this.#parts.hasAliases === true ? meantRequest(given) : given
    const origin = request.header('origin')
    const isAllowed = this.#isAllowed(request)
    const response = this.headed(request, answer)
    try {
      // A page elsewhere can make its visitors' browsers send a POST, though it cannot read the answer.
      if (origin !== '' && !isAllowed && !SAFE_METHODS.has(request.method))
        throw new RingsideError('forbidden')
      const match = this.#routes.find(request.method, request.path)
      if (match.handler) {
        this.#run(match, request, response)
        return
      }
      if (match.allowed.length === 0) throw new RingsideError('not_found')
      const allow = match.allowed.join(', ')
      if (request.method === 'OPTIONS')
        response.send(204, isAllowed ? preflightHeaders(allow) : { allow }, '')
      else {
        const error = fromCode('method_not_allowed')
        sendError(response, { ...error, headers: { allow } })
      }
    } catch (error) {
      this.#failed(error, request, response)
    }
  }

  /** Adds the headers that all answers carry: without those of CORS a page elsewhere takes one for a failure. */
  headed(request: HttpRequest, answer: HttpResponse): HeadedResponse {
    return new HeadedResponse(answer, { ...SECURITY_HEADERS, ...this.#corsOf(request) })
  }

  #corsOf(request: HttpRequest): Readonly<Record<string, string>> {
    if (!this.#isAllowed(request)) return { vary: 'Origin' }
    const origin = request.header('origin')
    return corsHeaders(origin, this.#parts.isTrusted(origin, request.header('host')))
  }

  #isAllowed(request: HttpRequest): boolean {
    const origin = request.header('origin')
    return origin !== '' && this.#parts.isOriginAllowed(origin, request.header('host'))
  }

  #run(match: Match, request: HttpRequest, response: HeadedResponse): void {
    const { authenticator } = this.#parts
    const authenticate = (): Principal | Promise<Principal> => authenticator.authenticate(request)
    const requireOperator = async (): Promise<Principal> => checkOperator(await authenticate())
    const { activity } = this.#parts.metrics
    activity.roomId = ''
    activity.where = match.title
    activity.entry = null
    // A stream, which keeps its request, has no body.
    const given = SAFE_METHODS.has(request.method) ? request : this.#parts.bodies.around(request)
    const { handler, params } = match
    const trace = this.#tracing.begin(request, match.title)
    const { traceparent } = trace
    response.onSent = trace.answered
    runFrom({ where: match.title, trace: traceparent }, () => {
      const failed = (error: unknown): void => this.#failed(error, request, response)
      try {
        const result = handler?.(given, response, {
          params,
          requireOperator,
          authenticate,
          traceparent,
        })
        if (isPromise(result)) Promise.resolve(result).catch(failed).finally(trace.end)
        else trace.end()
      } catch (error) {
        failed(error)
        trace.end()
      }
    })
  }

  #failed(error: unknown, request: HttpRequest, response: HttpResponse): void {
    const known = toHttpError(error)
    if (known) {
      sendError(response, known)
      return
    }
    // The client left while its body was read: there is nobody to answer, and nothing is wrong.
    if (error instanceof RingsideError && error.code === 'aborted') return
    const { metrics, logger } = this.#parts
    metrics.counters.httpFailures++
    // Whoever throws it has reported the cause, and knew more of it.
    if (error instanceof RingsideError && error.code === 'internal')
      return sendError(response, fromCode('internal'))
    const { method, path } = request
    logger.error({ method, path, err: error }, 'HTTP handler failed')
    sendError(response, fromCode('internal'))
  }
}

/** Adds headers that every answer carries; the handler's own win. */
class HeadedResponse implements HttpResponse {
  readonly #response: HttpResponse
  readonly #headers: Readonly<Record<string, string>>
  /** It is told of the status once. */
  onSent: ((status: number) => void) | null = null

  constructor(response: HttpResponse, headers: Readonly<Record<string, string>>) {
    this.#response = response
    this.#headers = headers
  }

  get isOpen(): boolean {
    return this.#response.isOpen
  }

  onAborted(listener: () => void): void {
    this.#response.onAborted(listener)
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array | string): void {
    this.onSent?.(status)
    this.#response.send(status, { ...this.#headers, ...headers }, body)
  }

  stream(headers: Readonly<Record<string, string>>) {
    this.onSent?.(200)
    return this.#response.stream({ ...this.#headers, ...headers })
  }
}
