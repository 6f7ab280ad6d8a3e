import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { Outbox } from '../outbox/contract/outbox.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'
import { RecordWriter } from './record-writer.ts'
import type { RoomType } from '../room/context.ts'
import type { LiveRoom } from '../room/room.ts'

/** What is known of a room, living or over, for readers of its log. */
export interface RoomFacts {
  readonly type: string
  readonly delayMs: number
  readonly isPrivate: boolean
  /** As in the room's record; absent for rooms that are over. */
  readonly revealedAt?: number
  readonly isLive: boolean
}

/** Which room is to be started. */
export interface RoomPlace {
  readonly id: string
  readonly type: RoomType
  readonly seed: string
  /** Store time in ms. */
  readonly createdAt: number
}

export interface RoomRecordsParts {
  readonly outbox: Pick<Outbox, 'saveRoom' | 'livingRooms' | 'endedRooms' | 'sealed'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Rooms that are over whose facts are kept; the oldest are forgotten first. */
const MAX_KEPT = 10_000

/**
 * Keeps the log's records of rooms true (OB11): what must be known of a room without reading its log,
 * and which rooms a restart goes on with.
 */
export class RoomRecords {
  readonly #outbox: Pick<Outbox, 'livingRooms' | 'endedRooms' | 'sealed'>
  readonly #writer: RecordWriter
  readonly #live = new Map<string, RoomRecord>()
  readonly #over = new Map<string, RoomFacts>()
  /** Rooms whose log is being closed: their records are written after it. */
  readonly #ending = new Set<Promise<void>>()

  constructor(parts: RoomRecordsParts) {
    this.#outbox = parts.outbox
    this.#writer = new RecordWriter(parts)
  }

  /** Remembers the newest of the rooms that have ended. @throws whatever the log fails with. */
  async loadEnded(): Promise<void> {
    const newestFirst = await this.#outbox.endedRooms(MAX_KEPT)
    for (const record of newestFirst.reverse()) this.remember(record.room, record)
  }

  /** A page of the living rooms: those with an id above `after`, ascending. */
  living(after: string, limit: number): Promise<RoomRecord[]> {
    return this.#outbox.livingRooms(after, limit)
  }

  /** Writes the record of a new room. @throws whatever the log fails with. */
  add(room: LiveRoom, { seed, createdAt }: RoomPlace): Promise<void> {
    const record = recordOf(room, { seed, createdAt, revealedAt: 0 })
    this.#live.set(room.id, record)
    return this.#writer.add(record)
  }

  /** A restored room: its record is there, but an earlier owner's, who may still change it. */
  track(room: LiveRoom, record: RoomRecord): void {
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

  /** Facts of a room of this process. */
  factsOf(room: LiveRoom): RoomFacts {
    return { ...factsOf(room, true), revealedAt: this.#live.get(room.id)?.revealedAt ?? 0 }
  }

  /** The room is over for this process; `closed` settles when what became of its log is known. */
  close(room: LiveRoom, closed: Promise<void>): void {
    this.remember(room.id, factsOf(room, false))
    const record = this.#live.get(room.id)
    this.#live.delete(room.id)
    if (!record || !room.hasEnded) return
    // Only after its `end`, and not without it: a crash in between is found by the log's own last event, and a
    // room whose `end` was never written goes on from its log.
    const ending = closed
      .catch(() => {})
      .then(() => {
        if (room.isEndStored) this.end(record)
        this.#ending.delete(ending)
      })
    this.#ending.add(ending)
  }

  /** The room is over for good. */
  end(record: RoomRecord): void {
    this.#writer.replace({ ...record, isLive: false, revision: record.revision + 1 })
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

  remember(roomId: string, { type, delayMs, isPrivate }: RoomFacts): void {
    this.#over.set(roomId, { type, delayMs, isPrivate, isLive: false })
    const oldest = this.#over.keys().next()
    if (this.#over.size > MAX_KEPT && !oldest.done) this.#over.delete(oldest.value)
  }

  /** Facts of a room that is over; null when it is not known. */
  find(roomId: string): RoomFacts | null {
    return this.#over.get(roomId) ?? null
  }

  endedIds(): Iterable<string> {
    return this.#over.keys()
  }
}

/** What readers of the log must know of a room of this process. */
function factsOf(room: LiveRoom, isLive: boolean): RoomFacts {
  return { type: room.type, delayMs: room.kind.delayMs, isPrivate: room.profile.isPrivate, isLive }
}

function recordOf(
  room: LiveRoom,
  { seed, createdAt, revealedAt }: Pick<RoomRecord, 'seed' | 'createdAt' | 'revealedAt'>,
): RoomRecord {
  const { type, delayMs, isPrivate } = factsOf(room, true)
  const { isLocked, revision } = room.profile
  const { id, epoch } = room
  const access = { isPrivate, isLocked, revision, revealedAt }
  return { room: id, type, seed, delayMs, epoch, ...access, isLive: true, createdAt }
}
