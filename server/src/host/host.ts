import type { Json, RoomListing } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'
import type { Outbox, RoomLog } from '../outbox/contract/outbox.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'
import type { StateTracker } from '../state/contract.ts'
import type { RoomContext, RoomType } from '../room/context.ts'
import { LiveRoom } from '../room/room.ts'
import { RoomRecords } from './records.ts'
import type { RoomFacts, RoomPlace } from './records.ts'
import { restoreAll, restoredStart } from './restore.ts'
import type { RoomStart, TrackState } from '../room/start.ts'

/** 60 bits of a random id: never the same twice. */
const ROOM_ID_CHARACTERS = 12
/** Rooms restored at most, as a multiple of `maxRooms`: what was running goes on, but not without bound. */
const RESTORED_PER_ROOM = 10
/** Failures of one room, not of the log: the others are restored all the same. */
/** A room is written to the log within a second of its record; to an outage more is allowed, in ms. */
const YOUNG_MS = 60_000
const CANNOT_GO_ON: ReadonlySet<string> = new Set([
  'room_over',
  'room_taken',
  'past_retention',
  'room_type_not_found',
  'state_invalid',
])

export interface RoomHostParts {
  readonly outbox: Pick<
    Outbox,
    'openRoom' | 'saveRoom' | 'livingRooms' | 'endedRooms' | 'stateOf' | 'now' | 'sealed'
  >
  readonly context: Omit<RoomContext, 'onChanged' | 'onEnded'>
  readonly maxRooms: number
  /** The log is known to fail: no room can be made now. Default: never. */
  readonly isLogAway?: () => boolean
  /** Seed of a new room, from its id. */
  seedOf(roomId: string): string
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
  readonly #records: RoomRecords
  readonly #listeners = new Set<(roomId: string) => void>()
  #openingCount = 0
  /** Rooms that another server has taken. */
  fencedCount = 0
  #isDraining = false

  constructor(types: ReadonlyMap<string, RoomType>, parts: RoomHostParts) {
    this.#types = types
    this.#parts = parts
    const { clock, logger } = parts.context
    this.#records = new RoomRecords({ outbox: parts.outbox, clock, logger })
    this.#context = {
      ...parts.context,
      onChanged: ({ id }) => this.#changed(id),
      onEnded: ({ id }, closed) => this.#forget(id, closed),
    }
  }

  /** No new rooms, and no new players: the server is about to close. */
  get isDraining(): boolean {
    return this.#isDraining
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
    if (this.#parts.isLogAway?.()) throw new RingsideError('unavailable')
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
    const { track } = this.#parts.trackerOf(type)
    const place = { id, type, seed, createdAt: outbox.now() }
    const room = await this.#start(place, async (log) => {
      // Before its first event only the bound of all rooms can be reached: the log is behind.
      if (log.isFull) throw new RingsideError('unavailable')
      return { kind: 'new', options, track }
    })
    this.#context.logger.info({ roomId: id, type: type.name }, 'room opened')
    try {
      // Whoever asked is told of the room only once a restart would find it again.
      await this.#records.add(room, place)
    } catch (error) {
      room.finish('room_ended')
      throw error
    }
    // Its log was given up, or the game ended it: nobody can be sent there.
    if (room.isOver)
      throw new RingsideError('room_not_found', `Room '${id}' ended while it was made`)
    return room
  }

  /**
   * Goes on with the rooms that were running when the log was last written, and remembers the others.
   * They go on beyond `maxRooms` too, up to ten times that; then none is made until there are fewer.
   * A room that cannot go on for good (its log has ended or is cut) is marked as ended; one that this
   * program cannot go on with (unknown type, a state of another shape) is logged and left as it is.
   * Returns how many go on.
   * @throws whatever the log fails with, and RingsideError draining: no room is given up for that.
   */
  async restore(): Promise<number> {
    const { logger } = this.#context
    const { maxRooms } = this.#parts
    await this.#records.loadEnded()
    const { restored, left, beyond } = await restoreAll({
      page: (after, limit) => this.#records.living(after, limit),
      restore: (record) => this.#restoreOne(record),
      onLeft: (record) => this.#records.remember(record.room, record),
      limit: maxRooms * RESTORED_PER_ROOM,
    })
    if (restored > maxRooms)
      logger.warn({ restored, maxRooms }, 'more rooms go on than may be made')
    if (left > 0) logger.warn({ restored, left }, 'some rooms could not go on')
    if (beyond > 0)
      logger.error({ restored, beyond, maxRooms }, 'rooms were left for another start')
    return restored
  }

  async #restoreOne(record: RoomRecord): Promise<boolean> {
    const { logger } = this.#context
    const fields = { roomId: record.room, type: record.type }
    try {
      const type = this.#types.get(record.type)
      if (!type) throw new RingsideError('room_type_not_found')
      const states = this.#parts.trackerOf(type)
      const { room: id, seed, createdAt } = record
      const room = await this.#start({ id, type, seed, createdAt }, async (log) =>
        restoredStart(await this.#parts.outbox.stateOf(log), { states, record }),
      )
      this.#records.track(room, record)
      logger.info(fields, 'room restored')
      return true
    } catch (error) {
      const code = error instanceof RingsideError ? error.code : ''
      if (!(error instanceof SyntaxError) && !CANNOT_GO_ON.has(code)) throw error
      logger.warn({ ...fields, err: error }, 'room cannot go on')
      // One so young may be another server's, whose first event is on its way.
      const isYoung = this.#parts.outbox.now() - record.createdAt < YOUNG_MS
      const isGone = code === 'past_retention' && !isYoung
      if (code === 'room_over' || isGone) this.#records.end(record)
      return false
    }
  }

  /** Opens the room's log, then the room as `begin` says. */
  async #start(place: RoomPlace, begin: (log: RoomLog) => Promise<RoomStart>): Promise<LiveRoom> {
    const { id, type, seed } = place
    let room: LiveRoom | null = null
    let isTaken = false
    const log = await this.#parts.outbox.openRoom(id, {
      onFenced: () => {
        isTaken = true
        this.#fenced(id)
        room?.logHandlers().onFenced()
      },
      onGivenUp: () => room?.logHandlers().onGivenUp?.(),
      onWritable: () => room?.logHandlers().onWritable(),
      onRefused: (cause) => room?.logHandlers().onRefused(cause),
      onSnapshotDue: () => room?.logHandlers().onSnapshotDue(),
    })
    try {
      const start = await begin(log)
      if (this.#isDraining) throw new RingsideError('draining')
      if (isTaken) throw new RingsideError('room_taken')
      room = new LiveRoom({ id, type, log, seed }, start, this.#context)
    } catch (error) {
      // What it was is said by `error`.
      await log.close().catch(() => {})
      throw error
    }
    this.#rooms.set(id, room)
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
    return room ? this.#records.factsOf(room) : this.#records.find(roomId)
  }

  /** Ids of the living rooms and of those whose end is remembered. */
  *ids(): Iterable<string> {
    yield* this.#rooms.keys()
    yield* this.#records.endedIds()
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
    this.#each((room) => room.drain())
  }

  /** Ends every room for this process, leaving their logs to go on elsewhere. */
  close(): void {
    this.#each((room) => room.finish('server_closed'))
  }

  /** Resolves when the records of rooms that are over are written; their logs must be closed, or stop. */
  settled(): Promise<void> {
    return this.#records.drain()
  }

  /** After the log has stopped. */
  dispose(): void {
    this.#records.stop()
  }

  /** One room's failure is not the others'. */
  #each(act: (room: LiveRoom) => void): void {
    for (const room of Array.from(this.#rooms.values())) {
      try {
        act(room)
      } catch (error) {
        this.#context.logger.error({ roomId: room.id, err: error }, 'room did not close cleanly')
      }
    }
  }

  #forget(roomId: string, closed: Promise<void>): void {
    const room = this.#rooms.get(roomId)
    if (!room) return
    this.#rooms.delete(roomId)
    this.#records.close(room, closed)
    const what = room.hasEnded ? 'room ended' : 'room stopped, not ended'
    this.#context.logger.info({ roomId }, what)
    this.#notify(roomId)
  }

  #fenced(roomId: string): void {
    this.fencedCount++
    this.#context.logger.warn(
      { roomId },
      'another server has taken this room: is a second server running on this log?',
    )
  }

  #changed(roomId: string): void {
    const room = this.#rooms.get(roomId)
    if (room) this.#records.update(room)
    this.#notify(roomId)
  }

  #notify(roomId: string): void {
    for (const listener of this.#listeners) listener(roomId)
  }
}
