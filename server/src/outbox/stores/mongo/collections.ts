import { MongoServerError } from 'mongodb'
import type { Collection, CollectionOptions, Db, Document } from 'mongodb'
import { randomId } from '../../../process/ids.ts'
import type { Logger } from '../../../process/logger.ts'
import { long } from './documents.ts'
import type {
  CheckpointDocument,
  EventDocument,
  LogDocument,
  RecordDocument,
  RoomDocument,
  SnapshotDocument,
} from './documents.ts'

/** Where a log is: in collections whose names all begin with `prefix`. */
export interface LogPlace {
  readonly db: Db
  readonly prefix: string
}

/** The collections of one log. */
export interface Collections {
  readonly events: Collection<EventDocument>
  readonly log: Collection<LogDocument>
  readonly snapshots: Collection<SnapshotDocument>
  readonly checkpoints: Collection<CheckpointDocument>
  readonly rooms: Collection<RoomDocument>
  readonly records: Collection<RecordDocument>
}

const NAMESPACE_EXISTS = 48
const UNAUTHORIZED = 13
/** A client that has not come back for this long begins anew. */
const CHECKPOINT_TTL_SECONDS = 30 * 24 * 3600
/** The record of an ended room is kept for so long; its log is gone long before. */
const ROOM_TTL_SECONDS = 30 * 24 * 3600

const whole = { bsonType: ['long', 'int'] }
const validators: Readonly<Record<string, Document>> = {
  events: {
    bsonType: 'object',
    required: ['_id', 'own', 'type', 'at', 'data'],
    properties: {
      _id: whole,
      room: { bsonType: 'string' },
      n: whole,
      epoch: whole,
      own: { bsonType: 'string' },
      type: { bsonType: 'string' },
      at: whole,
      data: { bsonType: 'string' },
      hidden: { bsonType: 'string' },
      prev: whole,
      topic: { bsonType: 'string' },
      to: { bsonType: 'string' },
      messageId: { bsonType: 'string' },
      principal: { bsonType: 'string' },
      trace: { bsonType: 'string' },
    },
    // A room's event has a place in it, and nothing else has one; what was published has a topic and its key.
    dependencies: {
      n: ['room', 'epoch'],
      topic: ['messageId', 'principal'],
      messageId: ['topic', 'principal'],
    },
  },
  log: {
    bsonType: 'object',
    required: ['_id', 'origin', 'counter', 'floor', 'sealed'],
    properties: {
      origin: whole,
      counter: whole,
      floor: whole,
      sealed: whole,
      history: { bsonType: 'string' },
      voids: { bsonType: 'array', maxItems: 100 },
      restoredAt: whole,
    },
  },
  snapshots: {
    bsonType: 'object',
    required: ['room', 'n', 'seq', 'epoch', 'at', 'publicState', 'hiddenState', 'runtime'],
    properties: {
      room: { bsonType: 'string' },
      n: whole,
      seq: whole,
      patchN: whole,
      publicState: { bsonType: 'string' },
    },
  },
  records: {
    bsonType: 'object',
    required: ['_id', 'version', 'value'],
    properties: {
      _id: { bsonType: 'string' },
      version: whole,
      value: { bsonType: 'string' },
      expireAt: { bsonType: 'date' },
    },
  },
}

/** Names the collections; every read is a majority read, every write majority and journalled (OB1, OB40). */
export function collectionsOf({ db, prefix }: LogPlace): Collections {
  const options: CollectionOptions = {
    readConcern: { level: 'majority' },
    writeConcern: { w: 'majority', journal: true },
    readPreference: 'primary',
  }
  return {
    events: db.collection<EventDocument>(`${prefix}events`, options),
    log: db.collection<LogDocument>(`${prefix}log`, options),
    snapshots: db.collection<SnapshotDocument>(`${prefix}snapshots`, options),
    checkpoints: db.collection<CheckpointDocument>(`${prefix}checkpoints`, options),
    rooms: db.collection<RoomDocument>(`${prefix}rooms`, options),
    records: db.collection<RecordDocument>(`${prefix}records`, options),
  }
}

/**
 * With these codes one of two processes that create the same at once is refused; it finds it there the next
 * time.
 */
const RACES = new Set([
  12587, // BackgroundOperationInProgressForNamespace
  11000, // an upsert of the same document
  112, // WriteConflict
  117, // ConflictingOperationInProgress
  276, // IndexBuildAborted
])
const MAX_ATTEMPTS = 5

/**
 * Creates what is missing: collections with validators, indexes, the log's one document. Several
 * processes may do so at once; each step is harmless when done twice.
 */
export async function createCollections(
  place: LogPlace,
  nowMs: number,
  logger: Logger,
): Promise<void> {
  await repairCollections(place, logger)
  const origin = long(nowMs * 1000)
  const first = { origin, counter: origin, floor: origin, sealed: origin, history: randomId() }
  const { log } = collectionsOf(place)
  await untilNoRace(() => log.updateOne({ _id: 'log' }, { $setOnInsert: first }, { upsert: true }))
  // A log of an older version: of many processes that start at once the first gives it its id.
  const isOlder = { _id: 'log', history: { $exists: false } } as const
  await untilNoRace(() => log.updateOne(isOlder, { $set: { history: randomId() } }))
}

/**
 * The same for collections and indexes alone: a log whose one document has gone is no longer the one that this
 * process writes, and is not begun anew under it.
 */
export async function repairCollections(place: LogPlace, logger: Logger): Promise<void> {
  await untilNoRace(() => createMissing(place, logger))
}

async function untilNoRace(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work()
      return
    } catch (error) {
      const isRace = error instanceof MongoServerError && RACES.has(Number(error.code))
      if (!isRace || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

async function createMissing(place: LogPlace, logger: Logger): Promise<void> {
  for (const [name, schema] of Object.entries(validators)) {
    const collection = `${place.prefix}${name}`
    const isCurrent = await ensureValidator(place.db, collection, schema)
    if (!isCurrent)
      logger.warn({ collection }, 'the validator is an older one: no right to collMod')
  }
  const { events, snapshots, checkpoints, rooms, records } = collectionsOf(place)
  await events.createIndexes([
    {
      // OB2: there is one event at each place of a room.
      key: { room: 1, n: 1 },
      name: 'room_n',
      unique: true,
      partialFilterExpression: { n: { $exists: true } },
    },
    {
      // It serves the reading of one room by seq.
      key: { room: 1, _id: 1 },
      name: 'room_seq',
      partialFilterExpression: { room: { $exists: true } },
    },
    {
      // OB107: there is one message of each id of a principal.
      key: { principal: 1, messageId: 1 },
      name: 'principal_message',
      unique: true,
      partialFilterExpression: { messageId: { $exists: true } },
    },
  ])
  await snapshots.createIndexes([{ key: { room: 1, seq: -1 }, name: 'room_seq', unique: true }])
  await checkpoints.createIndexes([
    { key: { at: 1 }, name: 'expiry', expireAfterSeconds: CHECKPOINT_TTL_SECONDS },
  ])
  await rooms.createIndexes([
    { key: { isLive: -1, createdAt: -1 }, name: 'living_newest' },
    { key: { isLive: 1, _id: 1 }, name: 'living' },
    { key: { endedAt: 1 }, name: 'expiry', expireAfterSeconds: ROOM_TTL_SECONDS },
  ])
  await records.createIndexes([{ key: { expireAt: 1 }, name: 'expiry', expireAfterSeconds: 0 }])
}

/**
 * Resolves with false where the validator is an older one and the user may not change it (`readWrite` has
 * no collMod).
 */
async function ensureValidator(db: Db, name: string, schema: Document): Promise<boolean> {
  const validator = { $jsonSchema: schema }
  try {
    await db.createCollection(name, { validator })
    return true
  } catch (error) {
    if (!hasCode(error, NAMESPACE_EXISTS)) throw error
  }
  const [existing] = await db.listCollections({ name }).toArray()
  const current = (existing as { options?: { validator?: Document } } | undefined)?.options
  if (JSON.stringify(current?.validator) === JSON.stringify(validator)) return true
  try {
    await db.command({ collMod: name, validator })
    return true
  } catch (error) {
    if (!hasCode(error, UNAUTHORIZED)) throw error
    return false
  }
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof MongoServerError && error.code === code
}
