import type { Filter } from 'mongodb'
import { RangeGauge } from '../../contract/sizes.ts'
import { OWNER } from '../../contract/store.ts'
import type {
  EventStore,
  InsertOutcome,
  LogEvent,
  MessageKey,
  RangeQuery,
  VoidRange,
} from '../../contract/store.ts'
import type { ClusterTime } from './cluster-time.ts'
import type { Collections } from './collections.ts'
import { firstOf } from './cursor.ts'
import { long, toEvent, toNumber } from './documents.ts'
import type { EventDocument } from './documents.ts'
import type { MongoInserter } from './inserter.ts'

/** So many events are deleted in one command: a larger one would hold locks for long. */
const DELETE_BATCH = 5_000

/**
 * The events of a log in MongoDB. A read shows what a majority has, and never less than was seen before
 * (OB40).
 */
export class MongoEvents implements EventStore {
  readonly #at: Collections
  readonly #time: ClusterTime
  readonly #inserter: MongoInserter
  /** Only markers are left up to here: the next cut need not look at them all again. */
  #cutThrough = 0

  constructor(at: Collections, time: ClusterTime, inserter: MongoInserter) {
    this.#at = at
    this.#time = time
    this.#inserter = inserter
  }

  allocate(count: number, historyId?: string): Promise<number> {
    return this.#inserter.allocate(count, historyId)
  }

  insert(events: readonly LogEvent[]): Promise<InsertOutcome> {
    return this.#inserter.insert(events)
  }

  insertNext(
    count: number,
    make: (first: number) => readonly LogEvent[],
    historyId?: string,
  ): Promise<InsertOutcome> {
    return this.#inserter.insertNext(count, make, historyId)
  }

  bySeq(seq: number): Promise<LogEvent | null> {
    return this.#inserter.bySeq(seq)
  }

  byRoomN(room: string, n: number): Promise<LogEvent | null> {
    return this.#inserter.byRoomN(room, n)
  }

  byMessageId(principal: string, messageId: string): Promise<LogEvent | null> {
    return this.#inserter.byMessageId(principal, messageId)
  }

  byMessageIds(keys: readonly MessageKey[]): Promise<LogEvent[]> {
    const ids = new Map<string, string[]>()
    for (const { principal, messageId } of keys)
      ids.set(principal, [...(ids.get(principal) ?? []), messageId])
    const asked = Array.from(ids, ([principal, some]) => ({ principal, messageId: { $in: some } }))
    if (asked.length === 0) return Promise.resolve([])
    const projection = { data: 0, hidden: 0 }
    return this.#time.after((session) =>
      this.#at.events
        .find({ $or: asked }, { hint: 'principal_message', projection, session })
        .map(toEvent)
        .toArray(),
    )
  }

  range(query: RangeQuery): Promise<LogEvent[]> {
    const { after, upTo, limit, room, rooms, isBare } = query
    const filter: Filter<EventDocument> = { _id: { $gt: long(after), $lte: long(upTo) } }
    if (room !== undefined) filter.room = room
    else if (rooms) filter.room = { $in: rooms }
    return this.#time.after((session) => {
      const cursor = this.#at.events.find(filter, {
        sort: { _id: 1 },
        limit,
        batchSize: limit + 1,
        hint: filter.room === undefined ? '_id_' : 'room_seq',
        session,
        ...(isBare ? { projection: { data: 0, hidden: 0 } } : {}),
      })
      const gauge = new RangeGauge(query)
      return firstOf(cursor, toEvent, (event) => gauge.isFullWith(event))
    })
  }

  async lastOfRoom(room: string): Promise<LogEvent | null> {
    const filter = { room, n: { $gte: 1 } }
    const found = await this.#time.after((session) =>
      this.#at.events.findOne(filter, { sort: { n: -1 }, hint: 'room_n', session }),
    )
    return found ? toEvent(found) : null
  }

  /**
   * The first call of a process passes all old markers: one that died between floor and deletion has left
   * events among them.
   */
  async deleteThrough(seq: number): Promise<number> {
    const { events } = this.#at
    const isOld = { $ne: OWNER }
    let count = 0
    for (;;) {
      const batch = await events
        .find(
          { _id: { $gt: long(this.#cutThrough), $lte: long(seq) }, type: isOld },
          { projection: { _id: 1 }, sort: { _id: 1 }, limit: DELETE_BATCH },
        )
        .toArray()
      const [first] = batch
      const last = batch.at(-1)
      if (!first || !last) break
      const { deletedCount } = await events.deleteMany({
        _id: { $gte: first._id, $lte: last._id },
        type: isOld,
      })
      count += deletedCount
      this.#cutThrough = toNumber(last._id)
    }
    this.#cutThrough = Math.max(this.#cutThrough, seq)
    return count
  }

  async deleteVoid({ after, upTo }: VoidRange): Promise<number> {
    const filter = { _id: { $gt: long(after), $lte: long(upTo) } }
    return (await this.#at.events.deleteMany(filter)).deletedCount
  }
}
