import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import { spreadRetryMs } from '../process/spread.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import type { LogEvent } from '../outbox/contract/store.ts'
import { networkOf } from '../transport/client-address.ts'
import type { HttpRequest, HttpResponse } from '../transport/contract.ts'
import type { FeedAccess, WatchedRoom } from './audience/access.ts'
import type { RoomDirectory } from './audience/directory.ts'
import type { ReaderLimits } from './audience/reader-limits.ts'
import type { Spectators } from './audience/spectators.ts'
import { toFeedEntry } from './read/entry.ts'
import type { FeedEntry } from './read/entry.ts'
import { parseRoomId } from './position/room-id.ts'
import type { SealedPositions } from './position/sealed-positions.ts'
import type { Places } from './read/places.ts'
import { isEndPlace } from './read/room-end.ts'
import type { RoomSeeker } from './read/room-seeker.ts'
import type { FeedSource } from './read/source.ts'
import type { States } from './read/states.ts'
import type { FeedTails } from './read/tail.ts'
import { FEED_ENDED, SSE_HEADERS, encodeGoingAway, encodeOpening } from './sse.ts'
import type { FeedAsk, FeedStart } from './stream/ask.ts'
import type { FeedGroups } from './stream/groups.ts'
import { Pace } from './stream/pace.ts'
import type { FeedPump } from './stream/pump.ts'
import type { FeedStarter } from './stream/starter.ts'
import { FeedStream } from './stream/stream.ts'

export interface FeedContext {
  readonly outbox: Outbox
  readonly directory: RoomDirectory
  readonly clock: Clock
  readonly retryMs: number
  /** 0 (inclusive) to 1. */
  readonly random: () => number
  /** Makes the id of a stream, which nobody can guess. */
  readonly newId: () => string
  readonly access: FeedAccess
  readonly seeker: RoomSeeker
  readonly readers: ReaderLimits
  readonly spectators: Spectators
  readonly source: FeedSource
  readonly states: States
  readonly places: Places
  readonly positions: SealedPositions
  readonly tails: FeedTails
  /** All streams that are open. The feed alone adds and removes them. */
  readonly streams: Set<FeedStream>
  readonly pump: FeedPump
  readonly starter: FeedStarter
  readonly groups: FeedGroups
}

/** One request for a stream, its parameters read. */
export interface FeedRequest {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly ask: FeedAsk
  /** null means all public rooms. */
  readonly rooms: readonly string[] | null
  /** True for the feed of one room, which ends with it. */
  readonly isSingle: boolean
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
  readonly #streams: Set<FeedStream>
  readonly #stops: (() => void)[]
  #isDraining = false

  constructor(context: FeedContext) {
    this.#context = context
    const { outbox, directory, access, groups, streams } = context
    this.#streams = streams
    access.begin(outbox.sealed)
    this.#stops = [
      outbox.onSealed((...run) => this.#onSealed(...run)),
      directory.onChange((room) => groups.onRoomChange(room)),
      outbox.onHalted(() => this.#end()),
    ]
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

  /** The client has read up to `seq`, and never less than before (OB19). */
  acknowledge(clientId: string, seq: number): void {
    this.#context.outbox.checkpoints.note(clientId, seq)
  }

  /**
   * Opens a stream. The answer is 200 also when there is no room for it, or its address asks too
   * often: EventSource would give up for ever on anything else. 204 tells a reader that has seen
   * the room's end that there is nothing more.
   * @throws RingsideError room_not_found, forbidden.
   */
  async open(given: FeedRequest): Promise<void> {
    const { request, response, ask, isSingle } = given
    const { access, readers, groups, starter, clock, newId } = this.#context
    const { remoteAddress } = request
    if (!readers.mayRead(remoteAddress)) return this.#sendAway(response)
    const asked = this.#askedRooms(given.rooms ?? [], remoteAddress)
    // Rooms that live are there at once.
    const found = asked instanceof Promise ? await asked : asked
    if (!found) return this.#sendAway(response)
    const rooms = given.rooms && this.#allowedOf(found, request)
    const { clientId, speed } = ask
    const start = clientId === null ? ask.start : await this.#startOf(clientId, ask.start)
    if (!start) return this.#sendAway(response)
    const isLater = isSingle && start.kind === 'after'
    if (isLater && (await this.#hasEnded(start, rooms ?? [])))
      return response.send(204, FEED_ENDED, '')
    if (this.#isDraining || !readers.takeStream(remoteAddress)) return this.#sendAway(response)
    const body = response.stream(SSE_HEADERS)
    if (!body) return readers.releaseStream(remoteAddress)
    const id = newId()
    const kept = access.isPersonal ? request : null
    const follow = { rooms, isSingle, types: ask.types, request: kept, streamId: id }
    const stream = new FeedStream(id, body, {
      group: groups.enter(follow),
      request: kept,
      address: networkOf(remoteAddress),
      pace: speed === null ? null : new Pace(speed),
      now: clock.now(),
    })
    this.#admit(stream, remoteAddress)
    await starter.begin(stream, start)
  }

  /**
   * Says up to which seq a reader of the stream has read whose last id is `id`; null for an id that no reader of it can
   * have been shown.
   * @throws RingsideError too_many_requests, or whatever the log fails with.
   */
  async positionOf(id: string, { group, address }: FeedStream): Promise<number | null> {
    const { places, positions, outbox } = this.#context
    const { readRoom, tail, isSingle } = group
    if (isSingle && readRoom !== undefined) {
      const place = parseRoomId(id)
      if (!place) return null
      const question = { room: readRoom, place, visible: tail.position, who: address }
      const found = await places.find(question)
      return found.kind === 'at' ? found.seq : null
    }
    const token = positions.open(id)
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
      if (!stream.apart?.full) stream.body.write(encodeGoingAway(retryMs))
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
    const { tails, pump } = this.#context
    for (const stop of this.#stops) stop()
    this.#end()
    tails.stop()
    pump.stop()
  }

  #onSealed(events: readonly LogEvent[], sealed: number, after: number): void {
    const { access, states, source, tails } = this.#context
    const entries: FeedEntry[] = []
    for (const event of events) {
      access.note(event)
      if (event.room !== null && event.n === 1) states.noteNothing(event.room, event.seq - 1)
      const entry = toFeedEntry(event)
      if (entry) entries.push(entry)
    }
    source.ring.push(entries, sealed, after)
    tails.advance()
  }

  /** Finds those of these rooms that are known; null while the log does not say. */
  #askedRooms(
    ids: readonly string[],
    remoteAddress: string,
  ): readonly WatchedRoom[] | Promise<readonly WatchedRoom[] | null> {
    const { access } = this.#context
    const living = ids.map((id) => access.find(id)).filter((room) => room?.isLive === true)
    const known = living.filter((room) => room !== null)
    return known.length === ids.length ? known : this.#seekRooms(ids, remoteAddress)
  }

  async #seekRooms(
    ids: readonly string[],
    remoteAddress: string,
  ): Promise<readonly WatchedRoom[] | null> {
    const { seeker } = this.#context
    const known: WatchedRoom[] = []
    try {
      for (const id of ids) {
        const room = await seeker.find(id, networkOf(remoteAddress))
        if (room) known.push(room)
      }
      return known
    } catch {
      return null
    }
  }

  /** Picks the rooms that may be watched. @throws RingsideError room_not_found, forbidden when there is none. */
  #allowedOf(known: readonly WatchedRoom[], request: HttpRequest): readonly string[] {
    const { access } = this.#context
    if (known.length === 0) throw new RingsideError('room_not_found')
    const allowed = known.filter((room) => access.mayWatch(request, room))
    if (allowed.length === 0) throw new RingsideError('forbidden')
    return allowed.map((room) => room.id)
  }

  /** Begins at the client's checkpoint (OB19), else at `start`; null while the log does not say. */
  async #startOf(clientId: string, start: FeedStart): Promise<FeedStart | null> {
    try {
      const seq = await this.#context.outbox.checkpoints.of(clientId)
      return seq === null ? start : { kind: 'after', position: { kind: 'seq', seq } }
    } catch {
      return null
    }
  }

  /** FE117: nothing is left to be shown to a reader of a room that is over who has seen its end. */
  async #hasEnded(start: FeedStart, [id]: readonly string[]): Promise<boolean> {
    const { outbox, access, tails } = this.#context
    const room = id === undefined ? null : access.find(id)
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

  #admit(stream: FeedStream, remoteAddress: string): void {
    const { body } = stream
    const { readers, pump, groups, spectators } = this.#context
    this.#streams.add(stream)
    pump.add(stream)
    spectators.count(stream.group.rooms, 1)
    body.onClose = () => {
      if (!this.#streams.delete(stream)) return
      readers.releaseStream(remoteAddress)
      pump.remove(stream)
      groups.leave(stream)
      spectators.count(stream.group.rooms, -1)
    }
  }

  /** Tells the reader to come back later. */
  #sendAway(response: HttpResponse): void {
    const { retryMs, random } = this.#context
    const body = response.stream(SSE_HEADERS)
    body?.write(encodeOpening(spreadRetryMs(retryMs, retryMs, random)))
    body?.end()
  }
}
