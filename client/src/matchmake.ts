import { errorCodes, isErrorCode } from '@ringside/protocol'
import type { Json, MatchmakeAnswer } from '@ringside/protocol'
import type { ClientContext } from './client-context.ts'
import { RequestError } from './request-error.ts'

/**
 * One matchmaking request: `POST /matchmake/<path>`.
 * @throws RequestError with the server's code; `disconnected` when the server was not reached.
 */
export async function matchmake(
  context: ClientContext,
  path: readonly string[],
  body: Json,
): Promise<MatchmakeAnswer> {
  const url = new URL(['matchmake', ...path].map(encodeURIComponent).join('/'), context.base)
  const abort = new AbortController()
  const cancelTimeout = context.timers.after(context.joinTimeoutMs, () => abort.abort())
  try {
    const response = await context.fetch(url.href, {
      method: 'POST',
      headers: { ...context.headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: abort.signal,
    })
    const answer: unknown = await response.json().catch(() => null)
    if (!response.ok) throw refusal(response.status, answer)
    return checkAnswer(answer)
  } catch (cause) {
    if (cause instanceof RequestError) throw cause
    throw abort.signal.aborted
      ? new RequestError('timeout', `No answer within ${context.joinTimeoutMs} ms`, true)
      : new RequestError('disconnected', 'The server cannot be reached', true)
  } finally {
    cancelTimeout()
  }
}

/** The error of an HTTP answer: its JSON where there is one, else what the status says. */
function refusal(status: number, answer: unknown): RequestError {
  const error = (answer as { error?: { code?: unknown; message?: unknown } } | null)?.error
  if (typeof error?.code === 'string') {
    const text = typeof error.message === 'string' ? error.message : error.code
    const retry = isErrorCode(error.code) ? errorCodes[error.code].retry : status >= 500
    return new RequestError(error.code, text, retry)
  }
  // A proxy's own answer. 5xx and 429 pass; the rest will not get better by asking again.
  const retry = status >= 500 || status === 429
  return new RequestError(retry ? 'unavailable' : 'bad_answer', `HTTP status ${status}`, retry)
}

function checkAnswer(answer: unknown): MatchmakeAnswer {
  const { roomId, sessionId, url, ticket } = (answer ?? {}) as Record<string, unknown>
  for (const value of [roomId, sessionId, url, ticket])
    if (typeof value !== 'string')
      throw new RequestError('bad_answer', 'Expected a matchmaking answer', false)
  return answer as MatchmakeAnswer
}
