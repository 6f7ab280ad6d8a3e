import type { Long } from 'mongodb'
import { snapshotBytes } from '../../contract/sizes.ts'
import type { Snapshot, SnapshotCut, SnapshotPlace, SnapshotStore } from '../../contract/store.ts'
import type { ClusterTime } from './cluster-time.ts'
import type { Collections } from './collections.ts'
import { firstOf } from './cursor.ts'
import { long, snapshotId, toNumber, toSnapshot, toSnapshotDocument } from './documents.ts'

/** Snapshots in MongoDB, read as the events are: never less than was seen before. */
export class MongoSnapshots implements SnapshotStore {
  readonly #snapshots: Collections['snapshots']
  readonly #time: ClusterTime

  constructor({ snapshots }: Collections, time: ClusterTime) {
    this.#snapshots = snapshots
    this.#time = time
  }

  async save(snapshot: Snapshot): Promise<void> {
    const document = toSnapshotDocument(snapshot)
    await this.#snapshots.replaceOne({ _id: document._id }, document, { upsert: true })
  }

  async saveAll(snapshots: readonly Snapshot[]): Promise<void> {
    const writes = snapshots.map(toSnapshotDocument).map((replacement) => {
      return { replaceOne: { filter: { _id: replacement._id }, replacement, upsert: true } }
    })
    await this.#snapshots.bulkWrite(writes, { ordered: false })
  }

  async at(room: string, seq: number): Promise<Snapshot | null> {
    const filter = { room, seq: { $lte: long(seq) } }
    const found = await this.#time.after((session) =>
      this.#snapshots.findOne(filter, { sort: { seq: -1 }, session }),
    )
    return found ? toSnapshot(found) : null
  }

  async places(rooms: readonly string[], seq: number): Promise<SnapshotPlace[]> {
    const newest = await this.#time.after((session) =>
      this.#snapshots
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

  of(places: readonly SnapshotPlace[], maxBytes: number): Promise<Snapshot[]> {
    const filter = { _id: { $in: places.map(snapshotId) } }
    let bytes = 0
    return this.#time.after((session) =>
      firstOf(
        this.#snapshots.find(filter, { session }),
        toSnapshot,
        (snapshot) => (bytes += snapshotBytes(snapshot)) >= maxBytes,
      ),
    )
  }

  async delete(cuts: readonly SnapshotCut[]): Promise<void> {
    const deletions = cuts.map(({ room, below }) => {
      return { deleteMany: { filter: { room, seq: { $lt: long(below) } } } }
    })
    await this.#snapshots.bulkWrite(deletions, { ordered: false })
  }
}
