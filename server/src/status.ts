import type { MemoryGuard } from './process/memory-guard.ts'
import type { PrometheusMetrics } from './process/metrics.ts'
import type { Part } from './process/part.ts'
import type { Outbox } from './outbox/contract/outbox.ts'
import type { Route, RouteHandler } from './http/contract.ts'
import { sendJson } from './http/json.ts'

/** Health checks read it. States: new -> starting -> listening -> draining -> closed; starting -> failed -> closed. */
export interface ServerStatus {
  phase: 'new' | 'starting' | 'listening' | 'draining' | 'failed' | 'closed'
}

export interface StatusParts {
  readonly status: ServerStatus
  readonly outbox: Outbox
  readonly metrics: PrometheusMetrics
  readonly memory: MemoryGuard
  /** null: there is none. */
  readonly archive: { readonly isFailing: boolean; readonly dueCount: number } | null
  /** `maxOutboxLagMs`: rooms pause there, and the server is not ready from a third of it on. */
  readonly maxLagMs: number
  /** `/metrics`, and the numbers of `/health/ready`, without a key. */
  readonly isDevelopment: boolean
}

/** New players go elsewhere well before the rooms here have to pause. */
const READY_LAG_PART = 1 / 3

/** `/health/live`: the process can do its work. `/health/ready`: it takes players. `/metrics`: Prometheus. */
export function statusPart(parts: StatusParts): Part<Route> {
  return {
    name: 'status',
    routes: [
      { method: 'GET', path: '/health/live', handler: answerLive(parts) },
      { method: 'GET', path: '/health/ready', handler: answerReady(parts) },
      { method: 'GET', path: '/metrics', handler: answerMetrics(parts) },
    ],
  }
}

function answerLive({ outbox, status }: StatusParts): RouteHandler {
  return (_request, response) => {
    // Only a new process can take up again what was given up.
    const isLive = !outbox.stats.isGivenUp && status.phase !== 'failed'
    sendJson(response, {
      status: isLive ? 200 : 503,
      body: { status: isLive ? 'live' : 'dead' },
    })
  }
}

/**
 * HT44: the sizes of the process and of what waits grow with what happens, also where nobody may look: strangers are told
 * whether it is well, and lags to the second.
 */
function answerReady(parts: StatusParts): RouteHandler {
  const { outbox, status, memory, archive, maxLagMs, isDevelopment } = parts
  return async (request, response, context) => {
    if (request.header('x-api-key') !== '') await context.requireOperator()
    const isTold = isDevelopment || request.header('x-api-key') !== ''
    const { lagMs, tailLagMs, lastError, isGivenUp } = outbox.stats
    const worstLagMs = Math.max(lagMs, tailLagMs)
    const isCurrent = !isGivenUp && worstLagMs < maxLagMs * READY_LAG_PART
    const { rssBytes, maxBytes, isOver } = memory
    const isReady = status.phase === 'listening' && isCurrent && !isOver
    const body = {
      status: isReady ? 'ready' : 'not-ready',
      phase: status.phase,
      // The answer names no host and no credential, only whether the log fails at the moment.
      outbox: {
        lagMs: isTold ? lagMs : wholeSeconds(lagMs),
        tailLagMs: isTold ? tailLagMs : wholeSeconds(tailLagMs),
        isFailing: lastError !== null,
      },
      memory: isTold ? { rssBytes, maxRssBytes: maxBytes, isOver } : { isOver },
      // Players do not need it: a server whose archive fails is ready.
      ...(archive ? { archive: archiveBody(archive, isTold) } : {}),
    }
    sendJson(response, { status: isReady ? 200 : 503, body })
  }
}

function archiveBody(
  { isFailing, dueCount }: NonNullable<StatusParts['archive']>,
  isTold: boolean,
): object {
  return isTold ? { isFailing, waiting: dueCount } : { isFailing }
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000
}

function answerMetrics({ metrics, isDevelopment }: StatusParts): RouteHandler {
  return async (_request, response, context) => {
    if (!isDevelopment) await context.requireOperator()
    const text = await metrics.text()
    response.send(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' }, text)
  }
}
