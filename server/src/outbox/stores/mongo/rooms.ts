import { MongoServerError } from 'mongodb'
import type { Filter } from 'mongodb'
import type { RoomRecord, RoomStore, StoreClock } from '../../contract/store.ts'
import type { Collections } from './collections.ts'
import { toRoomDocument, toRoomRecord } from './documents.ts'
import type { RoomDocument } from './documents.ts'

const DUPLICATE_KEY = 11000

/** The records of rooms in MongoDB. */
export class MongoRooms implements RoomStore {
  readonly #rooms: Collections['rooms']
  readonly #clock: StoreClock

  constructor({ rooms }: Collections, clock: StoreClock) {
    this.#rooms = rooms
    this.#clock = clock
  }

  async save(record: RoomRecord): Promise<void> {
    const { epoch, revision } = record
    const document = toRoomDocument(record, this.#clock.now())
    const isNoNewer: Filter<RoomDocument>[] = [
      { epoch: { $lt: epoch } },
      { epoch, revision: { $lte: revision } },
      { epoch: { $exists: false } },
    ]
    const filter = { _id: document._id, $or: isNoNewer }
    for (let attempt = 1; attempt <= 2; attempt++) {
      try {
        await this.#rooms.replaceOne(filter, document, { upsert: true })
        return
      } catch (error) {
        // The filter has passed over it: it is newer, or was inserted at the same moment and is looked at again.
        if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error
      }
    }
  }

  async living(after: string, limit: number): Promise<RoomRecord[]> {
    const filter = { isLive: true, _id: { $gt: after } }
    const options = { sort: { _id: 1 }, limit, hint: 'living' } as const
    return (await this.#rooms.find(filter, options).toArray()).map(toRoomRecord)
  }

  async get(room: string): Promise<RoomRecord | null> {
    const found = await this.#rooms.findOne({ _id: room })
    return found ? toRoomRecord(found) : null
  }

  async ended(limit: number): Promise<RoomRecord[]> {
    const options = { sort: { createdAt: -1 }, limit, hint: 'living_newest' } as const
    return (await this.#rooms.find({ isLive: false }, options).toArray()).map(toRoomRecord)
  }
}
