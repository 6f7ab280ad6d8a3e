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
  { body, timeoutMs, signal: given }: JsonPost,
): Promise<unknown> {
  const abort = new AbortController()
  const { signal } = abort
  let [cancelTimeout, stop] = [(): void => {}, (): void => {}]
  // A fetch that does not heed its signal is not waited for either.
  const late = new Promise<never>((_resolve, reject) => {
    cancelTimeout = context.timers.after(timeoutMs, () => {
      reject(new RequestError('timeout', `No answer within ${timeoutMs} ms`, true))
      abort.abort()
    })
    stop = onAbort(given, () => {
      reject(given?.reason)
      abort.abort(given?.reason)
    })
  })
  try {
    const url = below(context.base, path)
    return await Promise.race([late, answerOf(context, url, { body, signal })])
  } catch (cause) {
    if (given?.aborted) throw given.reason
    if (cause instanceof RequestError) throw cause
    throw new RequestError('disconnected', 'The server cannot be reached', true)
  } finally {
    cancelTimeout()
    stop()
  }
}

async function answerOf(
  { fetch, headers }: ClientContext,
  url: string,
  { body, signal }: { readonly body: string | null; readonly signal: AbortSignal },
): Promise<unknown> {
  const response = await fetch(url, {
    ...(body === null
      ? { headers }
      : { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body }),
    signal,
  })
  if (!response.ok) throw await refusal(response)
  return readJson(response, MAX_ANSWER_BYTES)
}

/** An answer of another kind than our server's is told as a server that is away, which it is. */
async function refusal(response: Response): Promise<RequestError> {
  const { code, message, isFinal, retryAfterMs } = await readRefusal(response)
  const error = new RequestError(code ?? 'unavailable', message, !isFinal)
  return Object.assign(error, { retryAfterMs })
}
