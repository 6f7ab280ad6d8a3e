import type { Logger } from '../process/logger.ts'
import type { Part } from '../process/part.ts'
import type { HttpRequest } from '../transport/contract.ts'

/** What the server uses of a Tracer of `@opentelemetry/api`, which is one. */
export interface Tracer {
  startSpan(
    name: string,
    options: { readonly kind: number; readonly attributes: Readonly<Record<string, string>> },
    // The context of the API's own; the server only hands it on.
    // oxlint-disable-next-line typescript/no-explicit-any
    context?: any,
  ): TraceSpan
}

/** What the server uses of a span of `@opentelemetry/api`. */
export interface TraceSpan {
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number }
  setAttribute(name: string, value: string | number): unknown
  setStatus(status: { code: number }): unknown
  end(): void
}

/** `SpanKind.SERVER` and `SpanStatusCode.ERROR` of `@opentelemetry/api`. */
const SERVER_KIND = 1
const ERROR_STATUS = 2

/** `traceparent`: version, trace id, parent id and flags (W3C Trace Context, section 3.2). */
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/

/** The request's `traceparent`; null when it has none, or one that the standard has readers ignore (HT40). */
export function traceOf(request: Pick<HttpRequest, 'header'>): string | null {
  const text = request.header('traceparent')
  return TRACEPARENT.test(text) ? text : null
}

/** Makes a context with a remote parent of `@opentelemetry/api`. */
type ParentContext = (parent: {
  traceId: string
  spanId: string
  traceFlags: number
  isRemote: true
}) => unknown

/** One request as it is traced. */
export interface RequestTrace {
  /** `traceparent` of the span, or of the request where there is no tracer; null: none. */
  readonly traceparent: string | null
  readonly answered: (status: number) => void
  readonly end: () => void
}

/**
 * Makes one span for each request, of kind SERVER, named by its route, as a child of the request's `traceparent` (HT41).
 * A stream's span ends when it has begun. What a tracer throws is nobody's business but its own: the request goes on.
 */
export class Tracing {
  readonly #tracer: Tracer | null
  #parentContext: ParentContext | null = null

  constructor(tracer: Tracer | null) {
    this.#tracer = tracer
  }

  /**
   * Loads `@opentelemetry/api`, of which whoever has a tracer has a copy. Resolves with false when it is missing: spans
   * then have no parent in other services.
   */
  async load(): Promise<boolean> {
    if (!this.#tracer) return true
    try {
      const { ROOT_CONTEXT, trace } = await import('@opentelemetry/api')
      this.#parentContext = (parent) => trace.setSpanContext(ROOT_CONTEXT, parent)
      return true
    } catch {
      return false
    }
  }

  begin(request: HttpRequest, route: string): RequestTrace {
    const incoming = traceOf(request)
    if (!this.#tracer) return untraced(incoming)
    try {
      const { method } = request
      const attributes = {
        'http.request.method': method,
        'http.route': route.slice(route.indexOf(' ') + 1),
      }
      const parent = incoming === null ? undefined : this.#parentContext?.(parentOf(incoming))
      return new SpanTrace(this.#tracer.startSpan(route, { kind: SERVER_KIND, attributes }, parent))
    } catch {
      return untraced(incoming)
    }
  }
}

function parentOf(traceparent: string): Parameters<ParentContext>[0] {
  const [, traceId = '', spanId = '', flags = '00'] = TRACEPARENT.exec(traceparent) ?? []
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}

const nothing = (): void => {}

function untraced(traceparent: string | null): RequestTrace {
  return { traceparent, answered: nothing, end: nothing }
}

class SpanTrace implements RequestTrace {
  readonly traceparent: string
  readonly #span: TraceSpan

  constructor(span: TraceSpan) {
    this.#span = span
    const { traceId, spanId, traceFlags } = span.spanContext()
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  }

  readonly answered = (status: number): void =>
    this.#tell((span) => {
      span.setAttribute('http.response.status_code', status)
      if (status >= 500) span.setStatus({ code: ERROR_STATUS })
    })

  readonly end = (): void => this.#tell((span) => span.end())

  #tell(what: (span: TraceSpan) => void): void {
    try {
      what(this.#span)
    } catch {}
  }
}

/** Tracing as a part of the server. */
export function tracingPart(tracing: Tracing, logger: Logger): Part<never> {
  return {
    name: 'tracing',
    async start() {
      if (!(await tracing.load()))
        logger.warn(
          {},
          '@opentelemetry/api is not installed: spans have no parent in other services',
        )
    },
  }
}
