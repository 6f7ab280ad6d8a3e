import type { Json, MatchmakeAnswer } from '@ringside/protocol'
import type { ClientContext } from './client-context.ts'
import { postJson } from './post-json.ts'
import { RequestError } from './request-error.ts'

export interface MatchmakeRequest {
  readonly body: Json
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes one matchmaking request: `POST /matchmake/<path>`.
 * @throws the signal's reason; RequestError with the server's code; `disconnected` when the server was not reached.
 */
export async function matchmake(
  context: ClientContext,
  path: readonly string[],
  { body, signal }: MatchmakeRequest,
): Promise<MatchmakeAnswer> {
  return checkAnswer(
    await postJson(context, ['matchmake', ...path].map(encodeURIComponent).join('/'), {
      body: JSON.stringify(body),
      timeoutMs: context.joinTimeoutMs,
      signal,
    }),
  )
}

function checkAnswer(answer: unknown): MatchmakeAnswer {
  const { roomId, sessionId, url, ticket } = (answer ?? {}) as Record<string, unknown>
  for (const value of [roomId, sessionId, url, ticket])
    if (typeof value !== 'string')
      throw new RequestError('bad_answer', 'Expected a matchmaking answer', true)
  return answer as MatchmakeAnswer
}
