import { randomBytes } from 'node:crypto'
import { Binary, MongoServerError } from 'mongodb'
import type { Collection, CollectionOptions, Db, Filter, MongoClient } from 'mongodb'
import {
  checkMembers,
  checkText,
  invalid,
  shownNumber,
  shownText,
} from '../../../process/argument.ts'
import { matchBytes, readMatch } from '../../../archive/contract.ts'
import type {
  ArchiveDraft,
  ArchiveStats,
  ArchiveStore,
  ArchivedMatch,
} from '../../../archive/contract.ts'
import { databaseIn, maskAddress } from './address.ts'
import { makeClient } from './connect.ts'
import { isPrefix } from './store.ts'

/** The options of an archive in MongoDB. */
export interface MongoArchiveOptions {
  /** Standard connection string, as that of a MongoStore; it may be the same database. */
  readonly uri: string
  /** Default: the string's own database, else `ringside`. */
  readonly database?: string
  /** It stands before the names of its collections, as that of a MongoStore. Default: nothing. */
  readonly collectionPrefix?: string
  /** All matches together take no more bytes, 1 MiB and more; beyond it the oldest go first. Default 10 GiB. */
  readonly maxBytes?: number
}

interface MatchDocument {
  /** The room's id. */
  _id: string
  version: number
  /** The chunks of this commit have it in their ids. */
  token: string
  /** Absent while something of the match is pinned beyond its time. */
  keepUntil?: Date
  age: Date
  bytes: number
  match: ArchivedMatch
}

interface PieceDocument {
  /** `<room>/<token>/<chunk>/<piece>`, the numbers with leading zeros. */
  _id: string
  data: Binary
}

const MIB = 1024 * 1024
const DEFAULT_MAX_BYTES = 10 * 1024 * MIB
const DEFAULT_DATABASE = 'ringside'
/** A document holds 16 MiB. */
const PIECE_BYTES = 8 * MIB
const DUPLICATE_KEY = 11000
/** Above every character of an id of a piece. */
const END = '\x7f'

/**
 * An archive in MongoDB: of each match one document of its facts, and its chunks as documents of their own. Several
 * servers may share it.
 * @throws RingsideError option_invalid.
 */
export function mongoArchive(options: MongoArchiveOptions): ArchiveStore {
  checkMembers('an option of an archive in MongoDB', options, [
    'uri',
    'database',
    'collectionPrefix',
    'maxBytes',
  ])
  const { uri, database, collectionPrefix: prefix = '', maxBytes = DEFAULT_MAX_BYTES } = options
  checkText('uri', uri)
  if (database !== undefined) checkText('database', database)
  if (prefix !== '' && !isPrefix(prefix))
    throw invalid(`Expected a collectionPrefix as that of a MongoStore, got ${shownText(prefix)}`)
  if (!(Number.isSafeInteger(maxBytes) && maxBytes >= MIB))
    throw invalid(`Expected maxBytes from ${MIB}, a whole number, got ${shownNumber(maxBytes)}`)
  const client = makeClient(uri)
  const db = client.db(database ?? databaseIn(uri) ?? DEFAULT_DATABASE)
  return new MongoArchive({ client, db, prefix, maxBytes, address: maskAddress(uri) })
}

class MongoArchive implements ArchiveStore {
  readonly address: string
  readonly maxBytes: number
  readonly #client: MongoClient
  readonly #matches: Collection<MatchDocument>
  readonly #pieces: Collection<PieceDocument>

  constructor(parts: {
    readonly client: MongoClient
    readonly db: Db
    readonly prefix: string
    readonly maxBytes: number
    readonly address: string
  }) {
    const { client, db, prefix } = parts
    this.address = parts.address
    this.maxBytes = parts.maxBytes
    this.#client = client
    const options: CollectionOptions = {
      readConcern: { level: 'majority' },
      writeConcern: { w: 'majority', journal: true },
      readPreference: 'primary',
    }
    this.#matches = db.collection(`${prefix}archive_matches`, options)
    this.#pieces = db.collection(`${prefix}archive_chunks`, options)
  }

  async open(): Promise<void> {
    await this.#client.connect()
    await this.#matches.createIndexes([
      { key: { keepUntil: 1 }, name: 'expiry' },
      { key: { age: 1 }, name: 'age' },
    ])
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async find(room: string): Promise<ArchivedMatch | null> {
    return matchOf(await this.#matches.findOne({ _id: room }))
  }

  async read({ room, version, chunks }: ArchivedMatch, index: number): Promise<Uint8Array | null> {
    const chunk = chunks[index]
    const found = await this.#matches.findOne({ _id: room, version }, { projection: { token: 1 } })
    if (!chunk || !found) return null
    const range = rangeOf(`${room}/${found.token}/${numbered(index)}/`)
    const pieces = await this.#pieces.find(range, { sort: { _id: 1 } }).toArray()
    const data = Buffer.concat(pieces.map((piece) => piece.data.value()))
    return data.length === chunk.bytes ? data : null
  }

  async begin(room: string): Promise<ArchiveDraft> {
    const token = randomBytes(9).toString('hex')
    const own = `${room}/${token}/`
    let count = 0
    return {
      append: async (chunk) => {
        const name = `${own}${numbered(count++)}/`
        for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
          const data = new Binary(chunk.subarray(at, at + PIECE_BYTES))
          const _id = `${name}${numbered(at / PIECE_BYTES)}`
          await this.#pieces.insertOne({ _id, data })
        }
      },
      commit: async (match) => {
        const isFirst = await this.#replace(match, token)
        if (isFirst) await this.#deleteOthers(room, own)
        else await this.#pieces.deleteMany(rangeOf(own))
        return isFirst
      },
      abandon: async () => {
        await this.#pieces.deleteMany(rangeOf(own))
      },
    }
  }

  async update(match: ArchivedMatch): Promise<boolean> {
    const { room, version } = match
    const found = await this.#matches.findOne({ _id: room, version }, { projection: { token: 1 } })
    return found ? this.#replace(match, found.token) : false
  }

  async delete(room: string): Promise<void> {
    await this.#matches.deleteOne({ _id: room })
    await this.#pieces.deleteMany(rangeOf(`${room}/`))
  }

  expired(time: number, limit: number): Promise<ArchivedMatch[]> {
    return this.#some({ keepUntil: { $lte: new Date(time) } }, limit)
  }

  oldest(limit: number): Promise<ArchivedMatch[]> {
    return this.#some({ keepUntil: { $exists: true } }, limit)
  }

  async stats(): Promise<ArchiveStats> {
    const sum = { $group: { _id: null, matches: { $sum: 1 }, bytes: { $sum: '$bytes' } } }
    const [found] = await this.#matches.aggregate<ArchiveStats>([sum]).toArray()
    return { matches: found?.matches ?? 0, bytes: found?.bytes ?? 0 }
  }

  /** Takes the place of the version that it was made of, or of none. */
  async #replace(match: ArchivedMatch, token: string): Promise<boolean> {
    const { room, version, keepUntil, end, createdAt } = match
    const document: MatchDocument = {
      _id: room,
      version: version + 1,
      token,
      ...(keepUntil === null ? {} : { keepUntil: new Date(keepUntil) }),
      age: new Date(end?.at ?? createdAt),
      bytes: matchBytes(match),
      match: { ...match, version: version + 1 },
    }
    try {
      const filter = { _id: room, version }
      const upsert = version === 0
      const { matchedCount, upsertedCount } = await this.#matches.replaceOne(filter, document, {
        upsert,
      })
      return matchedCount + upsertedCount === 1
    } catch (error) {
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false
      throw error
    }
  }

  /** Pieces of earlier commits, and of drafts: whoever writes one now is not the first to commit any more. */
  async #deleteOthers(room: string, own: string): Promise<void> {
    const others = {
      $and: [rangeOf(`${room}/`), { $nor: [rangeOf(own)] }],
    } as Filter<PieceDocument>
    await this.#pieces.deleteMany(others)
  }

  async #some(filter: Filter<MatchDocument>, limit: number): Promise<ArchivedMatch[]> {
    const found = await this.#matches.find(filter, { sort: { age: 1 }, limit }).toArray()
    return found.map(matchOf).filter((match) => match !== null)
  }
}

function matchOf(document: MatchDocument | null): ArchivedMatch | null {
  const match = readMatch(document?.match)
  return match?.room === document?._id ? match : null
}

function rangeOf(prefix: string): Filter<PieceDocument> {
  return { _id: { $gte: prefix, $lt: prefix + END } }
}

function numbered(index: number): string {
  return String(index).padStart(8, '0')
}
