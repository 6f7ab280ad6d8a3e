import type { RoomListing } from '@ringside/protocol'
import { fullJitter } from './backoff.ts'
import type { ClientContext } from './client-context.ts'
import type { RoomsHandlers, RoomsStatus, RoomsWatch } from './client-types.ts'
import { readStream } from './feed/read-stream.ts'
import type { StreamEnd } from './feed/read-stream.ts'
import { callGuarded } from './listeners.ts'
import { toWait } from './timers.ts'
import { Wakes } from './wake.ts'
import { WakefulWait } from './wakeful-wait.ts'

/** The server's default. */
const HEARTBEAT_MS = 15_000
/** A server, or what stands before it, that asks for less must not make the reader spin. */
const MIN_RETRY_MS = 250
const MAX_RETRY_MS = 30_000

/** @throws TypeError when it is no listing. */
export function checkListing(value: unknown): RoomListing {
  const { roomId, type } = (value ?? {}) as Record<string, unknown>
  if (typeof roomId !== 'string' || typeof type !== 'string')
    throw new TypeError('Expected a room of the list')
  return value as RoomListing
}

/** @throws TypeError when it is no answer of `GET /rooms`. */
export function checkListings(value: unknown): RoomListing[] {
  const { rooms } = (value ?? {}) as { rooms?: unknown }
  if (!Array.isArray(rooms)) throw new TypeError('Expected a list of rooms')
  return rooms.map(checkListing)
}

/**
 * Follows `GET /rooms/stream` until it is closed or refused for good. Each stream begins with the whole list, which is
 * compared with what is known: over a break only what changed is told.
 */
export class RoomsReader implements RoomsWatch {
  readonly rooms = new Map<string, RoomListing>()
  readonly #context: ClientContext
  readonly #handlers: RoomsHandlers
  readonly #wakes: Wakes
  readonly #wait: WakefulWait
  #status: RoomsStatus = 'connecting'
  #abort = new AbortController()
  /** The server asked for this wait before it went away, in ms. */
  #goingAwayMs: number | null = null
  #attempt = 0
  #retryMs = 2_000

  constructor(context: ClientContext, handlers: RoomsHandlers) {
    this.#context = context
    this.#wakes = new Wakes(context.timers)
    this.#wait = new WakefulWait(context.timers, this.#wakes)
    this.#handlers = handlers
    // No handler runs before the caller has the watch in hand.
    queueMicrotask(() => void this.#run())
  }

  get status(): RoomsStatus {
    return this.#status
  }

  close(): void {
    if (this.#isOver) return
    this.#status = 'closed'
    this.#abort.abort()
    this.#wait.cancel()
  }

  get #isOver(): boolean {
    return this.#status === 'closed' || this.#status === 'failed'
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const { final, info, retryAfterMs, isWake } = await this.#readOnce()
      if (this.#isOver) return
      if (final) return this.#setStatus('failed', info.reason)
      const range = { minMs: this.#retryMs / 2, maxMs: MAX_RETRY_MS }
      const jittered = fullJitter(this.#attempt++, range, this.#context.random)
      const told = retryAfterMs ?? this.#goingAwayMs
      this.#goingAwayMs = null
      const delayMs = isWake
        ? MIN_RETRY_MS * this.#context.random()
        : told === null
          ? jittered
          : told + jittered / 4
      this.#setStatus('reconnecting', info.reason)
      if (!this.#isOver)
        await this.#wait.for(delayMs, () => {
          this.#attempt = 0
        })
    }
  }

  #readOnce(): Promise<StreamEnd> {
    const { base, fetch, headers, timers } = this.#context
    this.#abort = new AbortController()
    return readStream({
      url: new URL('rooms/stream', base).href,
      headers,
      fetch,
      abort: this.#abort,
      timers,
      wakes: this.#wakes,
      heartbeatMs: () => HEARTBEAT_MS,
      onOpen: () => {},
      onRetry: (ms) => {
        this.#retryMs = Math.max(MIN_RETRY_MS, Math.min(MAX_RETRY_MS, ms))
      },
      onBlock: ({ type, data }) => {
        if (data !== null && !this.#isOver) this.#take(type, JSON.parse(data))
      },
    })
  }

  #take(type: string, data: unknown): void {
    if (type === 'rooms') {
      const listings = checkListings(data)
      const ids = new Set(listings.map(({ roomId }) => roomId))
      for (const roomId of this.rooms.keys()) if (!ids.has(roomId)) this.#remove(roomId)
      for (const room of listings) this.#set(room)
      this.#attempt = 0
      this.#setStatus('live')
    } else if (type === 'room') this.#set(checkListing(data))
    else if (type === 'room-removed') this.#remove((data as { roomId: string }).roomId)
    else if (type === 'going-away')
      this.#goingAwayMs = toWait((data as { retryMs: unknown }).retryMs)
  }

  #set(room: RoomListing): void {
    const before = this.rooms.get(room.roomId)
    if (before && JSON.stringify(before) === JSON.stringify(room)) return
    this.rooms.set(room.roomId, room)
    const { onAdd, onUpdate } = this.#handlers
    this.#tell(() => (before ? onUpdate?.(room, before) : onAdd?.(room)))
  }

  #remove(roomId: string): void {
    const room = this.rooms.get(roomId)
    if (!room) return
    this.rooms.delete(roomId)
    this.#tell(() => this.#handlers.onRemove?.(room))
  }

  #setStatus(status: RoomsStatus, reason?: string): void {
    if (this.#isOver) return
    this.#status = status
    this.#tell(() => this.#handlers.onStatus?.(status, reason === undefined ? {} : { reason }))
  }

  /** A handler may have closed the watch: nobody is called after that, but for the one status `failed`. */
  #tell(call: () => void): void {
    if (this.#status !== 'closed') callGuarded(call)
  }
}
