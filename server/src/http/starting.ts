import { fromCode, sendError } from './http-error.ts'
import type { RouteHandler } from '../http/contract.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'

/**
 * Answers while the rooms are not back yet, or will not be: come again. EventSource would give up for ever on a 503, so
 * it gets an empty stream that tells it when to come back.
 */
export function answerStarting(
  request: HttpRequest,
  response: HttpResponse,
  retryMs: number,
): void {
  if (!request.header('accept').includes('text/event-stream')) {
    sendError(response, { ...fromCode('unavailable'), headers: { 'retry-after': '1' } })
    return
  }
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
  response.send(200, headers, `retry: ${retryMs}\n\n`)
}

/** A handler that needs the log: while that is known to fail, it is answered as at the start, at once. */
export function unlessAway(
  handler: RouteHandler,
  { isAway, retryMs }: { readonly isAway: () => boolean; readonly retryMs: number },
): RouteHandler {
  return (request, response, context) =>
    isAway() ? answerStarting(request, response, retryMs) : handler(request, response, context)
}
