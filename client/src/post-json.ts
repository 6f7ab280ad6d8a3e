import { onAbort } from './abort.ts'
import { below } from './base-url.ts'
import type { ClientContext } from './client-context.ts'
import { readJson, readRefusal } from './http-refusal.ts'
import { RequestError } from './request-error.ts'

/** No answer of a server is longer: results of JSON-RPC are the longest. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

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
    const { ok } = response
    const answer = await (ok ? readJson(response, MAX_ANSWER_BYTES) : refusal(response))
    // What was half read when it was aborted is no answer.
    if (signal?.aborted) throw signal.reason
    // A body that broke off because time is up is no answer.
    abort.signal.throwIfAborted()
    if (!ok) throw answer
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

/** An answer of another kind than our server's is told as a server that is away, which it is. */
async function refusal(response: Response): Promise<RequestError> {
  const { code, message, isFinal, retryAfterMs } = await readRefusal(response)
  return new RequestError(code ?? 'unavailable', message, !isFinal, retryAfterMs)
}
