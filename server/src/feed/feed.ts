import { randomBytes } from 'node:crypto'
import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import type { Logger } from '../process/logger.ts'
import type { ServerLimits } from '../options.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import { END } from '../outbox/contract/store.ts'
import type { LogEvent } from '../outbox/contract/store.ts'
import { networkOf } from '../transport/client-address.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'
import { FeedAccess } from './audience/access.ts'
import type { AuthorizeSpectator } from './audience/access.ts'
import { toFeedEntry } from './read/entry.ts'
import type { FeedEntry } from './read/entry.ts'
import { FeedGroups } from './stream/groups.ts'
import type { FeedAsk, FeedStart } from './stream/ask.ts'
import { FeedPump } from './stream/pump.ts'
import { FeedSource } from './read/source.ts'
import { FeedStarter } from './stream/starter.ts'
import { FeedStream, newPace } from './stream/stream.ts'
import { PageCache } from './pages/page-cache.ts'
import { ReadGate } from './read/read-gate.ts'
import { ReaderLimits } from './audience/reader-limits.ts'
import type { ReaderLimitNumbers } from './audience/reader-limits.ts'
import type { RoomDirectory } from './audience/directory.ts'
import { RoomSpans } from './read/spans.ts'
import { RoomStates } from './read/states.ts'
import { Spectators } from './audience/spectators.ts'
import { SSE_HEADERS, encodeEvent, encodeOpening, joinBytes } from './sse.ts'

export type FeedLimits = ReaderLimitNumbers &
  Pick<ServerLimits, 'heartbeatMs' | 'retryMs' | 'maxBehindMs' | 'feedRingBytes'>

export interface FeedContext {
  readonly outbox: Outbox
  readonly directory: RoomDirectory
  readonly clock: Clock
  readonly limits: FeedLimits
  readonly logger: Logger
  /** The log's time in ms; default the clock's. */
  readonly now?: () => number
  /** 0 (inclusive) to 1; default Math.random. */
  readonly random?: () => number
  /** Default: everybody sees what is not private. */
  readonly authorize?: AuthorizeSpectator
}

/** One request for a stream, its parameters read. */
export interface FeedRequest {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly ask: FeedAsk
  /** null = all public rooms. */
  readonly rooms: readonly string[] | null
  /** The feed of one room, which ends with it. */
  readonly isSingle: boolean
}

export interface FeedStats {
  readonly streams: number
  /** Those of them that are behind or just beginning. */
  readonly streamsApart: number
  readonly ringBytes: number
  readonly deliveredCount: number
  readonly resetCount: number
}

/**
 * Step 8: one tail of the log per process (and per delay), and the streams that follow it. Step 9 is sse.ts.
 */
export class Feed {
  readonly states: RoomStates
  readonly access: FeedAccess
  readonly pages = new PageCache()
  /** What every question to the log goes through. */
  readonly gate = new ReadGate()
  /** Shared with the lobby. */
  readonly readers: ReaderLimits
  /** Who watches what. */
  readonly spectators = new Spectators()
  readonly #context: FeedContext
  readonly #source: FeedSource
  readonly #pump: FeedPump
  readonly #now: () => number
  readonly #random: () => number
  readonly #spans = new RoomSpans()
  readonly #groups: FeedGroups
  readonly #starter: FeedStarter
  readonly #streams = new Set<FeedStream>()
  readonly #stops: (() => void)[] = []
  #isDraining = false

  /** The outbox must have been started: its watermark is where the feed begins. */
  constructor(context: FeedContext) {
    const { outbox, clock, limits, logger } = context
    this.#context = context
    this.#now = context.now ?? (() => clock.now())
    this.#random = context.random ?? Math.random
    this.access = new FeedAccess(context.directory, context.authorize ?? null, logger)
    this.access.begin(outbox.sealed)
    this.states = new RoomStates(outbox, this.gate)
    this.readers = new ReaderLimits(limits, clock)
    this.#source = new FeedSource(outbox, limits.feedRingBytes, this.gate)
    const { heartbeatMs, maxBehindMs } = limits
    this.#pump = new FeedPump({
      source: this.#source,
      clock,
      logger,
      heartbeatMs,
      maxBehindMs,
      onLost: (stream) => this.#starter.restart(stream),
      onRevealed: (stream) => this.#starter.reveal(stream),
    })
    this.#starter = new FeedStarter({
      outbox,
      states: this.states,
      access: this.access,
      spans: this.#spans,
      gate: this.gate,
      pump: this.#pump,
      clock,
      logger,
      now: this.#now,
      retryMs: limits.retryMs,
    })
    this.#groups = new FeedGroups({
      outbox,
      source: this.#source,
      access: this.access,
      pump: this.#pump,
      clock,
      logger,
      now: this.#now,
      streams: this.#streams,
    })
    this.#stops.push(
      outbox.onSealed((...run) => this.#onSealed(...run)),
      context.directory.onChange((room) => this.#groups.onRoomChange(room)),
    )
  }

  get outbox(): Outbox {
    return this.#context.outbox
  }

  get streamCount(): number {
    return this.#streams.size
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  get stats(): FeedStats {
    return {
      streams: this.#streams.size,
      streamsApart: this.#pump.apartCount,
      ringBytes: this.#source.ring.bytes,
      deliveredCount: this.#pump.deliveredCount,
      resetCount: this.#starter.resetCount,
    }
  }

  /** The seq up to which spectators with this delay may see the log now (FE3). */
  async visiblePosition(delayMs: number): Promise<number> {
    const tail = this.#groups.tailOf(delayMs)
    await tail.ready
    tail.advance()
    return tail.position
  }

  /**
   * Opens a stream. The answer is 200 also when there is no room for it, or its address asks too often:
   * EventSource would give up for ever on anything else. 204 tells a reader that has seen the room's end that there is nothing more.
   * @throws RingsideError room_not_found, forbidden.
   */
  async open(given: FeedRequest): Promise<void> {
    const { request, response, ask, isSingle } = given
    const rooms = this.#roomsFor(given)
    const { remoteAddress } = request
    if (!this.readers.mayRead(remoteAddress)) return this.#sendAway(response)
    const { clientId } = ask
    const start = clientId === null ? ask.start : await this.#startOf(clientId, ask.start)
    if (!start) return this.#sendAway(response)
    const isLater = isSingle && start.kind === 'after'
    if (isLater && (await this.#hasEnded(start, given, rooms))) return response.send(204, {}, '')
    if (this.#isDraining || !this.readers.takeStream(remoteAddress)) return this.#sendAway(response)
    const body = response.stream(SSE_HEADERS)
    if (!body) return this.readers.releaseStream(remoteAddress)
    const id = randomBytes(9).toString('base64url')
    const kept = this.access.isPersonal ? request : null
    const follow = { rooms, isSingle, types: ask.types, request: kept, streamId: id }
    const group = this.#groups.enter(follow)
    const stream = new FeedStream(id, body, {
      group,
      request: kept,
      address: networkOf(remoteAddress),
    })
    stream.lastWriteAt = this.#context.clock.now()
    if (ask.speed !== null) stream.pace = newPace(ask.speed)
    this.#admit(stream, remoteAddress)
    await this.#starter.begin(stream, start)
  }

  /**
   * Tells every stream to come back after a time spread at random over `windowMs`, and ends it. Later requests are
   * sent away likewise.
   */
  drain(windowMs: number): void {
    this.#isDraining = true
    this.#pump.pump()
    for (const stream of this.#streams) {
      const retryMs = Math.round(this.#context.limits.retryMs + this.#random() * windowMs)
      if (!stream.isBlocked)
        stream.body.write(
          joinBytes([encodeOpening(retryMs), encodeEvent('going-away', `{"retryMs":${retryMs}}`)]),
        )
      stream.body.end()
    }
  }

  /** Ends everything that is still open and lets go of the log. */
  stop(): void {
    this.#isDraining = true
    for (const stop of this.#stops) stop()
    for (const stream of this.#streams) stream.body.end()
    this.#groups.stop()
    this.#pump.stop()
  }

  #onSealed(events: readonly LogEvent[], sealed: number, after: number): void {
    const entries: FeedEntry[] = []
    for (const event of events) {
      if (event.room !== null) this.access.note(event.room, event.seq, event.type === END)
      if (event.room !== null && event.n === 1) this.#spans.noteNothing(event.room, event.seq - 1)
      const entry = toFeedEntry(event)
      if (entry) entries.push(entry)
    }
    this.#source.ring.push(entries, sealed, after)
    this.#groups.advance()
  }

  /** The rooms that may be watched of those asked for; at least one must be known. */
  #roomsFor(given: FeedRequest): readonly string[] | null {
    if (!given.rooms) return null
    const known = given.rooms.map((id) => this.access.find(id)).filter((room) => room !== null)
    if (known.length === 0) throw new RingsideError('room_not_found')
    const allowed = known.filter((room) => this.access.mayWatch(given.request, room))
    if (allowed.length === 0) throw new RingsideError('forbidden')
    return allowed.map((room) => room.id)
  }

  /** Where the client has read up to (OB19), else `start`; null while the log does not say. */
  async #startOf(clientId: string, start: FeedStart): Promise<FeedStart | null> {
    try {
      const seq = await this.outbox.checkpoints.of(clientId)
      return seq === null ? start : { kind: 'after', seq }
    } catch {
      return null
    }
  }

  async #hasEnded(
    start: FeedStart,
    { request }: FeedRequest,
    rooms: readonly string[] | null,
  ): Promise<boolean> {
    const room = rooms?.[0] === undefined ? null : this.access.find(rooms[0])
    if (!room || room.isLive || start.kind !== 'after' || Number.isNaN(start.seq)) return false
    const { seq } = start
    try {
      const visible = await this.visiblePosition(room.delayMs)
      const view = await this.states.at(room.id, visible, networkOf(request.remoteAddress))
      return view !== null && view.isOver && seq >= view.seq && seq <= visible
    } catch {
      // The log does not answer: the stream says so by `retry` (FE9).
      return false
    }
  }

  #admit(stream: FeedStream, remoteAddress: string): void {
    const { body } = stream
    this.#streams.add(stream)
    this.#pump.add(stream)
    this.spectators.count(stream.group.rooms, 1)
    body.onClose = () => {
      if (!this.#streams.delete(stream)) return
      this.readers.releaseStream(remoteAddress)
      this.#pump.remove(stream)
      this.#groups.leave(stream)
      this.spectators.count(stream.group.rooms, -1)
    }
  }

  /** To come back later. */
  #sendAway(response: HttpResponse): void {
    const body = response.stream(SSE_HEADERS)
    body?.write(encodeOpening(this.#context.limits.retryMs * (1 + this.#random())))
    body?.end()
  }
}
