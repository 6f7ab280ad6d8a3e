import { MAX_TIMER_MS } from '@ringside/protocol'
import type { MongoClient } from 'mongodb'
import { SystemClock } from '../../../process/clock.ts'
import type { Clock } from '../../../process/clock.ts'
import {
  checkMembers,
  checkText,
  invalid,
  shownNumber,
  shownText,
} from '../../../process/argument.ts'
import { RingsideError } from '../../../process/errors.ts'
import { within } from '../../../process/wait.ts'
import { silentLogger } from '../../../process/logger.ts'
import type { Logger } from '../../../process/logger.ts'
import type {
  CheckpointStore,
  EventStore,
  LogStore,
  MarkStore,
  RateStore,
  RecordStore,
  RoomStore,
  SnapshotStore,
  StoreClock,
  WakeSource,
} from '../../contract/store.ts'
import { databaseIn, maskAddress, maskText } from './address.ts'
import { ClusterTime } from './cluster-time.ts'
import { collectionsOf, createCollections, repairCollections } from './collections.ts'
import type { LogPlace } from './collections.ts'
import { makeClient } from './connect.ts'
import { adviceOn, adviceOnMember } from './connection-advice.ts'
import type { ConnectionAdvice } from './connection-advice.ts'
import { MongoCheckpoints } from './checkpoints.ts'
import { MongoEvents } from './events.ts'
import { MongoInserter } from './inserter.ts'
import { MongoMarks } from './marks.ts'
import { MongoRates } from './rates.ts'
import { MongoRecords } from './records.ts'
import { MongoRooms } from './rooms.ts'
import { ServerTime } from './server-time.ts'
import { MongoSnapshots } from './snapshots.ts'
import { StartFailure, assertPrimary } from './start-failure.ts'
import { WakeStream } from './wake-stream.ts'

/** The options of a MongoStore. */
export interface MongoStoreOptions {
  /**
   * Standard connection string: credentials, TLS, replica set, pool size and timeouts are its parameters
   * and come before the defaults here. It may not change the read and write concern (OB80).
   */
  readonly uri: string
  /** Default: the string's own database, else `ringside`. */
  readonly database?: string
  /**
   * Text before the name of each collection, for a database that others use too, or that holds several logs: 1 to 40
   * letters, digits, `_`, `-` and `.`, the first a letter or `_`. Default: none.
   */
  readonly collectionPrefix?: string
  readonly logger?: Logger
  readonly clock?: Clock
  /** The time that `open` may take, in ms. Default 7,000. */
  readonly connectTimeoutMs?: number
}

const OPTIONS = ['uri', 'database', 'collectionPrefix', 'logger', 'clock', 'connectTimeoutMs']
/** Names that begin with `system.` are the database's own, and none has two dots in a row. */
const PREFIX = /^(?!system\.)(?!.*\.\.)[A-Za-z_][A-Za-z0-9_.-]{0,39}$/

/** @throws RingsideError option_invalid; what the address is wrong in is said by the driver's own reading of it. */
function checkOptions(options: MongoStoreOptions): void {
  checkMembers('an option of a MongoStore', options, OPTIONS)
  const { uri, database, collectionPrefix, connectTimeoutMs } = options
  checkText('uri', uri)
  if (database !== undefined) checkText('database', database)
  if (collectionPrefix !== undefined && !isPrefix(collectionPrefix))
    throw invalid(
      `Expected collectionPrefix as 1 to 40 letters, digits, '_', '-' and '.', got ${shownText(collectionPrefix)}`,
    )
  if (connectTimeoutMs !== undefined && !(connectTimeoutMs > 0 && connectTimeoutMs <= MAX_TIMER_MS))
    throw invalid(
      `Expected connectTimeoutMs above 0 and at most ${MAX_TIMER_MS}, got ${shownNumber(connectTimeoutMs)}`,
    )
}

/** Says whether it may stand before the names of collections. */
export function isPrefix(prefix: unknown): boolean {
  return typeof prefix === 'string' && PREFIX.test(prefix)
}

const DEFAULT_DATABASE = 'ringside'
const CONNECT_TIMEOUT_MS = 7_000
/**
 * A client is closed politely (cursors, sessions) for this long; a server that is away must not hold up the
 * end.
 */
const CLOSE_TIMEOUT_MS = 2_000
/**
 * The log in MongoDB: a replica set (majority writes, change stream as wake-up), or a standalone server
 * (polling only).
 */
export class MongoStore implements LogStore {
  readonly address: string
  readonly events: EventStore
  readonly marks: MarkStore
  readonly snapshots: SnapshotStore
  readonly rooms: RoomStore
  readonly checkpoints: CheckpointStore
  readonly records: RecordStore
  readonly rates: RateStore
  readonly clock: StoreClock
  readonly wake: WakeSource
  readonly #options: MongoStoreOptions
  readonly #processClock: Clock
  readonly #logger: Logger
  readonly #client: MongoClient
  readonly #place: LogPlace
  readonly #inserter: MongoInserter
  readonly #time: ServerTime
  readonly #stream: WakeStream
  /** Options that were told of. */
  readonly #warned = new Set<string>()

  /** @throws RingsideError option_invalid for a string that is no MongoDB address. */
  constructor(options: MongoStoreOptions) {
    checkOptions(options)
    this.#options = options
    this.address = maskAddress(options.uri)
    const clock = options.clock ?? new SystemClock()
    const logger = options.logger ?? silentLogger
    this.#processClock = clock
    this.#logger = logger
    this.#client = makeClient(options.uri)
    const db = this.#client.db(options.database ?? databaseIn(options.uri) ?? DEFAULT_DATABASE)
    this.#place = { db, prefix: options.collectionPrefix ?? '' }
    const at = collectionsOf(this.#place)
    const time = new ClusterTime(this.#client)
    this.#inserter = new MongoInserter({
      client: this.#client,
      at,
      time,
      mask: (text) => maskText(text, options.uri),
    })
    this.clock = this.#time = new ServerTime(db, clock, logger)
    this.events = new MongoEvents(at, time, this.#inserter)
    this.marks = new MongoMarks({ at, time, onFloor: (seq) => this.#inserter.noteFloor(seq) })
    this.snapshots = new MongoSnapshots(at, time)
    this.rooms = new MongoRooms(at, this.clock)
    this.checkpoints = new MongoCheckpoints(at, this.clock)
    this.records = new MongoRecords(at, time, this.clock)
    this.rates = new MongoRates(db, this.#place.prefix)
    this.wake = this.#stream = new WakeStream({
      events: at.events,
      clock,
      logger,
      repair: () => repairCollections(this.#place, logger),
    })
  }

  /** @throws RingsideError outbox_unreachable that names the address without its secrets. */
  open(): Promise<void> {
    return this.#open(false)
  }

  /**
   * The same for a log that is there: none is begun.
   * @throws RingsideError outbox_unreachable, also when there is none.
   */
  openExisting(): Promise<void> {
    return this.#open(true)
  }

  async #open(mustExist: boolean): Promise<void> {
    const { uri, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options
    const failure = new StartFailure(this.#client)
    try {
      const connecting = this.#connect(mustExist)
      if (!(await within(this.#processClock, connectTimeoutMs, connecting)))
        throw new Error(`no answer within ${connectTimeoutMs} ms`)
    } catch (error) {
      await this.close()
      // It has no `cause`: nothing that quotes the address may travel further.
      throw new RingsideError(
        'outbox_unreachable',
        `Expected a MongoDB at ${this.address}, got: ${maskText(failure.explain(error), uri)}`,
      )
    } finally {
      failure.stop()
    }
  }

  /** Once, however often it is tried to open the log: each says what it would have instead (OB111). */
  #warn(advice: readonly ConnectionAdvice[]): void {
    for (const { option, value, advice: text } of advice) {
      if (this.#warned.has(option)) continue
      this.#warned.add(option)
      this.#logger.warn(
        { option, value, advice: text },
        'MongoDB: an option of the connection string',
      )
    }
  }

  async #connect(mustExist: boolean): Promise<void> {
    this.#warn(adviceOn(this.#client.options, this.#options.uri))
    await this.#client.connect()
    const hello = await this.#client.db('admin').command({ hello: 1 })
    assertPrimary(hello)
    this.#warn(adviceOnMember(this.#client.options, hello))
    // Change streams and transactions need a replica set, or a mongos before several.
    const isReplicated = 'setName' in hello || hello['msg'] === 'isdbgrid'
    this.#inserter.hasTransactions = isReplicated
    this.#stream.isSupported = isReplicated
    if (!isReplicated)
      this.#logger.warn(
        {},
        'MongoDB: no replica set: no change stream (the log is polled), acknowledgement by one server only',
      )
    await this.#time.start()
    const { log } = collectionsOf(this.#place)
    if (mustExist && !(await log.findOne({ _id: 'log' })))
      throw new Error(`no log in the collection '${log.namespace}'`)
    await createCollections(this.#place, this.clock.now(), this.#logger)
  }

  /** It never throws, and takes 2 s at most: a server that is away does not hold it up. */
  async close(): Promise<void> {
    this.#time.stop()
    const closing = this.#stream.stop().then(() => this.#client.close())
    const isClosed = await within(this.#processClock, CLOSE_TIMEOUT_MS, closing).catch(() => false)
    if (!isClosed) await this.#client.close()
  }
}
