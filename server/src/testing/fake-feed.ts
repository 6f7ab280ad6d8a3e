import { applyMergePatch } from '@ringside/protocol'
import type {
  EventsOf,
  FeedEvents,
  GameContract,
  Json,
  ResetReason,
  RoomDefinition,
  StateOf,
} from '@ringside/protocol'
import { FEED_PROTOCOL } from '@ringside/protocol'
import { ManualClock } from '../process/clock.ts'
import { createRandom } from '../process/random.ts'
import { toFeedJson } from '../room/output/event-json.ts'
import { compileState, createStateTracker } from '../state/tracker.ts'
import type { StateTracker } from '../state/contract.ts'
import { OpenBody } from './network/open-body.ts'
import { advance, settle, until } from './time.ts'
import type { UntilOptions } from './time.ts'

/** A fake feed is made of these. */
export interface FakeFeedOptions<State> {
  /** The room's first state. */
  readonly state: State
  /** Default `room-1`. */
  readonly room?: string
  /** Default `http://feed.test`. */
  readonly address?: string
  /** The seed of its `options.random`. Default 1. */
  readonly seed?: number
  /** `hello` tells it. Default 2,000. */
  readonly retryMs?: number
}

/** A stream that was asked for. */
export interface FakeFeedRequest {
  readonly url: URL
  readonly headers: Headers
  /** The stream stands: it was answered, and neither end has given it up. */
  readonly isOpen: boolean
}

/** The seams of a feed reader: `openFeed({ address, room }, { ...feed.options, onPatch })`. */
export interface FakeFeedSeams {
  readonly fetch: typeof fetch
  readonly timers: ManualClock
  readonly random: () => number
}

interface Entry {
  readonly type: string
  readonly n: number
  readonly seq: number
  readonly data: Json
  /** The public state after it. */
  readonly state: Json
}

/** A position is no number `n` (as in a real log of many rooms), so that no reader confuses them. */
const SEQ_PER_N = 10

/**
 * The feed of one room without a server, for tests of pages and hooks. The test calls the things that happen in
 * the room, and they go to the streams that stand: the state is recorded and encoded by the server's own code, numbers
 * and positions are its log's. A stream begins as the server would begin it: with a snapshot, or after the position
 * that its request names. Readers take in what was sent at the next `settle`, `advance` or `until`.
 */
export class FakeFeed<
  G extends GameContract = GameContract,
  T extends keyof G['rooms'] & string = keyof G['rooms'] & string,
> {
  readonly room: string
  readonly address: string
  readonly clock = new ManualClock()
  readonly options: FakeFeedSeams
  /** All requests for streams, in order, the refused ones too. */
  readonly requests: FakeFeedRequest[] = []
  readonly #definition: RoomDefinition
  readonly #tracker: StateTracker
  readonly #retryMs: number
  readonly #streams = new Set<FakeStream>()
  readonly #answers = new Map<string, Json>()
  readonly #refusals: (() => Response)[] = []
  readonly #log: Entry[] = []
  #isDown = false
  #hasEnded = false
  #n = 0
  #patchN = 0

  /** @throws RingsideError state_invalid when the state does not fit the contract. */
  constructor(game: G, type: T, options: FakeFeedOptions<StateOf<G['rooms'][T]>>) {
    const {
      state,
      room = 'room-1',
      address = 'http://feed.test',
      seed = 1,
      retryMs = 2_000,
    } = options
    this.room = room
    this.address = address
    this.#retryMs = retryMs
    this.#definition = game.rooms[type] as RoomDefinition
    this.#tracker = createStateTracker(compileState(this.#definition.state), state as never)
    const random = createRandom(`${seed} feed`)
    this.options = {
      fetch: (input, init) => this.#answer(input, init),
      timers: this.clock,
      random: () => random.next(),
    }
    // The log begins as a room's does, with its whole state.
    this.#add('patch', { prev: 0, data: JSON.parse(this.#tracker.fullLog().data) as Json })
  }

  /** Position of the newest event. */
  get seq(): number {
    return this.#n * SEQ_PER_N
  }

  /** The request for the newest stream. @throws Error when none was made. */
  get request(): FakeFeedRequest {
    const request = this.requests.at(-1)
    if (!request) throw new Error('Expected a request for a stream')
    return request
  }

  /** The state, to be changed as in a room; `patch` sends the changes. */
  get state(): StateOf<G['rooms'][T]> {
    return this.#tracker.state as StateOf<G['rooms'][T]>
  }

  /** Changes the state and sends the changes; nothing when there are none. */
  patch(change: (state: StateOf<G['rooms'][T]>) => void = () => {}): void {
    change(this.state)
    this.#tracker.flushPlayers({ epoch: 1, tick: this.#n, at: this.clock.now() })
    const patch = this.#tracker.flushLog()
    if (patch) this.#add('patch', { prev: this.#patchN, data: JSON.parse(patch.data) as Json })
  }

  /** Sends an event of the game, after what has changed in the state: as in a room's log. @throws TypeError for a name that the contract does not have. */
  emit<N extends keyof EventsOf<G['rooms'][T]> & string>(
    name: N,
    payload: EventsOf<G['rooms'][T]>[N],
  ): void {
    const schema = this.#definition.events?.[name]?.payload
    if (!schema) throw new TypeError(`Expected an event of the contract, got '${name}'`)
    this.patch()
    this.#add(name, { data: toFeedJson(schema, payload) })
  }

  joined(sessionId: string, name: string): void {
    this.patch()
    this.#add('joined', { data: { sessionId, name } })
  }

  left(sessionId: string, name: string): void {
    this.patch()
    this.#add('left', { data: { sessionId, name } })
  }

  /** The room is over: streams end, and a reader that asks again after the end gets 204. */
  end(): void {
    this.patch()
    this.#add('end', {})
    this.#hasEnded = true
    this.finish()
  }

  /** Events happen that no stream shows: a reader that counts finds a gap at the next one. */
  skip(count = 1): void {
    this.#n += count
  }

  /** Tells the streams to start over, and sends the snapshot that follows. */
  reset(reason: ResetReason): void {
    for (const stream of this.#streams) {
      stream.event('reset', { reason, from: this.seq, to: this.seq })
      this.#snapshot(stream, this.#newest)
    }
  }

  /** Tells the streams that the server will close; `finish` ends them. */
  goingAway(retryMs: number): void {
    this.#toAll((stream) => stream.event('going-away', { retryMs }))
  }

  /** Sends the comment that keeps a quiet stream alive. */
  heartbeat(): void {
    this.write(': hb\n\n')
  }

  /** Sends text as it is, well-formed or not. */
  write(text: string): void {
    this.#toAll((stream) => stream.write(text))
  }

  /** The network breaks under the streams. */
  cut(): void {
    this.#toAll((stream) => stream.body.fail(new TypeError('terminated')))
    this.#streams.clear()
  }

  /** The server ends the streams. */
  finish(): void {
    this.#toAll((stream) => stream.body.end())
    this.#streams.clear()
  }

  /**
   * The next request for a stream is answered with this status, as the server's errors are; more calls, more
   * requests.
   */
  refuse(
    status: number,
    code = 'unavailable',
    headers: Readonly<Record<string, string>> = {},
  ): void {
    this.#refusals.push(() =>
      status === 204
        ? new Response(null, { status })
        : Response.json({ error: { code, message: code } }, { status, headers }),
    )
  }

  /** Lets no request reach anything, until it is back. Streams that stand are not touched; see `cut`. */
  setDown(isDown: boolean): void {
    this.#isDown = isDown
  }

  /** Sets the answer to a GET of another path (`/rooms`); 404 for those that are not set. */
  answer(path: string, json: Json): void {
    this.#answers.set(path, json)
  }

  /** Moves time by so many ms; see `advance` of a test server. */
  advance(ms: number): Promise<void> {
    return advance(this.clock, ms)
  }

  /** Lets readers take in the events that were sent. */
  settle(): Promise<void> {
    return settle()
  }

  /** Moves time until the condition gives something truthy. @throws Error that says what was waited for. */
  until<R>(condition: () => R, options?: UntilOptions): Promise<R> {
    return until(this.clock, condition, options)
  }

  get #newest(): Entry {
    return this.#log.at(-1) as Entry
  }

  #add(type: string, rest: { readonly [key: string]: Json }): void {
    const before = this.#log.at(-1)?.state ?? {}
    const n = ++this.#n
    const isPatch = type === 'patch'
    if (isPatch) this.#patchN = n
    const data: Json = { room: this.room, n, at: this.clock.now(), ...rest }
    const state = isPatch ? applyMergePatch(structuredClone(before), rest['data'] as Json) : before
    const entry: Entry = { type, n, seq: this.seq, data, state }
    this.#log.push(entry)
    this.#toAll((stream) => stream.event(type, data, entry.seq))
  }

  #toAll(send: (stream: FakeStream) => void): void {
    for (const stream of this.#streams) send(stream)
  }

  async #answer(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    if (typeof input !== 'string' && !(input instanceof URL))
      throw new TypeError('Expected an address as text or URL')
    if (init.signal?.aborted) throw init.signal.reason
    const url = new URL(input, this.address)
    if (url.pathname !== `/rooms/${this.room}/feed`) return this.#page(url.pathname)
    const headers = new Headers(init.headers ?? {})
    const stream = new FakeStream(url, headers, init.signal ?? null)
    this.requests.push(stream)
    if (this.#isDown) throw new TypeError('fetch failed')
    const refusal = this.#refusals.shift()
    if (refusal) return refusal()
    const after = headers.get('last-event-id') ?? url.searchParams.get('checkpoint')
    if (this.#hasEnded && after !== null && Number(after) >= this.seq)
      return new Response(null, { status: 204 })
    this.#begin(stream, after === null ? null : Number(after))
    return new Response(stream.body.stream, { headers: { 'content-type': 'text/event-stream' } })
  }

  #page(path: string): Response {
    if (this.#isDown) throw new TypeError('fetch failed')
    const json = this.#answers.get(path)
    return json === undefined
      ? Response.json({ error: { code: 'not_found', message: 'Not found' } }, { status: 404 })
      : Response.json(json)
  }

  /** Sends as the server does: after a position the events that followed it, else a snapshot and those after that. */
  #begin(stream: FakeStream, after: number | null): void {
    stream.isOpen = true
    this.#streams.add(stream)
    stream.onGone = () => this.#streams.delete(stream)
    const hello: FeedEvents['hello'] = {
      streamId: `stream-${this.requests.length}`,
      rooms: [this.room],
      delayMs: 0,
      retryMs: this.#retryMs,
      protocol: FEED_PROTOCOL,
    }
    stream.event('hello', { ...hello })
    const from = stream.url.searchParams.get('from') ?? 'live'
    let position = after ?? 0
    if (after === null && from !== 'start') {
      const first = this.#firstFor(from)
      stream.event('snapshot', this.#snapshotOf(first))
      position = first.seq
    }
    for (const { type, data, seq } of this.#log) if (seq > position) stream.event(type, data, seq)
    stream.event('caught-up', { seq: this.seq }, this.seq)
    if (!this.#hasEnded) return
    stream.body.end()
    this.#streams.delete(stream)
  }

  /** Finds the beginning of a stream without a position: `live`, `<seq>` or `-<seconds>s`. */
  #firstFor(from: string): Entry {
    const [, seconds] = /^-(\d+)s$/.exec(from) ?? []
    const isBefore = ({ seq, data }: Entry): boolean =>
      seconds === undefined
        ? seq <= Number(from)
        : (data as { at: number }).at <= this.clock.now() - Number(seconds) * 1_000
    const known = from === 'live' ? this.#log : this.#log.filter(isBefore)
    return known.at(-1) ?? (this.#log[0] as Entry)
  }

  #snapshot(stream: FakeStream, entry: Entry): void {
    stream.event('snapshot', this.#snapshotOf(entry))
    stream.event('caught-up', { seq: entry.seq }, entry.seq)
  }

  #snapshotOf({ n, seq, data, state }: Entry): Json {
    return { room: this.room, n, seq, at: (data as { at: number }).at, state }
  }
}

/** One stream, from its request to its end. */
class FakeStream implements FakeFeedRequest {
  readonly url: URL
  readonly headers: Headers
  readonly body = new OpenBody()
  isOpen = false
  onGone: () => void = () => {}

  constructor(url: URL, headers: Headers, signal: AbortSignal | null) {
    this.url = url
    this.headers = headers
    this.body.onCancel = () => this.#gone()
    this.body.onOver = () => {
      this.isOpen = false
    }
    const abort = (): void => {
      this.body.fail(signal?.reason)
      this.#gone()
    }
    signal?.addEventListener('abort', abort, { once: true })
  }

  write(text: string): void {
    this.body.push(new TextEncoder().encode(text))
  }

  event(type: string, data: Json, seq?: number): void {
    const id = seq === undefined ? '' : `id: ${seq}\n`
    this.write(`${id}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  #gone(): void {
    this.isOpen = false
    this.onGone()
  }
}
