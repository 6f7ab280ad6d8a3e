import { MongoServerError } from 'mongodb'
import type { Filter } from 'mongodb'
import type {
  RecordPage,
  RecordQuery,
  RecordStore,
  RecordWrite,
  StoreClock,
  StoredRecord,
} from '../../contract/store.ts'
import {
  KEY_END,
  RECORD_PAGE_BYTES,
  RecordVersions,
  checkKey,
  checkQuery,
  checkVersion,
  checkWrite,
} from '../record-check.ts'
import type { ClusterTime } from './cluster-time.ts'
import type { Collections } from './collections.ts'
import { firstOf } from './cursor.ts'
import { long, toRecordDocument, toStoredRecord } from './documents.ts'
import type { RecordDocument } from './documents.ts'

const DUPLICATE_KEY = 11000

/**
 * Records in MongoDB, read as the events are: never less than was seen or acknowledged before. The TTL index
 * deletes those that have expired some time later; until then the filters leave them out.
 */
export class MongoRecords implements RecordStore {
  readonly #records: Collections['records']
  readonly #time: ClusterTime
  readonly #clock: StoreClock
  readonly #versions = new RecordVersions()

  constructor({ records }: Collections, time: ClusterTime, clock: StoreClock) {
    this.#records = records
    this.#time = time
    this.#clock = clock
  }

  async get(key: string): Promise<StoredRecord | null> {
    checkKey(key)
    const filter = { _id: key, ...this.#living() }
    const found = await this.#time.after((session) => this.#records.findOne(filter, { session }))
    return found ? toStoredRecord(found) : null
  }

  async put(write: RecordWrite): Promise<number | null> {
    checkWrite(write)
    const { key, ifVersion } = write
    const version = this.#versions.after(ifVersion, this.#clock.now())
    const document = toRecordDocument(write, version)
    if (ifVersion > 0) {
      const filter = { _id: key, version: long(ifVersion), ...this.#living() }
      const { matchedCount } = await this.#time.after((session) =>
        this.#records.replaceOne(filter, document, { session }),
      )
      return matchedCount === 1 ? version : null
    }
    // It takes the place of an expired one; over a living one the insert collides.
    const filter = { _id: key, expireAt: { $lte: new Date(this.#clock.now()) } }
    try {
      await this.#time.after((session) =>
        this.#records.replaceOne(filter, document, { session, upsert: true }),
      )
      return version
    } catch (error) {
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return null
      throw error
    }
  }

  async list(query: RecordQuery): Promise<RecordPage> {
    checkQuery(query)
    const { prefix, after = '', limit } = query
    const from = after >= prefix ? { $gt: after } : { $gte: prefix }
    const filter: Filter<RecordDocument> = {
      _id: { ...from, $lt: prefix + KEY_END },
      ...this.#living(),
    }
    let bytes = 0
    let count = 0
    let isFull = false
    const records = await this.#time.after((session) =>
      firstOf(
        this.#records.find(filter, { sort: { _id: 1 }, limit, hint: '_id_', session }),
        toStoredRecord,
        ({ value }) => {
          bytes += Buffer.byteLength(value)
          isFull = ++count === limit || bytes >= RECORD_PAGE_BYTES
          return isFull
        },
      ),
    )
    return { records, next: isFull ? (records.at(-1)?.key ?? null) : null }
  }

  async delete(key: string, ifVersion: number): Promise<boolean> {
    checkKey(key)
    checkVersion(ifVersion)
    const filter = { _id: key, version: long(ifVersion), ...this.#living() }
    const { deletedCount } = await this.#time.after((session) =>
      this.#records.deleteOne(filter, { session }),
    )
    return deletedCount === 1
  }

  #living(): Filter<RecordDocument> {
    const now = new Date(this.#clock.now())
    return { $or: [{ expireAt: { $exists: false } }, { expireAt: { $gt: now } }] }
  }
}
