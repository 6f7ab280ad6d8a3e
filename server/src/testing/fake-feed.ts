import type {
  ErrorCode,
  EventsOf,
  FeedEvents,
  GameContract,
  Json,
  ResetReason,
  RoomDefinition,
  StateOf,
} from '@ringside/protocol'
import { FEED_PROTOCOL, errorCodes, isErrorCode } from '@ringside/protocol'
import type { TypeFilter } from '../feed/audience/type-filter.ts'
import {
  FEED_ENDED,
  HEARTBEAT,
  SSE_HEADERS,
  encodeEvent,
  encodeId,
  encodeOpening,
} from '../feed/sse.ts'
import { parseFollowAsk } from '../feed/audience/wish.ts'
import { parseFeedAsk } from '../feed/stream/ask.ts'
import type { FeedStart, Position } from '../feed/stream/ask.ts'
import { ManualClock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import { createRandom } from '../process/random.ts'
import { FakeRoom, entryId } from './fake-room.ts'
import type { FakeEntry } from './fake-room.ts'
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
  /** `hello` and the stream's `retry` tell it. Default 2,000. */
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

/** A position is no number `n` (as in a real log of many rooms), so that no reader confuses them. */
const SEQ_PER_EVENT = 10

/**
 * The feed without a server, for tests of pages and hooks: of one room, and of more when they are added. The test
 * calls the things that happen in a room, and they go to the streams that stand: the state is recorded and encoded by the
 * server's own code, numbers and positions are its log's. A stream begins as the server would begin it: with
 * snapshots, or after the position that its request names. Readers take in what was sent at the next `settle`,
 * `advance` or `until`.
 */
export class FakeFeed<
  G extends GameContract = GameContract,
  T extends keyof G['rooms'] & string = keyof G['rooms'] & string,
> {
  /** The id of the room that it began with. */
  readonly room: string
  readonly address: string
  readonly clock = new ManualClock()
  readonly options: FakeFeedSeams
  /** All requests for streams, in order, the refused ones too. */
  readonly requests: FakeFeedRequest[] = []
  readonly #game: G
  readonly #first: FakeRoom<G['rooms'][T]>
  readonly #rooms = new Map<string, FakeRoom>()
  readonly #retryMs: number
  readonly #streams = new Set<FakeStream>()
  readonly #answers = new Map<string, Json>()
  readonly #refusals: (() => Response)[] = []
  #isDown = false
  #seq = 0

  /** @throws RingsideError state_invalid when the state does not fit the contract. */
  constructor(game: G, type: T, options: FakeFeedOptions<StateOf<G['rooms'][T]>>) {
    const { room = 'room-1', address = 'http://feed.test', seed = 1, retryMs = 2_000 } = options
    this.room = room
    this.address = address
    this.#game = game
    this.#retryMs = retryMs
    const random = createRandom(`${seed} feed`)
    this.options = {
      fetch: (input, init) => this.#answer(input, init),
      timers: this.clock,
      random: () => random.next(),
    }
    this.#first = this.addRoom(type, { room, state: options.state })
  }

  /** The id of the newest event of the room that it began with, in the feed of that room alone. */
  get lastId(): string {
    return this.#first.lastId
  }

  /** The request for the newest stream. @throws Error when none was made. */
  get request(): FakeFeedRequest {
    const request = this.requests.at(-1)
    if (!request) throw new Error('Expected a request for a stream')
    return request
  }

  /**
   * One more room begins; streams of all rooms (`/feed`) show it from there on.
   * @throws RingsideError state_invalid when the state does not fit the contract.
   */
  addRoom<N extends keyof G['rooms'] & string>(
    type: N,
    { room: id, state }: { readonly room: string; readonly state: StateOf<G['rooms'][N]> },
  ): FakeRoom<G['rooms'][N]> {
    const room = new FakeRoom<G['rooms'][N]>({
      id,
      definition: this.#game.rooms[type] as RoomDefinition,
      state,
      now: () => this.clock.now(),
      nextSeq: (count) => (this.#seq += count * SEQ_PER_EVENT),
      publish: (entry) => this.#publish(entry),
    })
    this.#rooms.set(id, room)
    return room
  }

  /** The state of the first room, to be changed as in a room; `patch` sends the changes. */
  get state(): StateOf<G['rooms'][T]> {
    return this.#first.state
  }

  /** Does as {@link FakeRoom} for the first room, as everything down to `skip`. */
  patch(change?: (state: StateOf<G['rooms'][T]>) => void): void {
    this.#first.patch(change)
  }

  emit<N extends keyof EventsOf<G['rooms'][T]> & string>(
    name: N,
    payload: EventsOf<G['rooms'][T]>[N],
  ): void {
    this.#first.emit(name, payload)
  }

  joined(sessionId: string, name: string): void {
    this.#first.joined(sessionId, name)
  }

  left(sessionId: string, name: string): void {
    this.#first.left(sessionId, name)
  }

  end(): void {
    this.#first.end()
  }

  expire(): void {
    this.#first.expire()
  }

  skip(count?: number): void {
    this.#first.skip(count)
  }

  /** Tells the streams to start over, and sends the snapshots that follow. */
  reset(reason: ResetReason): void {
    this.#toAll((stream) => {
      const rooms = this.#roomsOf(stream)
      const n = stream.isSingle ? rooms[0]?.log.at(-1)?.n : undefined
      stream.reset(reason, n === undefined ? {} : { from: n, to: n })
      for (const room of rooms) stream.snapshot(room.log.at(-1))
      this.#catchUp(stream, rooms)
    })
  }

  #catchUp(stream: FakeStream, [room]: readonly FakeRoom[]): void {
    stream.event('caught-up', {}, stream.isSingle ? room?.lastId : tokenOf(this.#seq))
  }

  /** Tells the streams that the server will close; `finish` ends them. */
  goingAway(retryMs: number): void {
    this.#toAll((stream) => stream.event('going-away', { retryMs }))
  }

  /** Sends the comment that keeps a quiet stream alive. */
  heartbeat(): void {
    this.#toAll((stream) => stream.body.push(HEARTBEAT))
  }

  /** Sends text as it is, well-formed or not. */
  write(text: string): void {
    this.#toAll((stream) => stream.body.push(new TextEncoder().encode(text)))
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
   * The next request for a stream is answered with this status, as the server's errors are, with a code of the table
   * that has it; more calls, more requests.
   */
  refuse(
    status: number,
    code: string = codeOf(status),
    headers: Readonly<Record<string, string>> = {},
  ): void {
    this.#refusals.push(() =>
      status === 204
        ? new Response(null, { status, headers: { ...FEED_ENDED, ...headers } })
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

  #publish(entry: FakeEntry): void {
    for (const stream of this.#streams) {
      if (!stream.follows(entry.room)) continue
      stream.entry(entry)
      if (entry.type === 'end' && stream.isSingle) this.#finish(stream)
    }
  }

  #finish(stream: FakeStream): void {
    stream.body.end()
    this.#streams.delete(stream)
  }

  #toAll(send: (stream: FakeStream) => void): void {
    for (const stream of this.#streams) send(stream)
  }

  /** Gives the rooms of a stream in the order in which they began; of all rooms it gives those that live. */
  #roomsOf({ rooms }: FakeStream): FakeRoom[] {
    const all = [...this.#rooms.values()]
    return all.filter((room) => (rooms ? rooms.has(room.id) : !room.hasEnded))
  }

  async #answer(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    if (typeof input !== 'string' && !(input instanceof URL))
      throw new TypeError('Expected an address as text or URL')
    if (init.signal?.aborted) throw init.signal.reason
    const url = new URL(input, this.address)
    const [, single] = /^\/rooms\/([^/]+)\/feed$/.exec(url.pathname) ?? []
    if (single === undefined && url.pathname !== '/feed') return this.#page(url.pathname)
    const headers = new Headers(init.headers ?? {})
    const stream = new FakeStream(url, headers, init.signal ?? null)
    this.requests.push(stream)
    if (this.#isDown) throw new TypeError('fetch failed')
    const refusal = this.#refusals.shift()
    if (refusal) return refusal()
    try {
      stream.ask(single === undefined ? null : decodeURIComponent(single))
    } catch (error) {
      return refusalOf(error)
    }
    for (const id of stream.rooms ?? [])
      if (!this.#rooms.has(id)) return refusalOf(new RingsideError('room_not_found'))
    const [room] = this.#roomsOf(stream)
    if (stream.isSingle && room?.hasEnded && stream.isAfter(room.log.at(-1)))
      return new Response(null, { status: 204, headers: FEED_ENDED })
    this.#begin(stream)
    return new Response(stream.body.stream, { headers: SSE_HEADERS })
  }

  #page(path: string): Response {
    if (this.#isDown) throw new TypeError('fetch failed')
    const json = this.#answers.get(path)
    return json === undefined ? refusalOf(new RingsideError('not_found')) : Response.json(json)
  }

  /** Sends as the server does: after a position the events that followed it, else snapshots and those after them. */
  #begin(stream: FakeStream): void {
    stream.isOpen = true
    this.#streams.add(stream)
    stream.onGone = () => this.#streams.delete(stream)
    const retryMs = this.#retryMs
    const hello: FeedEvents['hello'] = {
      streamId: `stream-${this.requests.length}`,
      rooms: stream.rooms ? [...stream.rooms] : ['*'],
      delayMs: 0,
      retryMs,
      protocol: FEED_PROTOCOL,
    }
    stream.body.push(encodeOpening(retryMs))
    stream.event('hello', { ...hello })
    const rooms = this.#roomsOf(stream)
    const { start } = stream
    const [over] = stream.isSingle ? rooms.filter(({ hasEnded }) => hasEnded) : []
    if (over?.isGone) return this.#tellEnd(stream, over)
    const kept = rooms.filter(({ isGone }) => !isGone)
    const log = kept.flatMap((room) => room.log).sort((one, two) => one.seq - two.seq)
    const asked = 'position' in start ? seqOf(start.position, log) : null
    const isUnknown = 'position' in start && (asked === null || asked > this.#seq)
    const position = isUnknown ? this.#seq : (asked ?? this.#beginOf(start, log))
    if (isUnknown) {
      const [room] = rooms
      const to = stream.isSingle ? (room?.log.at(-1)?.n ?? 0) : undefined
      stream.reset('unknown-checkpoint', to === undefined ? {} : { ...fromOf(start), to })
    }
    const isLive = isUnknown || start.kind === 'live'
    // Of a room that is over the end is shown at least.
    const first = over ? Math.min(position, (over.log.at(-1)?.seq ?? 0) - 1) : position
    if (isUnknown || (start.kind !== 'start' && start.kind !== 'after'))
      for (const room of rooms) this.#show(stream, room, first)
    if (over && isLive) this.#catchUp(stream, rooms)
    for (const entry of log) if (entry.seq > first) stream.entry(entry)
    if (over) this.#finish(stream)
    else this.#catchUp(stream, rooms)
  }

  /** A room that is over by then is one more of a feed of many: who named it is told so. */
  #show(stream: FakeStream, room: FakeRoom, position: number): void {
    const last = room.log.findLast(({ seq }) => seq <= position)
    if (last?.type !== 'end') return stream.snapshot(last)
    const { n, at } = last
    if (stream.rooms) stream.event('end', { room: room.id, n, at })
  }

  /** The room has left the log. */
  #tellEnd(stream: FakeStream, room: FakeRoom): void {
    const end = room.log.at(-1)
    const { start } = stream
    const isPast = start.kind === 'from' || start.kind === 'after'
    if (isPast) stream.reset('retention', { ...fromOf(start), to: end?.n ?? 0 })
    if (end) stream.entry(end)
    this.#finish(stream)
  }

  /** A stream shows the events after this number, if it names no position. */
  #beginOf(start: FeedStart, log: readonly FakeEntry[]): number {
    if (start.kind === 'start') return 0
    if (start.kind !== 'ago') return this.#seq
    const isBefore = ({ at }: FakeEntry): boolean => at <= this.clock.now() - start.ms
    return (log.findLast(isBefore) ?? log[0])?.seq ?? this.#seq
  }
}

/** What follows it in a position of many rooms is the number, here not even sealed: to a reader it is opaque. */
const TOKEN = 'position-of-a-fake-feed-of-many-rooms-'

function tokenOf(seq: number): string {
  return `${TOKEN}${seq}`
}

/** The number behind a position; null for one that the log never had. */
function seqOf(position: Position, log: readonly FakeEntry[]): number | null {
  if (position.kind === 'token' && position.text.startsWith(TOKEN))
    return Number(position.text.slice(TOKEN.length))
  if (position.kind !== 'place') return null
  const { n } = position.place
  return n === 0 ? 0 : (log.find((entry) => entry.n === n)?.seq ?? null)
}

function fromOf(start: FeedStart): { from?: number } {
  const isPlace = 'position' in start && start.position.kind === 'place'
  return isPlace ? { from: start.position.place.n } : {}
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'room_not_found',
  405: 'method_not_allowed',
  410: 'past_retention',
  429: 'too_many_requests',
  500: 'internal',
}

function codeOf(status: number): ErrorCode {
  return CODES[status] ?? 'unavailable'
}

function refusalOf(error: unknown): Response {
  if (!(error instanceof RingsideError && isErrorCode(error.code))) throw error
  const { code, message } = error
  const { status } = errorCodes[code]
  return Response.json({ error: { code, message } }, { status })
}

/** One stream, from its request to its end. */
class FakeStream implements FakeFeedRequest {
  readonly url: URL
  readonly headers: Headers
  readonly body = new OpenBody()
  isOpen = false
  isSingle = false
  /** Null for all rooms. */
  rooms: ReadonlySet<string> | null = null
  start: FeedStart = { kind: 'live' }
  onGone: () => void = () => {}
  #filter: TypeFilter | null = null

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

  /** Reads its request as the server does. @throws RingsideError bad_request. */
  ask(single: string | null): void {
    const { searchParams: query } = this.url
    const ask = parseFeedAsk(
      { query, header: (name) => this.headers.get(name) ?? '' },
      single !== null,
    )
    const follow = parseFollowAsk(query)
    const rooms = single === null ? follow.rooms : [single]
    this.isSingle = single !== null
    this.rooms = rooms && new Set(rooms)
    this.start = ask.start
    this.#filter = follow.types
  }

  follows(room: string): boolean {
    return this.rooms === null || this.rooms.has(room)
  }

  /** True for a reader that has seen this event of its only room, the last one. */
  isAfter(last: FakeEntry | undefined): boolean {
    const { start } = this
    if (start.kind !== 'after' || start.position.kind !== 'place') return false
    return start.position.place.n === last?.n
  }

  /** Sends an event of the log; one that is filtered moves the position alone. */
  entry(entry: FakeEntry): void {
    const { type, data, seq } = entry
    const id = this.isSingle ? entryId(entry) : tokenOf(seq)
    if (this.#filter && !this.#filter.allows(type)) this.body.push(encodeId(id))
    else this.event(type, data, id)
  }

  snapshot(entry: FakeEntry | undefined): void {
    if (!entry) return
    const { room, n, at, state } = entry
    this.event('snapshot', { room, n, at, state })
  }

  reset(reason: ResetReason, numbers: { readonly from?: number; readonly to?: number }): void {
    const [room] = this.rooms ?? []
    this.event('reset', { reason, ...(this.isSingle ? { room: room ?? '' } : {}), ...numbers })
  }

  event(type: string, data: Json, id?: string): void {
    this.body.push(encodeEvent(type, JSON.stringify(data), id))
  }

  #gone(): void {
    this.isOpen = false
    this.onGone()
  }
}
