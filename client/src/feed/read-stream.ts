import { readRefusal } from '../http-refusal.ts'
import type { Timers } from '../timers.ts'
import { wallNow } from '../wake.ts'
import type { Wakes } from '../wake.ts'
import type { FeedStatusInfo } from './feed-types.ts'
import { createSseDecoder } from './sse-decoder.ts'
import type { SseHandlers } from './sse-decoder.ts'

/** A request whose headers are an object. */
export interface StreamRequest extends RequestInit {
  readonly headers: Readonly<Record<string, string>>
}

export interface StreamParts extends SseHandlers {
  readonly url: string
  readonly headers: Readonly<Record<string, string>> | false
  readonly fetch: (url: string, init: StreamRequest) => Promise<Response>
  readonly abort: AbortController
  readonly timers: Timers
  readonly wakes: Wakes
  /** The server sends something at least so often, in ms, as far as is known now. */
  heartbeatMs(): number
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
  /** The stream was found dead at a wake-up: nobody is to be spared by waiting. */
  readonly isWake?: boolean
}

/** A stream is dead after so many heartbeats without a byte. */
const PATIENCE = 2.5
/** After a wake-up the next heartbeat must come. */
const WAKE_PATIENCE = 1.25

/**
 * Reads one stream to its end, or until `abort`, whatever the request does then: the body of Node's fetch may leave a
 * read unanswered for ever when it is aborted at its end. An error of `onBlock` breaks it. A wake-up ends a stream
 * that has been silent for longer than a heartbeat, and makes the wait for the next one short (CN59).
 */
export function readStream(parts: StreamParts): Promise<StreamEnd> {
  const { abort, timers } = parts
  let heardAt = timers.now()
  let heardWallAt = wallNow(timers)
  let patience = PATIENCE
  let cancelWatch = (): void => {}
  return new Promise((resolve) => {
    const end = (result: StreamEnd): void => {
      cancelWatch()
      stopListening()
      resolve(result)
      // After a mistake in the stream the rest of it is not wanted either.
      abort.abort()
    }
    const watch = (): void => {
      const leftMs = heardAt + patience * parts.heartbeatMs() - timers.now()
      if (leftMs <= 0) end({ ...broken('Nothing was heard'), isWake: patience !== PATIENCE })
      // What is left may become less: by what `hello` tells.
      else cancelWatch = timers.after(Math.min(leftMs, 5_000), watch)
    }
    const stopListening = parts.wakes.listen(() => {
      const quietMs = Math.max(timers.now() - heardAt, wallNow(timers) - heardWallAt)
      if (quietMs > parts.heartbeatMs())
        return end({ ...broken('Nothing was heard'), isWake: true })
      patience = WAKE_PATIENCE
      cancelWatch()
      watch()
    })
    const heard = (): void => {
      heardAt = timers.now()
      heardWallAt = wallNow(timers)
      patience = PATIENCE
    }
    watch()
    abort.signal.addEventListener('abort', () => end({ ...broken('Aborted'), isWake: true }), {
      once: true,
    })
    void read(parts, heard).then(end)
  })
}

async function read(parts: StreamParts, heard: () => void): Promise<StreamEnd> {
  const { signal } = parts.abort
  try {
    const response = await parts.fetch(parts.url, {
      headers: { ...parts.headers, Accept: 'text/event-stream' },
      cache: 'no-store',
      signal,
    })
    const refused = await refusal(response)
    if (refused) return refused
    signal.throwIfAborted()
    heard()
    parts.onOpen()
    const decoder = createSseDecoder(parts)
    const text = new TextDecoder()
    // A 200 without a body throws here, and is one more broken stream.
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    while (!signal.aborted) {
      const { done, value } = await reader.read()
      // What comes after the end of the wait for it is of another stream's time.
      if (done || signal.aborted) break
      heard()
      decoder.feed(text.decode(value, { stream: true }))
    }
    return broken('The stream ended')
  } catch (error) {
    return broken(String(error))
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
