import { takesEventStream } from './accept.ts'
import { fromCode, sendError } from './http-error.ts'
import type { RouteHandler } from './contract.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'

/**
 * Tells a client to come again while the rooms are not back yet, or will not be. EventSource would give up for ever on
 * a 503, so it gets an empty stream that tells it when to come back.
 */
export function answerStarting(
  request: HttpRequest,
  response: HttpResponse,
  retryMs: number,
): void {
  if (!takesEventStream(request.header('accept'))) {
    sendError(response, { ...fromCode('unavailable'), headers: { 'retry-after': '1' } })
    return
  }
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
  response.send(200, headers, `retry: ${retryMs}\n`)
}

/**
 * Wraps a handler that needs the log: while the log is known to fail, requests are answered as at the start, at
 * once.
 */
export function unlessAway(
  handler: RouteHandler,
  { isAway, retryMs }: { readonly isAway: () => boolean; readonly retryMs: () => number },
): RouteHandler {
  return (request, response, context) =>
    isAway() ? answerStarting(request, response, retryMs()) : handler(request, response, context)
}
