import { MongoServerError } from 'mongodb'
import type { Collection, Filter } from 'mongodb'
import type { RoomRecord } from '../../contract/store.ts'
import { toRoomDocument } from './documents.ts'
import type { RoomDocument } from './documents.ts'

const DUPLICATE_KEY = 11000

/** Stores the record unless a newer one is there (OB11). `now` in ms of the store's time. @throws what MongoDB does. */
export async function saveRecord(
  rooms: Collection<RoomDocument>,
  record: RoomRecord,
  now: number,
): Promise<void> {
  const { epoch, revision } = record
  const document = toRoomDocument(record, now)
  const isNoNewer: Filter<RoomDocument>[] = [
    { epoch: { $lt: epoch } },
    { epoch, revision: { $lte: revision } },
    { epoch: { $exists: false } },
  ]
  const filter = { _id: document._id, $or: isNoNewer }
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      await rooms.replaceOne(filter, document, { upsert: true })
      return
    } catch (error) {
      // The filter has passed over it: it is newer, or was inserted at the same moment and is looked at again.
      if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error
    }
  }
}
