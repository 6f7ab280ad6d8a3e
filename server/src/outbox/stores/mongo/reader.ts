import type { Filter, FindCursor, Long } from 'mongodb'
import { RingsideError } from '../../../process/errors.ts'
import { PageGauge } from '../../read/page-gauge.ts'
import { snapshotBytes } from '../../keep/snapshot-check.ts'
import type { LogEvent, RangeQuery, Snapshot, SnapshotPlace } from '../../contract/store.ts'
import type { ClusterTime } from './cluster-time.ts'
import type { Collections } from './collections.ts'
import { long, snapshotId, toEvent, toNumber, toSnapshot } from './documents.ts'
import type { EventDocument, LogDocument } from './documents.ts'

/** The reading half of a MongoStore: what a majority has, and never less than was seen before (OB1, FE1). */
export class MongoReader {
  readonly #at: Collections
  readonly #time: ClusterTime

  constructor(at: Collections, time: ClusterTime) {
    this.#at = at
    this.#time = time
  }

  async bySeq(seq: number): Promise<LogEvent | null> {
    const found = await this.#time.after((session) =>
      this.#at.events.findOne({ _id: long(seq) }, { session }),
    )
    return found ? toEvent(found) : null
  }

  async byRoomN(room: string, n: number): Promise<LogEvent | null> {
    const found = await this.#time.after((session) =>
      this.#at.events.findOne({ room, n }, { hint: 'room_n', session }),
    )
    return found ? toEvent(found) : null
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
      const gauge = new PageGauge(query)
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

  async snapshotAt(room: string, seq: number): Promise<Snapshot | null> {
    const filter = { room, seq: { $lte: long(seq) } }
    const found = await this.#time.after((session) =>
      this.#at.snapshots.findOne(filter, { sort: { seq: -1 }, session }),
    )
    return found ? toSnapshot(found) : null
  }

  async snapshotPlaces(rooms: readonly string[], seq: number): Promise<SnapshotPlace[]> {
    const newest = await this.#time.after((session) =>
      this.#at.snapshots
        .aggregate<{ _id: string; seq: Long | number }>(
          [
            { $match: { room: { $in: rooms }, seq: { $lte: long(seq) } } },
            { $sort: { room: 1, seq: -1 } },
            { $group: { _id: '$room', seq: { $first: '$seq' } } },
          ],
          { hint: 'room_seq', batchSize: rooms.length + 1, session },
        )
        .toArray(),
    )
    return newest.map((place) => ({ room: place._id, seq: toNumber(place.seq) }))
  }

  snapshotsOf(places: readonly SnapshotPlace[], maxBytes: number): Promise<Snapshot[]> {
    const filter = { _id: { $in: places.map(snapshotId) } }
    let bytes = 0
    return this.#time.after((session) =>
      firstOf(
        this.#at.snapshots.find(filter, { session }),
        toSnapshot,
        (snapshot) => (bytes += snapshotBytes(snapshot)) >= maxBytes,
      ),
    )
  }

  /** One of the log's numbers. */
  async field(name: Exclude<keyof LogDocument, '_id'>): Promise<number> {
    const found = await this.#time.after((session) =>
      this.#at.log.findOne({ _id: 'log' }, { projection: { [name]: 1 }, session }),
    )
    if (!found) throw new RingsideError('outbox_unreachable', 'Expected the log, got nothing')
    return toNumber(found[name])
  }
}

/** What a cursor finds, up to the one that is enough; the rest is not fetched. */
async function firstOf<D, T>(
  cursor: FindCursor<D>,
  read: (document: D) => T,
  isEnough: (one: T) => boolean,
): Promise<T[]> {
  const found: T[] = []
  for await (const document of cursor)
    // A batch at a time, not a promise for each document.
    for (const each of [document, ...cursor.readBufferedDocuments()]) {
      const one = read(each)
      found.push(one)
      if (isEnough(one)) return found
    }
  return found
}
