import type { Clock } from '../process/clock.ts'
import { RingsideError, TooManyRequests } from '../process/errors.ts'
import { spreadRetryMs } from '../process/spread.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import type { LogEvent } from '../outbox/contract/store.ts'
import { networkOf } from '../transport/client-address.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'
import type { Asking, FeedAccess } from './audience/access.ts'
import type { ClientClaims } from './audience/client-claims.ts'
import { ROOM_ID } from './audience/directory.ts'
import type { RoomDirectory } from './audience/directory.ts'
import type { ReaderLimits, ReaderPlace } from './audience/reader-limits.ts'
import { Selection } from './audience/selection.ts'
import type { Spectators } from './audience/spectators.ts'
import { NO_TOPICS } from './audience/topic-filter.ts'
import type { FollowAsk } from './audience/wish.ts'
import type { WhoIndex } from './audience/who-index.ts'
import { toFeedEntry } from './read/entry.ts'
import type { FeedEntry } from './read/entry.ts'
import { splitId } from './position/bound-suffix.ts'
import { parseRoomId } from './position/room-id.ts'
import type { SealedPositions } from './position/sealed-positions.ts'
import type { Places } from './read/places.ts'
import { isEndPlace } from './read/room-end.ts'
import type { RoomSeeker } from './read/room-seeker.ts'
import type { FeedSource } from './read/source.ts'
import type { States } from './read/states.ts'
import type { FeedTails } from './read/tail.ts'
import { FEED_ENDED } from './sse.ts'
import { isUsedUp } from './stream/ask.ts'
import type { FeedAsk, FeedStart } from './stream/ask.ts'
import { Bound } from './stream/bound.ts'
import type { FeedFormat } from './stream/format.ts'
import type { FeedGroups } from './stream/groups.ts'
import { Pace } from './stream/pace.ts'
import type { FeedPump } from './stream/pump.ts'
import type { FeedStarter } from './stream/starter.ts'
import { unknownNotes } from './stream/seekers.ts'
import type { Found, Seekers } from './stream/seekers.ts'
import { FeedStream } from './stream/stream.ts'
import type { StreamClient } from './stream/stream.ts'
import type { StreamTable } from './stream/stream-table.ts'

export interface FeedContext {
  readonly outbox: Outbox
  readonly directory: RoomDirectory
  readonly clock: Clock
  readonly retryMs: number
  /** 0 (inclusive) to 1. */
  readonly random: () => number
  /** Makes the id of a stream, which may be known to others. */
  readonly newId: () => string
  /** Makes its key, which nobody can guess. */
  readonly newKey: () => string
  readonly access: FeedAccess
  readonly seeker: RoomSeeker
  readonly readers: ReaderLimits
  readonly spectators: Spectators
  readonly source: FeedSource
  readonly states: States
  readonly places: Places
  readonly positions: SealedPositions
  readonly tails: FeedTails
  readonly streams: StreamTable
  readonly claims: ClientClaims
  readonly seekers: Seekers
  readonly pump: FeedPump
  readonly starter: FeedStarter
  readonly groups: FeedGroups
  readonly who: WhoIndex
}

/** One request for a stream, its parameters read. */
export interface FeedRequest {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly ask: FeedAsk
  readonly follow: FollowAsk
  readonly format: FeedFormat
  /** The feed of this room alone, which ends with it; null for a feed of what `follow` names. */
  readonly room: string | null
}

export interface FeedStats {
  readonly streams: number
  /** So many of them are behind or just beginning. */
  readonly streamsApart: number
  readonly ringBytes: number
  readonly deliveredCount: number
  readonly resetCount: number
}

/**
 * Step 8. The feed opens and ends the streams that follow the log, and hands sealed events to the
 * ring and the tails. Step 9, their text, is sse.ts.
 */
export class Feed {
  readonly #context: FeedContext
  readonly #streams: StreamTable
  /** Feeds of one room that wait for it, with where they begin. */
  readonly #waiting = new Map<FeedStream, FeedStart>()
  readonly #stops: (() => void)[]
  #isDraining = false
  #lastNumber = 0

  constructor(context: FeedContext) {
    this.#context = context
    const { outbox, directory, access, streams } = context
    this.#streams = streams
    access.begin(outbox.sealed)
    this.#stops = [
      outbox.onSealed((...run) => this.#onSealed(...run)),
      directory.onChange((room) => this.onRoomChange(room)),
      outbox.onHalted(() => this.#end()),
    ]
  }

  /** A room was added, changed or forgotten, or the log says at `seq` that others may see it. */
  onRoomChange(room: string, seq?: number): void {
    const { groups, seekers } = this.#context
    const change = groups.onRoomChange(room, seq)
    seekers.onRoomChange(room, change === 'revealed')
  }

  get streamCount(): number {
    return this.#streams.size
  }

  get stats(): FeedStats {
    const { pump, source, starter } = this.#context
    return {
      streams: this.#streams.size,
      streamsApart: pump.apartCount,
      ringBytes: source.ring.bytes,
      deliveredCount: pump.deliveredCount,
      resetCount: starter.resetCount,
    }
  }

  /**
   * Opens a stream. An event stream is answered 200 also when there is no room for it, or its address asks too
   * often: EventSource would give up for ever on anything else. 204 tells a reader that has seen
   * the room's end that there is nothing more.
   * @throws RingsideError room_not_found, forbidden, unauthorized, bad_request; for lines also too_many_requests,
   * unavailable, draining.
   */
  async open(given: FeedRequest): Promise<void> {
    const { access } = this.#context
    const asking = access.asking(given.request)
    await this.#open(given, asking instanceof Promise ? await asking : asking)
  }

  async #open(given: FeedRequest, asking: Asking): Promise<void> {
    const { request, response, ask, follow, room, format } = given
    const { readers, groups, seekers, clock, newId, newKey } = this.#context
    const { remoteAddress } = request
    const mayRead = readers.mayRead(remoteAddress) && readers.mayReadAs(asking.principal)
    if (!mayRead) return this.#sendAway(given, 'too_many_requests')
    // A room that is over may be forgotten here: rooms that live are there at once.
    const asked = room === null ? (follow.rooms ?? []) : [room]
    if (!this.#areHere(asked) && !(await this.#seek(asked, remoteAddress)))
      return this.#sendAway(given, 'unavailable')
    const found = this.#find(given, asking)
    const { clientId, feedName } = follow
    const client = clientId === null ? null : { clientId, feedName }
    const start = client ? await this.#startOf(client, ask.start, asking) : ask.start
    if (!start) return this.#sendAway(given, 'unavailable')
    if (isUsedUp({ start, bound: ask.bound })) return response.send(204, FEED_ENDED, '')
    const isLater = room !== null && start.kind === 'after'
    if (isLater && (await this.#hasEnded(start, room))) return response.send(204, FEED_ENDED, '')
    if (this.#isDraining) return this.#sendAway(given, 'draining')
    const reader = { remoteAddress, principal: asking.principal }
    const isRefused = readers.takeStream(reader)
    if (isRefused) return this.#sendAway(given, isRefused)
    const body = response.stream(format.headers)
    if (!body) return readers.releaseStream(reader)
    const id = newId()
    const { waitMs } = follow
    const bound = ask.bound && new Bound(ask.bound, clock)
    const { selection } = found
    const stream = new FeedStream(id, body, {
      group: groups.enter({ selection, asking, streamId: id, format, bound }),
      number: ++this.#lastNumber,
      key: newKey(),
      asking,
      wish: follow,
      client,
      address: networkOf(remoteAddress),
      pace: ask.speed === null ? null : new Pace(ask.speed),
      now: clock.now(),
    })
    this.#admit(stream, reader)
    seekers.add(stream, found, waitMs)
    await this.#begin(stream, start, found)
  }

  /** The feed of one room that is waited for begins when that comes. */
  async #begin(stream: FeedStream, start: FeedStart, found: Found): Promise<void> {
    const { starter } = this.#context
    const { isSingle, isEmpty } = stream.group.selection
    const waitMs = this.#context.seekers.waitMsOf(stream)
    const { unknown, aliases } = found
    const greeting = { aliases, notes: unknownNotes(unknown, waitMs).values() }
    if (!isSingle || !isEmpty) return starter.begin(stream, start, greeting)
    this.#waiting.set(stream, start)
    await starter.greet(stream, greeting)
    // The room may have come while that was written.
    this.arrived(stream)
  }

  /** The one room of a stream that waits has come. */
  arrived(stream: FeedStream): void {
    const start = this.#waiting.get(stream)
    const { selection } = stream.group
    if (!start || selection.isEmpty) return
    this.#waiting.delete(stream)
    void this.#context.starter.start(stream, start)
  }

  /**
   * Says up to which seq a reader of the stream has read whose last id is `id`; null for an id that no reader of it can
   * have been shown.
   * @throws RingsideError too_many_requests, or whatever the log fails with.
   */
  async positionOf(id: string, { group, address }: FeedStream): Promise<number | null> {
    const { places, positions, outbox } = this.#context
    const { readRoom, tail, isSingle } = group
    const { position } = splitId(id)
    if (isSingle && readRoom !== undefined) {
      const place = parseRoomId(position)
      if (!place) return null
      const question = { room: readRoom, place, visible: tail.position, who: address }
      const found = await places.find(question)
      return found.kind === 'at' ? found.seq : null
    }
    const token = positions.open(position)
    if (!token || !positions.isOfThisHistory(token) || outbox.isVoid(token.seq)) return null
    return token.seq <= tail.position ? token.seq : null
  }

  /**
   * Tells every stream to come back after a time spread at random over `windowMs`, and ends it.
   * Later requests are sent away likewise.
   */
  drain(windowMs: number): void {
    this.#isDraining = true
    const { pump, retryMs: baseMs, random } = this.#context
    pump.pump()
    for (const stream of this.#streams) {
      const retryMs = spreadRetryMs(baseMs, windowMs, random)
      if (!stream.apart?.full) stream.body.write(stream.group.format.goingAway(retryMs))
      stream.body.end()
    }
  }

  /** What is due to them is of a log that is no more (OB101): streams end as they are, and later ones are sent away. */
  #end(): void {
    this.#isDraining = true
    for (const stream of this.#streams) stream.body.end()
  }

  /** Ends everything that is still open and lets go of the log. */
  stop(): void {
    const { tails, pump, seekers, who } = this.#context
    for (const stop of this.#stops) stop()
    seekers.stop()
    this.#end()
    tails.stop()
    pump.stop()
    who.stop()
  }

  #onSealed(events: readonly LogEvent[], sealed: number, after: number): void {
    const { access, states, source, tails, seekers, pump } = this.#context
    const entries: FeedEntry[] = []
    for (const event of events) {
      // Before anybody is shown what follows it.
      if (event.room !== null && access.noteWho(event)) this.onRoomChange(event.room, event.seq)
      access.note(event)
      if (event.room !== null && event.n === 1) states.noteNothing(event.room, event.seq - 1)
      const entry = toFeedEntry(event)
      if (entry) entries.push(entry)
    }
    source.ring.push(entries, sealed, after)
    // The log seals in turns of its own, never within a request's handler, so nothing need wait for another.
    pump.flushing(() => tails.advance())
    for (const { room } of events) if (room !== null) seekers.onSealed(room)
  }

  #areHere(rooms: readonly string[]): boolean {
    return rooms.every((id) => this.#context.access.find(id)?.isLive === true)
  }

  /** Looks for rooms in their records and in the archive; false while the log does not say. */
  async #seek(rooms: readonly string[], remoteAddress: string): Promise<boolean> {
    try {
      for (const id of rooms) await this.#context.seeker.find(id, networkOf(remoteAddress))
      return true
    } catch {
      return false
    }
  }

  /** Finds what there is of what was asked for: something must be, or may come. */
  #find({ room, follow }: FeedRequest, asking: Asking): Found {
    const { seekers, access } = this.#context
    const { waitMs, types, clientId, rooms, aliases, topics } = follow
    if (room === null) {
      const found = seekers.find(follow, { asking, client: clientId })
      const isNamed = rooms !== null && rooms.length > 0 && aliases.length === 0
      const isAll = isNamed && topics === null && clientId === null && waitMs === 0
      if (isAll && found.unknown.length === rooms.length) throw this.#refusalOf(rooms)
      return found
    }
    const facts = access.find(room)
    const isThere = facts !== null && access.mayWatch(asking, facts)
    // What can be no room never comes (FE155).
    if (!isThere && (waitMs === 0 || !ROOM_ID.test(room))) throw this.#refusalOf([room])
    const one = { topics: NO_TOPICS, types, clientId: null, isSingle: true }
    const selection = new Selection({ ...one, rooms: isThere ? [room] : [] })
    return { selection, aliases: new Map(), unknown: isThere ? [] : [room] }
  }

  /** None of these rooms may be watched. */
  #refusalOf(rooms: readonly string[]): RingsideError {
    const isThere = rooms.some((id) => this.#context.access.find(id) !== null)
    return new RingsideError(isThere ? 'forbidden' : 'room_not_found')
  }

  /**
   * Begins where the client has read the feed up to (OB19), unless the request says where; null while the log does not
   * say.
   * @throws RingsideError forbidden when the client is somebody else's, bad_request.
   */
  async #startOf(
    client: StreamClient,
    start: FeedStart,
    { principal }: Asking,
  ): Promise<FeedStart | null> {
    const { outbox, claims } = this.#context
    const { clientId, feedName } = client
    try {
      await claims.claim(clientId, principal)
      if (start.kind === 'after') return start
      const stored = await outbox.checkpoints.of(clientId, feedName)
      if (!stored) return start
      const { seq, selection: followed } = stored
      return { kind: 'after', position: { kind: 'seq', seq }, followed }
    } catch (error) {
      const { code } = error instanceof RingsideError ? error : { code: '' }
      if (code === 'forbidden' || code === 'bad_request') throw error
      return null
    }
  }

  /** FE117: nothing is left to be shown to a reader of a room that is over who has seen its end. */
  async #hasEnded(start: FeedStart, id: string): Promise<boolean> {
    const { outbox, access, tails } = this.#context
    const room = access.find(id)
    if (!room || room.isLive || start.kind !== 'after') return false
    const { position } = start
    try {
      const end = access.endBy(room.id, await tails.visiblePosition(room.delayMs))
      if (!end) return false
      if (position.kind === 'place') return isEndPlace(end, position.place)
      if (position.kind !== 'seq') return false
      return (
        position.seq >= end.seq && position.seq <= outbox.sealed && !outbox.isVoid(position.seq)
      )
    } catch {
      // The log does not answer: the stream says so by `retry` (FE9).
      return false
    }
  }

  #admit(stream: FeedStream, reader: ReaderPlace): void {
    const { body } = stream
    const { readers, pump, groups, spectators, seekers, access } = this.#context
    this.#streams.add(stream)
    access.watch(stream)
    pump.add(stream)
    spectators.count(stream.group.rooms, 1)
    const stopBound = stream.group.bound?.watch(() => pump.endInTime(stream))
    body.onClose = () => {
      if (!this.#streams.delete(stream)) return
      readers.releaseStream(reader)
      this.#waiting.delete(stream)
      stopBound?.()
      access.unwatch(stream)
      seekers.remove(stream)
      pump.remove(stream)
      groups.leave(stream)
      spectators.count(stream.group.rooms, -1)
    }
  }

  /**
   * FE97: tells the reader to come back later: in the stream where any status but 200 would be for ever.
   * @throws RingsideError with this code otherwise.
   */
  #sendAway(
    { response, format }: FeedRequest,
    code: 'unavailable' | 'draining' | 'too_many_requests',
  ): void {
    const { retryMs: baseMs, random } = this.#context
    const retryMs = spreadRetryMs(baseMs, baseMs, random)
    if (!format.needsOk)
      throw code === 'too_many_requests' ? new TooManyRequests(retryMs) : new RingsideError(code)
    const body = response.stream(format.headers)
    for (const bytes of format.opening(retryMs)) body?.write(bytes)
    body?.end()
  }
}
