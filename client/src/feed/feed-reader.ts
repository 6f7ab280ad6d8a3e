import { fullJitter } from '../backoff.ts'
import { callGuarded } from '../listeners.ts'
import { systemTimers, toWait } from '../timers.ts'
import { Wakes } from '../wake.ts'
import { createCheckpoint } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import { feedAddress } from './feed-address.ts'
import type { FeedAddress } from './feed-address.ts'
import { toMessage } from './feed-message.ts'
import type { FeedEvents } from '@ringside/protocol/feed-event'
import type {
  Feed,
  FeedMessage,
  FeedOptions,
  FeedStatus,
  FeedStatusInfo,
  FeedTarget,
} from './feed-types.ts'
import { checkFeedOptions } from './feed-options.ts'
import { createNumberCheck } from './number-check.ts'
import type { NumberCheck } from './number-check.ts'
import { readStream } from './read-stream.ts'
import type { StreamEnd, StreamRequest } from './read-stream.ts'

const DEFAULT_RETRY_MS = 2_000
const MAX_RETRY_MS = 30_000
/** A server, or what stands before it, that asks for less must not make the reader spin. */
const MIN_RETRY_MS = 250
/** The server's default, until `hello` tells its own. */
const DEFAULT_HEARTBEAT_MS = 15_000

/**
 * One followed feed. A stream is opened, read until it breaks, and opened again at the last position,
 * until the feed is over (204, or `end` of its only room), refused for good (4xx), or closed.
 */
export class FeedReader implements Feed {
  readonly #options: FeedOptions
  readonly address: FeedAddress
  /** The `hello` of the newest stream. */
  hello: FeedEvents['hello'] | null = null
  readonly #timers
  readonly #wakes: Wakes
  readonly #checkpoint: Checkpoint
  readonly #numbers: NumberCheck
  #status: FeedStatus = 'connecting'
  /** Is called when it is over. */
  onOver: (() => void) | null = null
  /** Fetches with the headers of the options. */
  readonly fetch = (url: string, init: StreamRequest): Promise<Response> => {
    // A browser refuses a fetch that is called as a method of another object.
    const { fetch: fetcher = fetch, headers } = this.#options
    return fetcher(url, { ...init, headers: { ...headers, ...init.headers } })
  }
  #abort = new AbortController()
  #endWait: (() => void) | null = null
  /** The next stream begins with a snapshot here instead of going on after the checkpoint; null = it goes on. */
  from: string | null = null
  /** True when the checkpoint is of this reader's own events, so that all before it is known. */
  #knowsPast: boolean
  #lastGap = ''
  #attempt = 0
  #retryMs = DEFAULT_RETRY_MS
  #heartbeatMs: number
  #waitMs: number | null = null

  constructor(target: FeedTarget, options: FeedOptions) {
    checkFeedOptions(options)
    this.#options = options
    this.address = feedAddress(target, options)
    this.#timers = options.timers ?? systemTimers
    this.#wakes = new Wakes(this.#timers)
    this.#heartbeatMs = (options.silenceMs ?? 0) / 2.5 || DEFAULT_HEARTBEAT_MS
    const { storage, storageKey: key = `ringside:${this.address.path}` } = options
    this.#checkpoint = createCheckpoint({ storage, key, timers: this.#timers }, options.checkpoint)
    this.#knowsPast = options.resume === 'events'
    this.#numbers = createNumberCheck(this.address.showsEveryNumber)
    // No handler runs before the caller has the feed in hand.
    queueMicrotask(() => void this.#run())
  }

  get status(): FeedStatus {
    return this.#status
  }

  get checkpoint(): string | null {
    return this.#checkpoint.value
  }

  close(): void {
    this.#finish('ended', null)
  }

  /** Gives up a stream that was dialled; the next one follows at once. */
  redial(): void {
    this.#abort.abort()
  }

  get #isOver(): boolean {
    return this.#status === 'ended' || this.#status === 'failed'
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      if (this.#status === 'connecting') this.#setStatus('connecting', {})
      const end = await this.#readOnce()
      if (this.#isOver) return
      if (end.final) return this.#finish(end.final, end.info)
      const retryInMs = this.#nextDelayMs(end)
      this.#setStatus('reconnecting', { ...end.info, retryInMs })
      if (!this.#isOver) await this.#wait(retryInMs)
    }
  }

  #readOnce(): Promise<StreamEnd> {
    const position = this.#checkpoint.value
    const goesOn = position !== null && this.#knowsPast && this.from === null
    const from = goesOn ? null : (this.from ?? position)
    this.#abort = new AbortController()
    return readStream({
      url: this.address.url(from),
      headers: goesOn && { 'Last-Event-ID': position },
      fetch: this.fetch,
      abort: this.#abort,
      timers: this.#timers,
      wakes: this.#wakes,
      heartbeatMs: () => this.#heartbeatMs,
      onOpen: () => this.#setStatus('catching-up', {}),
      onRetry: (ms) => {
        this.#retryMs = Math.max(MIN_RETRY_MS, Math.min(MAX_RETRY_MS, ms))
      },
      onBlock: ({ id, type, data }) => {
        if (this.#isOver) return
        if (data !== null) this.#take(toMessage(type, data, id))
        if (id && !this.#isOver) this.#reached(id)
      },
    })
  }

  #take(message: FeedMessage): void {
    const { id, type } = message
    if (type === 'reset') this.#numbers.clear()
    const verdict = this.#numbers.judge(message)
    if (verdict === false) return
    if (verdict !== true) this.#gap(message, verdict)
    this.#deliver(message)
    if (type === 'hello') {
      this.hello = message.data
      const { heartbeatMs: ms = 0 } = message.data
      // The option says more than the server, and nonsense says nothing.
      if (!this.#options.silenceMs && ms >= 100 && ms <= 600_000) this.#heartbeatMs = ms
    } else if (type === 'caught-up') this.#setStatus('live', {})
    else if (type === 'going-away') this.#waitMs = toWait(message.data.retryMs)
    else if (type === 'bound' || (type === 'end' && this.address.isSingleRoom)) {
      if (id) this.#checkpoint.set(id)
      this.#finish('ended', { reason: 'It is over' })
    }
  }

  /** The reader's own position must not depend on a mistake in a handler. */
  #deliver(message: FeedMessage): void {
    const options = this.#options
    // What does not fit breaks the stream: it is the server's mistake, and no uncaught error of the application's.
    options.state?.apply(message)
    callGuarded(() => {
      if (message.type === 'snapshot') options.onSnapshot?.(message.data, message.id)
      else if (message.type === 'patch') options.onPatch?.(message.data, message.id)
      else {
        if (message.type === 'reset') options.onReset?.(message.data)
        options.onEvent?.(message)
      }
    })
  }

  /** Reads missing events again from the last good position, the second time from beyond the gap. */
  #gap({ id, data }: FeedMessage, before: number): never {
    const { room, n } = data as { room: string; n: number }
    const gap = `${room} ${n}`
    const position = this.#checkpoint.value
    this.from = position === null || this.#lastGap === gap ? (id ?? 'live') : position
    this.#lastGap = gap
    this.#numbers.clear()
    callGuarded(() => this.#options.onReset?.({ reason: 'gap', from: before + 1, to: n - 1, room }))
    // This leaves the stream, and the next one begins with a snapshot.
    throw new Error('Events are missing')
  }

  #reached(id: string): void {
    this.#checkpoint.set(id)
    this.#knowsPast = true
    this.from = null
    this.#attempt = 0
  }

  #nextDelayMs({ retryAfterMs, isWake }: StreamEnd): number {
    const told = retryAfterMs ?? this.#waitMs
    const random = this.#options.random ?? Math.random
    this.#waitMs = null
    // Who wakes up comes back at once; what woke many of them does not bring all in one moment.
    if (isWake) return MIN_RETRY_MS * random()
    const range = { minMs: this.#retryMs / 2, maxMs: MAX_RETRY_MS }
    const jittered = fullJitter(this.#attempt++, range, random)
    return told === null ? jittered : told + jittered / 4
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancelTimer()
        stopListening()
        this.#endWait = null
        resolve()
      }
      const cancelTimer = this.#timers.after(ms, end)
      const stopListening = this.#wakes.listen(() => {
        this.#attempt = 0
        end()
      })
      this.#endWait = end
    })
  }

  #finish(status: 'ended' | 'failed', info: FeedStatusInfo | null): void {
    if (this.#isOver) return
    this.#status = status
    this.onOver?.()
    this.#checkpoint.close()
    this.#abort.abort()
    this.#endWait?.()
    // It is null once close() was called, and after that no handler is.
    if (info) this.#tell(info)
  }

  #setStatus(status: FeedStatus, info: FeedStatusInfo): void {
    if (this.#isOver) return
    this.#status = status
    this.#tell(info)
  }

  #tell(info: FeedStatusInfo): void {
    callGuarded(() => this.#options.onStatus?.(this.#status, info))
  }
}
