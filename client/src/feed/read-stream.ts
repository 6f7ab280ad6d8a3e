import type { Timers } from '../timers.ts'
import type { FeedStatusInfo } from './feed-types.ts'
import { createSseDecoder } from './sse-decoder.ts'
import type { SseHandlers } from './sse-decoder.ts'

/** More than any snapshot that a server writes; an endless line must not fill the memory. */
const MAX_BLOCK_CHARS = 64 * 1024 * 1024

export interface StreamParts extends SseHandlers {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: typeof fetch
  readonly abort: AbortController
  readonly timers: Timers
  readonly silenceMs: number
  /** The server answered with an event stream. */
  onOpen(): void
}

/** How a stream ended. Never a rejection. */
export interface StreamEnd {
  readonly kind: 'ended' | 'failed' | 'broken'
  readonly info: FeedStatusInfo
  /** What `Retry-After` asked for, in ms. */
  readonly retryAfterMs: number | null
}

/** Reads one stream to its end. What `onBlock` throws breaks it. */
export async function readStream(parts: StreamParts): Promise<StreamEnd> {
  const { abort, timers, silenceMs } = parts
  let heardAt = timers.now()
  let reason: string | null = null
  const watch = (): void => {
    const quietMs = timers.now() - heardAt
    if (quietMs < silenceMs) {
      cancelWatch = timers.after(silenceMs - quietMs, watch)
      return
    }
    reason = `Nothing was heard for ${silenceMs} ms`
    abort.abort()
  }
  let cancelWatch = timers.after(silenceMs, watch)
  try {
    const response = await parts.fetch(parts.url, {
      headers: { ...parts.headers, Accept: 'text/event-stream' },
      cache: 'no-store',
      signal: abort.signal,
    })
    const refused = await refusal(response)
    if (refused || !response.body) return refused ?? broken('The answer has no body')
    heardAt = timers.now()
    parts.onOpen()
    const decoder = createSseDecoder(parts, MAX_BLOCK_CHARS)
    const text = new TextDecoder()
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return broken('The stream ended')
      heardAt = timers.now()
      decoder.feed(text.decode(value, { stream: true }))
    }
  } catch (error) {
    return broken(reason ?? (error instanceof Error ? error.message : 'The stream broke'))
  } finally {
    cancelWatch()
    // Also after a mistake in the stream: the rest of it is not wanted.
    abort.abort()
  }
}

function broken(reason: string, httpStatus?: number): StreamEnd {
  const info = httpStatus === undefined ? { reason } : { reason, httpStatus }
  return { kind: 'broken', info, retryAfterMs: null }
}

/** What an answer that is no stream means; null when it is one. */
async function refusal(response: Response): Promise<StreamEnd | null> {
  const { status, headers } = response
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') ?? false
  if (status === 200) return isStream ? null : broken('Expected an event stream', status)
  if (status === 204)
    return { kind: 'ended', info: { httpStatus: status, reason: 'Over' }, retryAfterMs: null }
  // 408, 425, 429 and 5xx pass; whatever else will be the same the next time.
  const passes = status >= 500 || status === 429 || status === 408 || status === 425
  const answer = (await response.json().catch(() => null)) as {
    error?: { message?: unknown }
  } | null
  const message = answer?.error?.message
  const reason = typeof message === 'string' ? message : `HTTP status ${status}`
  const seconds = Number(headers.get('retry-after'))
  return {
    kind: passes ? 'broken' : 'failed',
    info: { httpStatus: status, reason },
    retryAfterMs: passes && seconds > 0 ? seconds * 1000 : null,
  }
}
