import type { Outbox } from '../outbox/contract/outbox.ts'
import type { RoomEnd, RoomRecord } from '../outbox/contract/store.ts'
import type { RecordWriter } from './record-writer.ts'
import type { LiveRoom } from '../room/room.ts'
import type { Place } from './tenancy.ts'

/** Readers of a room's log know this of it, whether it lives or is over. */
export interface RoomFacts {
  readonly type: string
  readonly delayMs: number
  readonly isPrivate: boolean
  /** The time in the room's record; absent for rooms that are over. */
  readonly revealedAt?: number
  /** False once the room has ended; true of one that another owner has. */
  readonly isLive: boolean
  /** The room's last event, once the log has it for good (FE116); absent and null: it is not over. */
  readonly end?: RoomEnd | null
  /** True of a room that is not here: these facts are as old as what was known of it last. */
  readonly isElsewhere?: boolean
}

export interface RecordsParts {
  readonly outbox: RecordsLog
  readonly writer: RecordWriter
  /** A room is over, and the log and its record say so. */
  readonly onEnded: (record: RoomRecord) => void
}

type RecordsLog = Pick<
  Outbox,
  'livingRooms' | 'endedRooms' | 'roomRecord' | 'endOf' | 'sealed' | 'floor'
>

/** Rooms that are not here (any more) whose facts are kept; the oldest are forgotten first. */
const MAX_KEPT = 10_000

/**
 * Keeps the log's records of rooms true (OB11): they say what must be known of a room without reading its log,
 * and which rooms a restart goes on with.
 */
export class Records {
  readonly #outbox: RecordsLog
  readonly #writer: RecordWriter
  readonly #onEnded: (record: RoomRecord) => void
  readonly #live = new Map<string, RoomRecord>()
  /** Rooms that were here, or were known, and are not: ended, or another owner's. */
  readonly #away = new Map<string, RoomFacts>()
  /** Rooms whose log is being closed: their records are written after it. */
  readonly #ending = new Set<Promise<void>>()

  constructor({ outbox, writer, onEnded }: RecordsParts) {
    this.#outbox = outbox
    this.#writer = writer
    this.#onEnded = onEnded
  }

  /** Remembers the newest of the rooms that have ended. @throws whatever the log fails with. */
  async loadEnded(): Promise<void> {
    const newestFirst = await this.#outbox.endedRooms(MAX_KEPT)
    for (const record of newestFirst.reverse()) {
      this.remember(record)
      this.#onEnded(record)
    }
  }

  /**
   * Finds the facts of a room that is over in its record, however long it is forgotten here, and its end in the log
   * where the record does not have it (FE116); null of any other room.
   * @throws whatever the log fails with.
   */
  async lookUp(roomId: string): Promise<RoomFacts | null> {
    const known = this.#away.get(roomId) ?? (await this.#outbox.roomRecord(roomId))
    if (!known || known.isLive) return null
    const { type, delayMs, isPrivate, end = null } = known
    const facts = { type, delayMs, isPrivate, isLive: false, end }
    if (!end || !isUnasked(end)) return facts
    // What the log does not have any more lies at or below its floor.
    const found = (await this.#outbox.endOf(roomId)) ?? { ...end, seq: this.#outbox.floor }
    const whole = { ...facts, end: found }
    if (this.#away.has(roomId)) this.#away.set(roomId, whole)
    return whole
  }

  /** A page of the living rooms: those with an id above `after`, ascending. */
  living(after: string, limit: number): Promise<RoomRecord[]> {
    return this.#outbox.livingRooms(after, limit)
  }

  /** Writes the record of a new room. @throws whatever the log fails with. */
  add(room: LiveRoom, { seed, createdAt }: Place): Promise<void> {
    const record = recordOf(room, { seed, createdAt, revealedAt: 0 })
    this.#live.set(room.id, record)
    return this.#writer.add(record)
  }

  /** An adopted room: its record is there, but an earlier owner's, who may still change it. */
  track(room: LiveRoom, record: RoomRecord): void {
    this.#away.delete(room.id)
    this.#replace(room, record)
  }

  /** Writes the record again if it is no longer true. */
  update(room: LiveRoom): void {
    const record = this.#live.get(room.id)
    if (!record || record.revision === room.profile.revision) return
    this.#replace(room, record)
  }

  #replace(room: LiveRoom, before: RoomRecord): void {
    const isRevealed = before.isPrivate && !room.profile.isPrivate
    const revealedAt = isRevealed ? this.#outbox.sealed : before.revealedAt
    const next = recordOf(room, { ...before, revealedAt })
    this.#live.set(room.id, next)
    this.#writer.replace(next)
  }

  /** Gives the facts of a room of this process. */
  factsOf(room: LiveRoom, isLive = true): RoomFacts {
    return { ...factsOf(room, isLive), revealedAt: this.#live.get(room.id)?.revealedAt ?? 0 }
  }

  /**
   * The room is over for this process; `closed` settles when what became of its log is known. Returns the room
   * that is forgotten for it, if any.
   */
  close(room: LiveRoom, closed: Promise<void>): string | null {
    const forgotten = this.#remember(room.id, this.factsOf(room, !room.hasEnded))
    this.#end(room, closed)
    return forgotten
  }

  #end(room: LiveRoom, closed: Promise<void>): void {
    const record = this.#live.get(room.id)
    this.#live.delete(room.id)
    if (!record || !room.hasEnded) return
    // The record is written only after the room's `end`, and not without it: a crash in between is found by the
    // log's own last event, and a room whose `end` was never written goes on from its log.
    const ending = closed
      .catch(() => {})
      .then(() => {
        if (room.end) this.end(record, room.end)
        this.#ending.delete(ending)
      })
    this.#ending.add(ending)
  }

  /** The room is over for good. */
  end(before: RoomRecord, end: RoomEnd): void {
    const record = { ...before, isLive: false, end, revision: before.revision + 1 }
    this.#writer.replace(record)
    this.remember(record)
    this.#onEnded(record)
  }

  /** Resolves when the rooms that are over have their records. The log must be closed, or stop. */
  async drain(): Promise<void> {
    await Promise.all(this.#ending)
    await this.#writer.drain()
  }

  /** Nothing more is written. */
  stop(): void {
    this.#writer.stop()
  }

  /** A room that does not go on here: it is over, or may be. */
  remember({ room, type, delayMs, isPrivate, end: told }: RoomRecord): void {
    const end = told ?? this.#away.get(room)?.end ?? null
    this.#remember(room, { type, delayMs, isPrivate, isLive: false, end })
  }

  #remember(roomId: string, facts: RoomFacts): string | null {
    this.#away.delete(roomId)
    this.#away.set(roomId, facts)
    const oldest = this.#away.keys().next()
    if (this.#away.size <= MAX_KEPT || oldest.done) return null
    this.#away.delete(oldest.value)
    return oldest.value
  }

  /** Gives the facts of a room that is not here; null when it is not known. */
  find(roomId: string): RoomFacts | null {
    const facts = this.#away.get(roomId)
    return facts ? { ...facts, isElsewhere: true } : null
  }

  /** Rooms that are known and not here. */
  awayIds(): Iterable<string> {
    return this.#away.keys()
  }
}

/** Gives the facts that readers of the log must know of a room of this process. */
function factsOf(room: LiveRoom, isLive: boolean): RoomFacts {
  return {
    type: room.type.name,
    delayMs: room.delayMs,
    isPrivate: room.profile.isPrivate,
    isLive,
  }
}

function recordOf(
  room: LiveRoom,
  { seed, createdAt, revealedAt }: Pick<RoomRecord, 'seed' | 'createdAt' | 'revealedAt'>,
): RoomRecord {
  const { type, delayMs, isPrivate } = factsOf(room, true)
  const { isLocked, revision } = room.profile
  const { id, epoch } = room
  const access = { isPrivate, isLocked, revision, revealedAt }
  return { room: id, type, seed, delayMs, epoch, ...access, isLive: true, createdAt, end: null }
}

function isUnasked({ n, seq }: RoomEnd): boolean {
  return n === 0 && seq === 0
}
