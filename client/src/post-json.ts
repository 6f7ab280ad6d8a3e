import { mayRetry } from '@ringside/protocol'
import { onAbort } from './abort.ts'
import { below } from './base-url.ts'
import type { ClientContext } from './client-context.ts'
import { RequestError } from './request-error.ts'

/** One request in JSON. */
export interface JsonPost {
  /** Null: the request is a GET. */
  readonly body: string | null
  readonly timeoutMs: number
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Posts to a path of the server and resolves with its answer, parsed; null for one that is no JSON.
 * @throws the signal's reason; RequestError with the server's code; `timeout`; `disconnected` when the server was not reached.
 */
export async function postJson(
  context: ClientContext,
  path: string,
  { body, timeoutMs, signal }: JsonPost,
): Promise<unknown> {
  const abort = new AbortController()
  const cancelTimeout = context.timers.after(timeoutMs, () => abort.abort())
  const stop = onAbort(signal, () => abort.abort(signal?.reason))
  try {
    const response = await context.fetch(below(context.base, path), {
      ...(body === null
        ? { headers: context.headers }
        : {
            method: 'POST',
            headers: { ...context.headers, 'content-type': 'application/json' },
            body,
          }),
      signal: abort.signal,
    })
    const answer: unknown = await response.json().catch(() => null)
    // What was half read when it was aborted is no answer.
    if (signal?.aborted) throw signal.reason
    if (!response.ok) throw refusal(response.status, answer)
    return answer
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    if (cause instanceof RequestError) throw cause
    throw abort.signal.aborted
      ? new RequestError('timeout', `No answer within ${timeoutMs} ms`, true)
      : new RequestError('disconnected', 'The server cannot be reached', true)
  } finally {
    cancelTimeout()
    stop()
  }
}

/** Makes the error of an HTTP answer from its JSON where there is one, else from its status. */
function refusal(status: number, answer: unknown): RequestError {
  const error = (answer as { error?: { code?: unknown; message?: unknown } } | null)?.error
  if (typeof error?.code === 'string') {
    const text = typeof error.message === 'string' ? error.message : error.code
    return new RequestError(error.code, text, mayRetry(status, error.code))
  }
  // This is a proxy's own answer. 5xx and 429 pass; the rest will not get better by asking again.
  const retry = status >= 500 || status === 429
  return new RequestError(retry ? 'unavailable' : 'bad_answer', `HTTP status ${status}`, retry)
}
