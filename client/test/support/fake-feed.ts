import { openFeed } from '../../src/feed/index.ts'
import type { FeedMessage, FeedOptions, FeedReset, FeedTarget } from '../../src/feed/index.ts'
import { TestTimers, settle } from './test-timers.ts'

/** A response body that a test writes to. */
export class FakeStream {
  readonly url: URL
  readonly headers: Headers
  isAborted = false
  readonly response: Response
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null

  constructor(url: string, init: RequestInit) {
    this.url = new URL(url)
    this.headers = new Headers(init.headers)
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller
      },
    })
    this.response = new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    init.signal?.addEventListener('abort', () => {
      if (this.isAborted) return
      this.isAborted = true
      try {
        this.#controller?.error(new DOMException('Aborted', 'AbortError'))
      } catch {
        // Ended before.
      }
    })
  }

  async write(text: string): Promise<void> {
    this.#controller?.enqueue(new TextEncoder().encode(text))
    await settle()
  }

  async event(type: string, data: object, seq?: number): Promise<void> {
    const id = seq === undefined ? '' : `id: ${seq}\n`
    await this.write(`${id}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  async end(): Promise<void> {
    this.#controller?.close()
    await settle()
  }
}

/** A feed over scripted streams; what it reported. */
export class FeedRig {
  readonly timers = new TestTimers()
  readonly streams: FakeStream[] = []
  readonly events: FeedMessage[] = []
  readonly patches: number[] = []
  readonly snapshots: number[] = []
  readonly resets: FeedReset[] = []
  readonly statuses: string[] = []
  readonly retries: number[] = []
  /** Answers other than a stream, in order. */
  answers: (Response | 'down')[] = []

  open(options: FeedOptions = {}, target: FeedTarget = { address: 'http://h', room: 'r' }) {
    return openFeed(target, {
      timers: this.timers,
      random: () => 1,
      fetch: async (input, init) => {
        const answer = this.answers.shift()
        if (answer === 'down') throw new TypeError('fetch failed')
        const stream = new FakeStream(input as string, init ?? {})
        this.streams.push(stream)
        return answer ?? stream.response
      },
      onEvent: (event) => this.events.push(event),
      onPatch: ({ n }) => this.patches.push(n),
      onSnapshot: ({ n }) => this.snapshots.push(n),
      onReset: (reset) => this.resets.push(reset),
      onStatus: (status, info) => {
        this.statuses.push(status)
        if (info.retryInMs !== undefined) this.retries.push(info.retryInMs)
      },
      ...options,
    })
  }

  get stream(): FakeStream {
    const stream = this.streams.at(-1)
    if (!stream) throw new Error('No stream was opened')
    return stream
  }

  async snapshot(n: number, seq: number, state: object = {}): Promise<void> {
    await this.stream.event('snapshot', { room: 'r', n, seq, at: 1, state })
    await this.stream.event('caught-up', { seq }, seq)
  }

  async patch(n: number, seq: number, data: object = {}): Promise<void> {
    await this.stream.event('patch', { room: 'r', n, prev: n - 1, at: n, data }, seq)
  }
}
