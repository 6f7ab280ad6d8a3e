import type { Json, RoomListing } from '@ringside/protocol'
import { RingsideError } from '../errors.ts'
import type { Outbox, RoomLog } from '../outbox/outbox.ts'
import type { RoomRecord } from '../outbox/store.ts'
import type { StateTracker } from '../state/state.ts'
import type { RoomContext, RoomType } from './room-context.ts'
import { LiveRoom } from './room.ts'
import { restoredStart } from './restore.ts'
import type { RoomStart, TrackState } from './room-start.ts'

/** What stays known of a room after it is over, for readers of its log. */
export interface RoomFacts {
  readonly type: string
  readonly delayMs: number
  readonly isPrivate: boolean
  readonly isLive: boolean
}

/** Ended rooms whose facts are kept; the oldest are forgotten first. */
const MAX_ENDED = 10_000
/** 62 bits of a random id: never the same twice. */
const ROOM_ID_CHARACTERS = 12

export interface RoomHostParts {
  readonly outbox: Pick<Outbox, 'openRoom' | 'saveRoom' | 'rooms' | 'stateOf' | 'now'>
  readonly context: Omit<RoomContext, 'onChanged' | 'onEnded'>
  readonly maxRooms: number
  /** Seed of a room, from its id. */
  seedOf(roomId: string): number
  /** Makes and restores the states of a type. */
  trackerOf(type: RoomType): StateMaker
}

/** Makes the trackers of one type of room. */
export interface StateMaker {
  readonly track: TrackState
  restore(publicState: string, hiddenState: string | null): StateTracker
}

/** All rooms of this process. */
export class RoomHost {
  readonly #parts: RoomHostParts
  readonly #context: RoomContext
  readonly #types: ReadonlyMap<string, RoomType>
  readonly #rooms = new Map<string, LiveRoom>()
  readonly #ended = new Map<string, RoomFacts>()
  readonly #records = new Map<string, RoomRecord>()
  readonly #listeners = new Set<(roomId: string) => void>()
  #openingCount = 0
  #isDraining = false

  constructor(types: ReadonlyMap<string, RoomType>, parts: RoomHostParts) {
    this.#types = types
    this.#parts = parts
    this.#context = {
      ...parts.context,
      onChanged: ({ id }) => this.#changed(id),
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
    const id = this.#context.newId().slice(0, ROOM_ID_CHARACTERS)
    const { outbox } = this.#parts
    const seed = this.#parts.seedOf(id)
    const createdAt = outbox.now()
    const record = { room: id, type: type.name, seed, delayMs: type.delayMs, createdAt }
    // First: a room that the log has must be found again after a crash.
    await outbox.saveRoom({ ...record, isPrivate: false, isLive: true })
    const { track } = this.#parts.trackerOf(type)
    return this.#start(record, type, async () => ({ kind: 'new', options, track }))
  }

  /**
   * Goes on with the rooms that were running when the log was last written, and remembers the ended
   * ones. What cannot go on (its type is not registered, its log has ended or is incomplete) is logged
   * and marked as ended. Returns how many go on.
   */
  async restore(): Promise<number> {
    const { outbox } = this.#parts
    const records = await outbox.rooms(MAX_ENDED)
    let count = 0
    for (const record of records.reverse()) {
      if (record.isLive && (await this.#restoreOne(record))) count++
      else this.#remember(record.room, { ...record, isLive: false })
    }
    return count
  }

  async #restoreOne(record: RoomRecord): Promise<boolean> {
    const { logger } = this.#context
    const type = this.#types.get(record.type)
    const fields = { roomId: record.room, type: record.type }
    try {
      if (!type) throw new RingsideError('room_type_not_found')
      const states = this.#parts.trackerOf(type)
      await this.#start(record, type, async (log) => {
        const restored = await this.#parts.outbox.stateOf(log)
        return restoredStart(restored, { states, seed: record.seed })
      })
      logger.info(fields, 'room restored')
      return true
    } catch (error) {
      logger.warn({ ...fields, err: error }, 'room cannot go on')
      await this.#parts.outbox.saveRoom({ ...record, isLive: false })
      return false
    }
  }

  /** Opens the room's log, then the room as `begin` says. */
  async #start(
    record: Omit<RoomRecord, 'isPrivate' | 'isLive'>,
    type: RoomType,
    begin: (log: RoomLog) => Promise<RoomStart>,
  ): Promise<LiveRoom> {
    const id = record.room
    let room: LiveRoom | null = null
    const log = await this.#parts.outbox.openRoom(id, {
      onFenced: () => room?.logHandlers().onFenced(),
      onWritable: () => room?.logHandlers().onWritable(),
      onRefused: (cause) => room?.logHandlers().onRefused(cause),
      onSnapshotDue: () => room?.logHandlers().onSnapshotDue(),
    })
    try {
      const start = await begin(log)
      if (this.#isDraining) throw new RingsideError('draining')
      room = new LiveRoom({ id, type, log, seed: record.seed }, start, this.#context)
    } catch (error) {
      await log.close()
      throw error
    }
    this.#records.set(id, { ...record, isPrivate: room.profile.isPrivate, isLive: true })
    this.#rooms.set(id, room)
    if (room.profile.isPrivate) this.#save(id)
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
    this.#remember(roomId, factsOf(room, false))
    if (room.hasEnded) this.#save(roomId)
    this.#records.delete(roomId)
    this.#context.logger.info({ roomId }, 'room closed')
    this.#notify(roomId)
  }

  #remember(roomId: string, facts: RoomFacts): void {
    const { type, delayMs, isPrivate } = facts
    this.#ended.set(roomId, { type, delayMs, isPrivate, isLive: false })
    const oldest = this.#ended.keys().next()
    if (this.#ended.size > MAX_ENDED && !oldest.done) this.#ended.delete(oldest.value)
  }

  /** Writes what the record says of the room's privacy and end; a failure is logged. */
  #save(roomId: string): void {
    const record = this.#records.get(roomId)
    if (!record) return
    const isLive = this.#rooms.has(roomId)
    const isPrivate = this.find(roomId)?.isPrivate ?? record.isPrivate
    const next = { ...record, isPrivate, isLive }
    this.#records.set(roomId, next)
    this.#parts.outbox.saveRoom(next).catch((error: unknown) => {
      this.#context.logger.warn({ roomId, err: error }, 'room record was not saved')
    })
  }

  #changed(roomId: string): void {
    const room = this.#rooms.get(roomId)
    if (room && this.#records.get(roomId)?.isPrivate !== room.profile.isPrivate) this.#save(roomId)
    this.#notify(roomId)
  }

  #notify(roomId: string): void {
    for (const listener of this.#listeners) listener(roomId)
  }
}

function factsOf(room: LiveRoom, isLive: boolean): RoomFacts {
  return { type: room.type, delayMs: room.kind.delayMs, isPrivate: room.profile.isPrivate, isLive }
}
