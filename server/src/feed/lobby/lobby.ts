import { nobodyKnown } from '../../auth/principal.ts'
import type { Clock } from '../../process/clock.ts'
import { Intake } from '../../process/intake.ts'
import type { ServerLimits } from '../../process/limits.ts'
import { spreadRetryMs } from '../../process/spread.ts'
import type { ByteStream, HttpRequest, HttpResponse } from '../../transport/contract.ts'
import { sendJson } from '../../http/json.ts'
import type { RoomDirectory } from '../audience/directory.ts'
import type { ReaderLimits } from '../audience/reader-limits.ts'
import type { Spectators } from '../audience/spectators.ts'
import {
  HEARTBEAT,
  SSE_HEADERS,
  encodeEvent,
  encodeGoingAway,
  encodeOpening,
  joinBytes,
} from '../sse.ts'
import type { ListingDelay } from './listing-delay.ts'

export interface LobbyContext {
  readonly directory: RoomDirectory
  /** The rooms as they may be listed now. The lobby stops it. */
  readonly listings: ListingDelay
  readonly spectators: Spectators
  /** The feed's: the lobby's streams count against the same limits. */
  readonly readers: ReaderLimits
  readonly clock: Clock
  /** 0 (inclusive) to 1. */
  readonly random: () => number
  readonly limits: Pick<
    ServerLimits,
    'heartbeatMs' | 'retryMs' | 'maxBehindMs' | 'minBytesPerSecond'
  >
}

interface LobbyStream {
  readonly body: ByteStream
  /** Judges the reader of a full socket; null while it takes bytes. */
  full: Intake | null
  lastWriteAt: number
}

/** Changes of a room are told at most twice a second. */
const TELL_MS = 500
const SWEEP_MS = 1_000
/** A longer list is made ten times a second at most, however many readers ask for it (FE15). */
const LONG_LIST_CHARACTERS = 65_536
const LONG_LIST_MS = 100

/**
 * The lobby shows the list of rooms, once or as a stream: the whole list first, then each change.
 * It is no log: a stream has no ids, and one that could not keep up gets the whole list again.
 */
export class Lobby {
  readonly #context: LobbyContext
  readonly #listings: ListingDelay
  readonly #streams = new Set<LobbyStream>()
  readonly #changed = new Set<string>()
  #block: { readonly json: string; readonly bytes: Uint8Array } = { json: '', bytes: HEARTBEAT }
  /** The streams were told of these rooms. */
  #told = new Set<string>()
  /** What every stream has of each room, as JSON: a change that the listing does not show is not told (FE32). */
  #shown = new Map<string, string>()
  readonly #stops: (() => void)[]
  #cancelTell: (() => void) | null = null
  #cancelSweep: (() => void) | null = null
  /** The list as it was last answered. */
  #list = { json: '', madeAt: 0 }
  #isDraining = false

  constructor(context: LobbyContext) {
    this.#context = context
    this.#listings = context.listings
    const note = (room: string): void => this.note(room)
    this.#stops = [
      context.directory.onChange(note),
      context.spectators.onChange(note),
      () => this.#listings.stop(),
    ]
  }

  get streamCount(): number {
    return this.#streams.size
  }

  /**
   * Answers `GET /rooms`.
   * @throws TooManyRequests (429) for an address that has had all reads of this second.
   */
  answer({ remoteAddress }: HttpRequest, response: HttpResponse): void {
    this.#context.readers.checkRead(remoteAddress)
    const headers = { 'cache-control': 'no-cache' }
    sendJson(response, { headers, encoded: this.#listJson() })
  }

  /** Answers `GET /rooms/stream`. */
  open({ remoteAddress }: HttpRequest, response: HttpResponse): void {
    const { clock, limits, readers, random } = this.#context
    const body = response.stream(SSE_HEADERS)
    if (!body) return
    const isOften = !readers.mayRead(remoteAddress)
    // The list is everybody's: nobody is asked who they are.
    const reader = { remoteAddress, principal: nobodyKnown }
    if (isOften || this.#isDraining || readers.takeStream(reader) !== null) {
      body.write(encodeOpening(spreadRetryMs(limits.retryMs, limits.retryMs, random)))
      body.end()
      return
    }
    const stream: LobbyStream = { body, full: null, lastWriteAt: clock.now() }
    if (this.#streams.size === 0) {
      this.#told = new Set()
      this.#shown = new Map(
        this.#listings.list().map((room) => [room.roomId, JSON.stringify(room)]),
      )
      // Nobody noted what has changed since that list was made.
      this.#list.madeAt = -Infinity
    }
    this.#streams.add(stream)
    body.onClose = () => {
      if (this.#streams.delete(stream)) readers.releaseStream(reader)
    }
    body.onWritable = () => {
      stream.full = null
      clock.soon(() => this.#writeList(stream))
    }
    clock.soon(() => {
      this.#write(stream, encodeOpening(limits.retryMs))
      this.#writeList(stream)
    })
    this.#cancelSweep ??= clock.after(SWEEP_MS, () => this.#sweep())
  }

  /** Tells every stream to come back after a time of its own, spread over `windowMs` (TR38), and ends it. */
  drain(windowMs: number): void {
    this.#isDraining = true
    const { random, limits } = this.#context
    for (const stream of this.#streams) {
      if (stream.full === null)
        this.#write(stream, encodeGoingAway(spreadRetryMs(limits.retryMs, windowMs, random)))
      stream.body.end()
    }
  }

  /** The room's listing has changed: the streams are told soon. */
  note(room: string): void {
    if (this.#streams.size === 0) return
    this.#changed.add(room)
    this.#cancelTell ??= this.#context.clock.after(TELL_MS, () => {
      this.#cancelTell = null
      this.#tell()
    })
  }

  stop(): void {
    this.#isDraining = true
    for (const stop of this.#stops) stop()
    for (const stream of this.#streams) stream.body.end()
    this.#cancelTell?.()
    this.#cancelSweep?.()
  }

  #listJson(): string {
    const now = this.#context.clock.now()
    const { json, madeAt } = this.#list
    if (json.length > LONG_LIST_CHARACTERS && now - madeAt < LONG_LIST_MS) return json
    this.#list = { json: JSON.stringify({ rooms: this.#listings.list() }), madeAt: now }
    return this.#list.json
  }

  /** Streams that wait for it hold the same bytes. */
  #listBlock(): Uint8Array {
    const json = this.#listJson()
    if (this.#block.json !== json) this.#block = { json, bytes: encodeEvent('rooms', json) }
    return this.#block.bytes
  }

  #tell(): void {
    const listed = new Map(this.#listings.list().map((room) => [room.roomId, room]))
    const parts: Uint8Array[] = []
    for (const id of this.#changed) {
      const room = listed.get(id)
      if (room) {
        const json = JSON.stringify(room)
        if (this.#shown.get(id) === json) continue
        this.#shown.set(id, json)
        this.#told.add(id)
        parts.push(encodeEvent('room', json))
        continue
      }
      this.#shown.delete(id)
      if (this.#told.delete(id))
        parts.push(encodeEvent('room-removed', JSON.stringify({ roomId: id })))
    }
    this.#changed.clear()
    // A stream that opens after this is not told again, so an older list would stay wrong for it.
    this.#list.madeAt = -Infinity
    if (parts.length === 0) return
    const bytes = joinBytes(parts)
    for (const stream of this.#streams) if (stream.full === null) this.#write(stream, bytes)
  }

  #writeList(stream: LobbyStream): void {
    if (!stream.body.isOpen || stream.full !== null) return
    for (const room of this.#listings.list()) {
      const { roomId } = room
      this.#told.add(roomId)
      // What this stream alone has by now may be over before the others are told of it: then it has to be told again.
      if (this.#changed.has(roomId) && this.#shown.get(roomId) !== JSON.stringify(room))
        this.#shown.delete(roomId)
    }
    this.#write(stream, this.#listBlock())
  }

  #write(stream: LobbyStream, bytes: Uint8Array): void {
    const now = this.#context.clock.now()
    stream.lastWriteAt = now
    if (stream.full !== null || stream.body.write(bytes)) return
    stream.full = new Intake(this.#context.limits)
    stream.full.look(stream.body.bufferedBytes, now)
  }

  #sweep(): void {
    const { clock, limits } = this.#context
    const now = clock.now()
    for (const stream of this.#streams) {
      if (stream.full !== null) {
        stream.body.poke(HEARTBEAT)
        stream.full?.look(stream.body.bufferedBytes, now)
        if (stream.full?.isSlow(now)) stream.body.end()
      } else if (now - stream.lastWriteAt >= limits.heartbeatMs) this.#write(stream, HEARTBEAT)
    }
    this.#cancelSweep = this.#streams.size > 0 ? clock.after(SWEEP_MS, () => this.#sweep()) : null
  }
}
