import { readRefusal } from '../http-refusal.ts'
import type { Timers } from '../timers.ts'
import type { FeedStatusInfo } from './feed-types.ts'
import { createSseDecoder } from './sse-decoder.ts'
import type { SseHandlers } from './sse-decoder.ts'

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

/** The end of a stream, which is never a rejection. */
export interface StreamEnd {
  /** The feed's last status, or null: the next stream may be a good one. */
  readonly final: 'ended' | 'failed' | null
  readonly info: FeedStatusInfo
  /** The wait that `Retry-After` asked for, in ms. */
  readonly retryAfterMs: number | null
}

/** Reads one stream to its end. An error of `onBlock` breaks it. */
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
    reason = 'Nothing was heard'
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
    if (refused) return refused
    heardAt = timers.now()
    parts.onOpen()
    const decoder = createSseDecoder(parts)
    const text = new TextDecoder()
    // A 200 without a body throws here, and is one more broken stream.
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return broken('The stream ended')
      heardAt = timers.now()
      decoder.feed(text.decode(value, { stream: true }))
    }
  } catch (error) {
    return broken(reason ?? String(error))
  } finally {
    cancelWatch()
    // After a mistake in the stream the rest of it is not wanted either.
    abort.abort()
  }
}

function broken(reason: string): StreamEnd {
  return { final: null, info: { reason }, retryAfterMs: null }
}

/** Judges an answer that is no stream; null when it is one. */
async function refusal(response: Response): Promise<StreamEnd | null> {
  const { status, headers } = response
  if (status === 200) {
    const isStream = /^text\/event-stream\b/i.test(headers.get('content-type') ?? '')
    return isStream ? null : broken('Expected an event stream')
  }
  const { message: reason, isFinal, retryAfterMs } = await readRefusal(response)
  // A 204 alone may be anybody's.
  const hasEnded = status === 204 && headers.get('ringside-feed') === 'ended'
  const final = hasEnded ? 'ended' : isFinal ? 'failed' : null
  return { final, info: { httpStatus: status, reason }, retryAfterMs }
}
