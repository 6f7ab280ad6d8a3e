import type { Json, RoomListing } from '@ringside/protocol'
import { RingsideError } from '../errors.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { RoomContext, RoomType } from './room-context.ts'
import { LiveRoom } from './room.ts'
import type { TrackState } from './room-start.ts'

/** What stays known of a room after it is over, for readers of its log. */
export interface RoomFacts {
  readonly type: string
  readonly delayMs: number
  readonly isPrivate: boolean
  readonly isLive: boolean
}

/** Ended rooms whose facts are kept; the oldest are forgotten first. */
const MAX_ENDED = 10_000

export interface RoomHostParts {
  readonly outbox: Pick<Outbox, 'openRoom'>
  readonly context: Omit<RoomContext, 'onChanged' | 'onEnded'>
  readonly maxRooms: number
  /** Seed of a room, from its id. */
  seedOf(roomId: string): number
  trackerOf(type: RoomType): TrackState
}

/** All rooms of this process. */
export class RoomHost {
  readonly #parts: RoomHostParts
  readonly #context: RoomContext
  readonly #types: ReadonlyMap<string, RoomType>
  readonly #rooms = new Map<string, LiveRoom>()
  readonly #ended = new Map<string, RoomFacts>()
  readonly #listeners = new Set<(roomId: string) => void>()
  #openingCount = 0
  #isDraining = false

  constructor(types: ReadonlyMap<string, RoomType>, parts: RoomHostParts) {
    this.#types = types
    this.#parts = parts
    this.#context = {
      ...parts.context,
      onChanged: ({ id }) => this.#notify(id),
      onEnded: ({ id }) => this.#forget(id),
    }
  }

  get rooms(): ReadonlyMap<string, LiveRoom> {
    return this.#rooms
  }

  /** Seats taken, over all rooms. */
  get playerCount(): number {
    let count = 0
    for (const room of this.#rooms.values()) count += room.clientCount
    return count
  }

  /**
   * Makes a room and records its first state.
   * @throws RingsideError room_type_not_found, room_limit, draining; whatever onCreate throws.
   */
  async create(typeName: string, options: Json): Promise<LiveRoom> {
    const type = this.#types.get(typeName)
    if (!type) throw new RingsideError('room_type_not_found')
    if (this.#isDraining) throw new RingsideError('draining')
    if (this.#rooms.size + this.#openingCount >= this.#parts.maxRooms)
      throw new RingsideError('room_limit')
    this.#openingCount++
    try {
      return await this.#open(type, options)
    } finally {
      this.#openingCount--
    }
  }

  async #open(type: RoomType, options: Json): Promise<LiveRoom> {
    const id = this.#context.newId().slice(0, 12)
    const seed = this.#parts.seedOf(id)
    let room: LiveRoom | null = null
    const log = await this.#parts.outbox.openRoom(id, {
      onFenced: () => room?.logHandlers().onFenced(),
      onWritable: () => room?.logHandlers().onWritable(),
      onRefused: (cause) => room?.logHandlers().onRefused(cause),
      onSnapshotDue: () => room?.logHandlers().onSnapshotDue(),
    })
    try {
      if (this.#isDraining) throw new RingsideError('draining')
      const track = this.#parts.trackerOf(type)
      room = new LiveRoom({ id, type, log, seed }, { kind: 'new', options, track }, this.#context)
    } catch (error) {
      await log.close()
      throw error
    }
    this.#rooms.set(id, room)
    this.#context.logger.info({ roomId: id, type: type.name }, 'room opened')
    this.#notify(id)
    return room
  }

  /** @throws RingsideError room_not_found. */
  get(roomId: string): LiveRoom {
    const room = this.#rooms.get(roomId)
    if (!room || room.isOver) throw new RingsideError('room_not_found')
    return room
  }

  /** Facts of a living room, or of one that ended not too long ago. */
  find(roomId: string): RoomFacts | null {
    const room = this.#rooms.get(roomId)
    return room ? factsOf(room, true) : (this.#ended.get(roomId) ?? null)
  }

  /** Ids of the living rooms and of those whose end is remembered. */
  *ids(): Iterable<string> {
    yield* this.#rooms.keys()
    yield* this.#ended.keys()
  }

  /** The public living rooms. */
  list(spectatorsOf: (roomId: string) => number): RoomListing[] {
    const listings: RoomListing[] = []
    for (const room of this.#rooms.values()) {
      if (room.profile.isPrivate || room.isOver) continue
      listings.push({
        roomId: room.id,
        type: room.type,
        clients: room.clientCount,
        maxClients: room.kind.maxClients,
        spectators: spectatorsOf(room.id),
        locked: room.profile.isLocked,
        metadata: room.profile.metadata,
        delayMs: room.kind.delayMs,
      })
    }
    return listings
  }

  /** Calls with the id of each room that was made, changed or ended. The result stops it. */
  onChange(listener: (roomId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** No new rooms; every room runs onDrain and writes its last changes. */
  drain(): void {
    this.#isDraining = true
    for (const room of this.#rooms.values()) room.drain()
  }

  /** Ends every room for this process, leaving their logs to go on elsewhere. */
  close(): void {
    for (const room of this.#rooms.values()) room.finish('server_closed')
  }

  #forget(roomId: string): void {
    const room = this.#rooms.get(roomId)
    if (!room) return
    this.#rooms.delete(roomId)
    this.#ended.set(roomId, factsOf(room, false))
    const oldest = this.#ended.keys().next()
    if (this.#ended.size > MAX_ENDED && !oldest.done) this.#ended.delete(oldest.value)
    this.#context.logger.info({ roomId }, 'room closed')
    this.#notify(roomId)
  }

  #notify(roomId: string): void {
    for (const listener of this.#listeners) listener(roomId)
  }
}

function factsOf(room: LiveRoom, isLive: boolean): RoomFacts {
  return { type: room.type, delayMs: room.kind.delayMs, isPrivate: room.profile.isPrivate, isLive }
}
