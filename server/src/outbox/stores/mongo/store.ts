import type { MongoClient } from 'mongodb'
import { SystemClock } from '../../../process/clock.ts'
import type { Clock } from '../../../process/clock.ts'
import { RingsideError } from '../../../process/errors.ts'
import { silentLogger } from '../../../process/logger.ts'
import type { Logger } from '../../../process/logger.ts'
import { OWNER } from '../../contract/store.ts'
import type {
  Checkpoint,
  InsertOutcome,
  LogEvent,
  LogStore,
  RangeQuery,
  RoomRecord,
  Snapshot,
  SnapshotCut,
  SnapshotPlace,
} from '../../contract/store.ts'
import { databaseIn, maskAddress, maskText } from './address.ts'
import { ClusterTime } from './cluster-time.ts'
import { collectionsOf, createCollections } from './collections.ts'
import type { Collections } from './collections.ts'
import { makeClient, withinMs } from './connect.ts'
import { long, toNumber, toRoomRecord, toSnapshotDocument } from './documents.ts'
import { MongoInserter } from './inserter.ts'
import { MongoReader } from './reader.ts'
import { saveRecord } from './room-record.ts'
import { ServerTime } from './server-time.ts'
import { StartFailure, assertPrimary } from './start-failure.ts'
import { WakeStream } from './wake-stream.ts'

/** What a MongoStore takes. */
export interface MongoStoreOptions {
  /**
   * Standard connection string: credentials, TLS, replica set, pool size and timeouts are its parameters
   * and come before the defaults here. Read and write concern are not its to change (OB1).
   */
  readonly uri: string
  /** Default: the string's own database, else `ringside`. */
  readonly database?: string
  readonly logger?: Logger
  readonly clock?: Clock
  /** How long `open` may take, in ms. Default 7,000. */
  readonly connectTimeoutMs?: number
}

const DEFAULT_DATABASE = 'ringside'
const CONNECT_TIMEOUT_MS = 7_000
/** A client is closed politely (cursors, sessions) for this long; a server that is away must not hold up the end. */
const CLOSE_TIMEOUT_MS = 2_000
/** Events deleted in one command: a larger one would hold locks for long. */
const DELETE_BATCH = 5_000

/**
 * The log in MongoDB: a replica set (majority writes, change stream as wake-up), or a standalone server
 * (polling only).
 */
export class MongoStore implements LogStore {
  readonly address: string
  readonly #options: MongoStoreOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #client: MongoClient
  readonly #at: Collections
  readonly #time: ServerTime
  readonly #wake: WakeStream
  readonly #reader: MongoReader
  readonly #inserter: MongoInserter
  /** Up to here only markers are left: the next cut need not look at them all again. */
  #cutThrough = 0

  /** @throws RingsideError option_invalid for a string that is no MongoDB address. */
  constructor(options: MongoStoreOptions) {
    this.#options = options
    this.address = maskAddress(options.uri)
    const clock = options.clock ?? new SystemClock()
    const logger = options.logger ?? silentLogger
    this.#clock = clock
    this.#logger = logger
    this.#client = makeClient(options.uri)
    const db = this.#client.db(options.database ?? databaseIn(options.uri) ?? DEFAULT_DATABASE)
    this.#at = collectionsOf(db)
    this.#time = new ServerTime(db, clock, logger)
    const time = new ClusterTime(this.#client)
    this.#reader = new MongoReader(this.#at, time)
    this.#inserter = new MongoInserter({
      client: this.#client,
      at: this.#at,
      time,
      mask: (text) => maskText(text, options.uri),
      reader: this.#reader,
    })
    this.#wake = new WakeStream({ events: this.#at.events, clock, logger })
  }

  /** @throws RingsideError outbox_unreachable that names the address without its secrets. */
  async open(): Promise<void> {
    const { uri, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options
    const failure = new StartFailure(this.#client)
    try {
      await withinMs(this.#clock, this.#connect(), connectTimeoutMs)
    } catch (error) {
      await this.close()
      // No `cause`: nothing that quotes the address may travel further.
      throw new RingsideError(
        'outbox_unreachable',
        `Expected a MongoDB at ${this.address}, got: ${maskText(failure.explain(error), uri)}`,
      )
    } finally {
      failure.stop()
    }
  }

  async #connect(): Promise<void> {
    await this.#client.connect()
    const hello = await this.#client.db('admin').command({ hello: 1 })
    assertPrimary(hello)
    // Change streams and transactions need a replica set, or a mongos before several.
    const isReplicated = 'setName' in hello || hello['msg'] === 'isdbgrid'
    this.#inserter.hasTransactions = isReplicated
    this.#wake.isSupported = isReplicated
    if (!isReplicated)
      this.#logger.warn(
        {},
        'MongoDB: no replica set: no change stream (the log is polled), acknowledgement by one server only',
      )
    await this.#time.start()
    await createCollections(this.#client.db(this.#at.events.dbName), this.now(), this.#logger)
  }

  /** Never throws, and takes 2 s at most: a server that is away does not hold it up. */
  async close(): Promise<void> {
    this.#time.stop()
    const closing = this.#wake.stop().then(() => this.#client.close())
    await withinMs(this.#clock, closing, CLOSE_TIMEOUT_MS).catch(() => this.#client.close())
  }

  now(): number {
    return this.#time.now()
  }

  allocate(count: number): Promise<number> {
    return this.#inserter.allocate(count)
  }

  counter(): Promise<number> {
    return this.#reader.field('counter')
  }

  origin(): Promise<number> {
    return this.#reader.field('origin')
  }

  insert(events: readonly LogEvent[]): Promise<InsertOutcome> {
    return this.#inserter.insert(events)
  }

  insertNext(count: number, make: (first: number) => readonly LogEvent[]): Promise<InsertOutcome> {
    return this.#inserter.insertNext(count, make)
  }

  bySeq(seq: number): Promise<LogEvent | null> {
    return this.#reader.bySeq(seq)
  }

  byRoomN(room: string, n: number): Promise<LogEvent | null> {
    return this.#reader.byRoomN(room, n)
  }

  range(query: RangeQuery): Promise<LogEvent[]> {
    return this.#reader.range(query)
  }

  lastOfRoom(room: string): Promise<LogEvent | null> {
    return this.#reader.lastOfRoom(room)
  }

  async floor(): Promise<number> {
    const floor = await this.#reader.field('floor')
    this.#inserter.noteFloor(floor)
    return floor
  }

  async raiseFloor(seq: number): Promise<void> {
    await this.#at.log.updateOne({ _id: 'log' }, { $max: { floor: long(seq), counter: long(seq) } })
    this.#inserter.noteFloor(seq)
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

  sealed(): Promise<number> {
    return this.#reader.field('sealed')
  }

  async storeSealed(seq: number): Promise<void> {
    await this.#at.log.updateOne({ _id: 'log' }, { $max: { sealed: long(seq) } })
  }

  async saveSnapshot(snapshot: Snapshot): Promise<void> {
    const document = toSnapshotDocument(snapshot)
    await this.#at.snapshots.replaceOne({ _id: document._id }, document, { upsert: true })
  }

  snapshotAt(room: string, seq: number): Promise<Snapshot | null> {
    return this.#reader.snapshotAt(room, seq)
  }

  async saveSnapshots(snapshots: readonly Snapshot[]): Promise<void> {
    const writes = snapshots.map(toSnapshotDocument).map((replacement) => {
      return { replaceOne: { filter: { _id: replacement._id }, replacement, upsert: true } }
    })
    await this.#at.snapshots.bulkWrite(writes, { ordered: false })
  }

  snapshotPlaces(rooms: readonly string[], seq: number): Promise<SnapshotPlace[]> {
    return this.#reader.snapshotPlaces(rooms, seq)
  }

  snapshotsOf(places: readonly SnapshotPlace[], maxBytes: number): Promise<Snapshot[]> {
    return this.#reader.snapshotsOf(places, maxBytes)
  }

  async deleteSnapshots(cuts: readonly SnapshotCut[]): Promise<void> {
    const deletions = cuts.map(({ room, below }) => {
      return { deleteMany: { filter: { room, seq: { $lt: long(below) } } } }
    })
    await this.#at.snapshots.bulkWrite(deletions, { ordered: false })
  }

  async saveRoom(record: RoomRecord): Promise<void> {
    await saveRecord(this.#at.rooms, record, this.now())
  }

  async livingRooms(after: string, limit: number): Promise<RoomRecord[]> {
    const filter = { isLive: true, _id: { $gt: after } }
    const options = { sort: { _id: 1 }, limit, hint: 'living' } as const
    return (await this.#at.rooms.find(filter, options).toArray()).map(toRoomRecord)
  }

  async endedRooms(limit: number): Promise<RoomRecord[]> {
    const options = { sort: { createdAt: -1 }, limit, hint: 'living_newest' } as const
    return (await this.#at.rooms.find({ isLive: false }, options).toArray()).map(toRoomRecord)
  }

  async saveCheckpoints(checkpoints: readonly Checkpoint[]): Promise<void> {
    if (checkpoints.length === 0) return
    const at = new Date(this.now())
    const writes = checkpoints.map(({ clientId, seq }) => {
      const update = { $max: { seq: long(seq) }, $set: { at } }
      return { updateOne: { filter: { _id: clientId }, update, upsert: true } }
    })
    await this.#at.checkpoints.bulkWrite(writes, { ordered: false })
  }

  async checkpoint(clientId: string): Promise<number | null> {
    const found = await this.#at.checkpoints.findOne({ _id: clientId })
    return found ? toNumber(found.seq) : null
  }

  subscribe(wake: () => void): () => void {
    return this.#wake.subscribe(wake)
  }
}
