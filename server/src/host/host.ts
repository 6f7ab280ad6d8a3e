import type { Json, RoomListing } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'
import { Listeners } from '../process/listeners.ts'
import { warnOf } from '../process/log-line.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'
import type { RoomContext } from '../room/context.ts'
import type { RoomType } from '../room/type.ts'
import type { LiveRoom } from '../room/room.ts'
import type { StateMaker } from '../state/state-makers.ts'
import { eachAtOnce } from './at-once.ts'
import { HeldRooms } from './held-rooms.ts'
import type { RoomFacts, Records } from './records.ts'
import { restoreAll } from './restore-all.ts'
import { Tenancy } from './tenancy.ts'
import type { Place, ReleaseTerms, TenancyParts } from './tenancy.ts'

/** A random id keeps 60 bits, so that it is never the same twice. */
const ROOM_ID_CHARACTERS = 12
/** Rooms restored at most, as a multiple of `maxRooms`: running rooms go on, but not without bound. */
const RESTORED_PER_ROOM = 10
/** A room is written to the log within a second of its record; to an outage more is allowed, in ms. */
const YOUNG_MS = 60_000
/** Rooms released at the same time when the process drains: each waits for the commands under way. */
const RELEASED_AT_ONCE = 32
/** A single release waits so long for the log, in ms; then the room goes on here. */
const STORE_WITHIN_MS = 10_000
/** Failures of one room, not of the log: the others are restored all the same. */
const CANNOT_GO_ON: ReadonlySet<string> = new Set([
  'room_over',
  'room_taken',
  'past_retention',
  'room_type_not_found',
  'state_invalid',
])

export interface HostParts {
  readonly outbox: TenancyParts['outbox'] &
    Pick<Outbox, 'now' | 'stats' | 'endOf' | 'floor' | 'whoOf'>
  readonly context: Omit<RoomContext, 'onChanged' | 'onEnded'>
  readonly records: Records
  readonly maxRooms: number
  /** Longest wait for the commands and hooks that await in a room that is released, in ms. */
  readonly settleMs: number
  /** The log is known to fail: no room can be made now. Default: never. */
  readonly isLogAway?: () => boolean
  /** Seed of a new room, from its id. */
  seedOf(roomId: string): string
  /** Makes and restores the states of a type. */
  statesOf(type: RoomType): StateMaker
}

/**
 * The rooms of this process. Each is held by a Tenancy of its own, by which it is opened, adopted and released; a
 * start adopts each room that the log calls living, a drain releases each that is here.
 */
export class Host {
  readonly #parts: HostParts
  readonly #context: TenancyParts['context']
  readonly #types: ReadonlyMap<string, RoomType>
  readonly #records: Records
  /** Every room that is here, from the claim of its log on. */
  readonly #tenancies = new Map<string, Tenancy>()
  /** Those of them that run. */
  readonly rooms = new HeldRooms(this.#tenancies)
  readonly #listeners = new Listeners<[roomId: string]>()
  /** Releases under way. */
  readonly #releases = new Set<Promise<void>>()
  #openingCount = 0
  /** Number of rooms that another server has taken. */
  fencedCount = 0
  #isDraining = false

  constructor(types: ReadonlyMap<string, RoomType>, parts: HostParts) {
    this.#types = types
    this.#parts = parts
    this.#records = parts.records
    this.#context = {
      ...parts.context,
      onChanged: ({ id }) => this.#changed(id),
    }
  }

  /** The server is about to close, and takes no new rooms and no new players. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Seats taken, over all rooms. */
  get playerCount(): number {
    let count = 0
    for (const room of this.rooms.values()) count += room.clientCount
    return count
  }

  // ---- one room

  /**
   * Makes a room and records its first state.
   * @throws RingsideError room_type_not_found, room_limit, draining; whatever onCreate throws.
   */
  async create(typeName: string, options: Json): Promise<LiveRoom> {
    const type = this.#typeOf(typeName)
    if (this.#isDraining) throw new RingsideError('draining')
    if (this.rooms.size + this.#openingCount >= this.#parts.maxRooms)
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
    const seed = this.#parts.seedOf(id)
    const place = { id, type, seed, createdAt: this.#parts.outbox.now() }
    const room = await this.#hold(place, (tenancy) => tenancy.open(options))
    this.#context.logger.info({ roomId: id, type: type.name }, 'room opened')
    // Its maker, or whom that sends, is on the way: the record may take longer than an empty room lives.
    const comes = room.seats.expect()
    try {
      // The caller is told of the room only once a restart would find it again.
      await this.#records.add(room, place)
    } catch (error) {
      room.finish('room_ended')
      throw error
    } finally {
      comes()
    }
    // Its log was given up, or the game ended it: nobody can be sent there.
    if (room.isOver)
      throw new RingsideError('room_not_found', `Room '${id}' ended while it was made`)
    return room
  }

  /**
   * Goes on with a room from its log. When that fails the room is left for another owner to adopt.
   * @throws RingsideError draining, room_type_not_found; room_taken when it is here, or being adopted here or
   * elsewhere; whatever Tenancy.adopt throws.
   */
  async adopt(record: RoomRecord): Promise<LiveRoom> {
    const { room: id, seed, createdAt } = record
    const type = this.#typeOf(record.type)
    if (this.#isDraining) throw new RingsideError('draining')
    const room = await this.#hold({ id, type, seed, createdAt }, (tenancy) => tenancy.adopt(record))
    if (!room.isOver) this.#records.track(room, record)
    this.#context.logger.info({ roomId: id, type: type.name }, 'room restored')
    return room
  }

  /**
   * Gives a room up, for another owner to adopt it. Resolves when that one may, and the players were told to come
   * back.
   * @throws RingsideError room_not_found; whatever Release.released rejects with.
   */
  async release(roomId: string): Promise<void> {
    const terms = { settleMs: this.#parts.settleMs, storeMs: STORE_WITHIN_MS }
    await this.#release(this.#heldBy(roomId), terms).released
  }

  #heldBy(roomId: string): Tenancy {
    const tenancy = this.#tenancies.get(roomId)
    if (!tenancy?.room) throw new RingsideError('room_not_found')
    return tenancy
  }

  #release(tenancy: Tenancy, terms: ReleaseTerms): ReturnType<Tenancy['release']> {
    const release = tenancy.release(terms)
    const { id: roomId } = tenancy.place
    const told = release.released
      .catch((error: unknown) =>
        warnOf(this.#context.logger, error, [{ roomId }, 'room was not released']),
      )
      .finally(() => this.#releases.delete(told))
    this.#releases.add(told)
    return release
  }

  /** Begins a room here. It is known from the moment at which it is claimed. */
  async #hold(place: Place, begin: (tenancy: Tenancy) => Promise<LiveRoom>): Promise<LiveRoom> {
    const { id, type } = place
    if (this.#tenancies.has(id))
      throw new RingsideError('room_taken', `Room '${id}' is here, or about to be`)
    const tenancy = new Tenancy(place, {
      outbox: this.#parts.outbox,
      context: this.#context,
      states: this.#parts.statesOf(type),
      assertMayBegin: () => {
        if (this.#isDraining) throw new RingsideError('draining')
      },
      onHeld: () => this.tell(id),
      onOver: (room, closed) => this.#forget(room, closed),
      onFenced: () => this.#fenced(id),
    })
    this.#tenancies.set(id, tenancy)
    try {
      return await begin(tenancy)
    } catch (error) {
      this.#tenancies.delete(id)
      throw error
    }
  }

  #typeOf(name: string): RoomType {
    const type = this.#types.get(name)
    if (!type) throw new RingsideError('room_type_not_found')
    return type
  }

  // ---- all rooms, one by one

  /**
   * Adopts the rooms that were running when the log was last written, and remembers the others.
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
      onLeft: async (record) => this.#records.remember(await this.#asLogged(record)),
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
    try {
      await this.adopt(record)
      return true
    } catch (error) {
      const code = error instanceof RingsideError ? error.code : ''
      if (!(error instanceof SyntaxError) && !CANNOT_GO_ON.has(code)) throw error
      const fields = { roomId: record.room, type: record.type, err: error }
      this.#context.logger.warn(fields, 'room cannot go on')
      // A record so young may be another server's, whose first event is on its way.
      const isYoung = this.#parts.outbox.now() - record.createdAt < YOUNG_MS
      const isGone = code === 'past_retention' && !isYoung
      if (code === 'room_over' || isGone) await this.#foundOver(record)
      return false
    }
  }

  /** A room whose record says that it lives has ended, by its log or because there is none of it any more. */
  async #foundOver(record: RoomRecord): Promise<void> {
    const { outbox } = this.#parts
    const end = await outbox.endOf(record.room)
    this.#records.end(
      await this.#asLogged(record),
      end ?? { n: 0, seq: outbox.floor, at: outbox.now(), own: '' },
    )
  }

  /** The record of a process that died may be older than its log: who sees the room is as that says (OB129). */
  async #asLogged(record: RoomRecord): Promise<RoomRecord> {
    const who = await this.#parts.outbox.whoOf(record.room)
    return who ? { ...record, ...who } : record
  }

  /**
   * No new rooms, and each that is here is released. Resolves when none of them hands anything more to the log:
   * `settled` is when that has stored it. The commands and hooks that await in all rooms have `settleMs` together.
   */
  async drain(): Promise<void> {
    this.#isDraining = true
    const { settleMs } = this.#parts
    const { clock } = this.#context
    const deadline = clock.now() + settleMs
    await eachAtOnce([...this.rooms.keys()], RELEASED_AT_ONCE, async (id) => {
      // One that has ended since needs nothing.
      if (!this.rooms.has(id)) return
      const terms = { settleMs: Math.max(0, deadline - clock.now()), storeMs: null }
      await this.#release(this.#heldBy(id), terms).handedOver
    })
  }

  /**
   * Resolves when the rooms of a drain are released, or over without that, and their records written. Their logs
   * must be closed, or stop.
   */
  async settled(): Promise<void> {
    await Promise.all(this.#releases)
    await this.#records.drain()
  }

  /** Stops the writing of records. Call it after the log has stopped. */
  dispose(): void {
    this.#records.stop()
  }

  // ---- questions about rooms

  /** @throws RingsideError room_not_found; room_released when another owner has it. */
  get(roomId: string): LiveRoom {
    const room = this.rooms.get(roomId)
    if (room && !room.isOver) return room
    throw new RingsideError(this.isElsewhere(roomId) ? 'room_released' : 'room_not_found')
  }

  /**
   * The room was here, has not ended, and another owner has it or may have it. Nobody has the rooms of a log that was
   * given up: the events that they would go on from are not written.
   */
  isElsewhere(roomId: string): boolean {
    if (this.rooms.has(roomId) || this.#parts.outbox.stats.isGivenUp) return false
    return this.#records.find(roomId)?.isLive === true
  }

  /** The facts of a living room, or of one that was here not too long ago; null of any other. */
  find(roomId: string): RoomFacts | null {
    const room = this.rooms.get(roomId)
    return room ? this.#records.factsOf(room) : this.#records.find(roomId)
  }

  /**
   * Finds the facts of a room that is over, also when `find` has forgotten it; null of any other.
   * @throws whatever the log fails with.
   */
  lookUp(roomId: string): Promise<RoomFacts | null> {
    return this.#records.lookUp(roomId)
  }

  /** Ids of the rooms that are here and of those that were. */
  *ids(): Iterable<string> {
    yield* this.rooms.keys()
    yield* this.#records.awayIds()
  }

  /** The public living rooms. */
  list(spectatorsOf: (roomId: string) => number): RoomListing[] {
    const listings: RoomListing[] = []
    for (const room of this.rooms.values()) {
      if (room.profile.isPrivate || room.isOver) continue
      listings.push({
        roomId: room.id,
        type: room.type.name,
        clients: room.clientCount,
        maxClients: room.maxClients,
        spectators: spectatorsOf(room.id),
        locked: room.profile.isLocked,
        metadata: room.profile.metadata,
        delayMs: room.delayMs,
      })
    }
    return listings
  }

  /** Calls with the id of each room that was made, changed or ended. The result stops it. */
  onChange(listener: (roomId: string) => void): () => void {
    return this.#listeners.add(listener)
  }

  #forget(room: LiveRoom, closed: Promise<void>): void {
    const { id: roomId } = room
    this.#tenancies.delete(roomId)
    const forgotten = this.#records.close(room, closed)
    const what = room.hasEnded ? 'room ended' : 'room stopped, not ended'
    this.#context.logger.info({ roomId }, what)
    this.tell(roomId)
    if (forgotten !== null) this.tell(forgotten)
  }

  #fenced(roomId: string): void {
    this.fencedCount++
    this.#context.logger.warn(
      { roomId },
      'another server has taken this room: is a second server running on this log?',
    )
  }

  #changed(roomId: string): void {
    const room = this.rooms.get(roomId)
    if (room) this.#records.update(room)
    this.tell(roomId)
  }

  /** Something about the room has changed. */
  tell(roomId: string): void {
    this.#listeners.call(roomId)
  }
}
