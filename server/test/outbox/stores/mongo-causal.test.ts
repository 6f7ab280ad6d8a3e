import { MongoClient, ReadPreference } from 'mongodb'
import type { Db, Document, Timestamp } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MongoStore } from '../../../src/outbox/stores/mongo/store.ts'
import type { LogEvent, LogStore } from '../../../src/outbox/contract/store.ts'
import { startMongo } from '../../support/mongo.ts'
import type { TestMongo } from '../../support/mongo.ts'

let mongo: TestMongo
let client: MongoClient
let db: Db
const stores: MongoStore[] = []

beforeAll(async () => {
  mongo = await startMongo(1)
  client = await MongoClient.connect(mongo.uri)
  db = client.db(`causal-${process.pid}`)
}, 120_000)

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await db.dropDatabase()
  await client.close()
  await mongo.stop()
}, 60_000)

async function open(): Promise<MongoStore> {
  const store = new MongoStore({ uri: mongo.uri, database: db.databaseName })
  await store.open()
  stores.push(store)
  return store
}

async function write(store: LogStore, n: number): Promise<LogEvent> {
  const seq = await store.events.allocate(1)
  const event = { seq, room: 'a', n, epoch: 1, own: 'x', type: 'mark', at: 1, data: '{}' }
  const whole: LogEvent = { ...event, hidden: null, prev: 0 }
  expect(await store.events.insert([whole])).toEqual({ kind: 'stored' })
  return whole
}

/** The set's time by now: what comes later is above it. */
async function timeOfSet(): Promise<Timestamp> {
  await db.collection('ticks').insertOne({}, { writeConcern: { w: 'majority' } })
  const { lastWrite } = await db.admin().command({ hello: 1 })
  return lastWrite.majorityOpTime.ts as Timestamp
}

/** The read concern of the one read that `work` makes, as the server has got it. */
async function readConcernOf(work: () => Promise<unknown>): Promise<Document> {
  await db.command({ profile: 0 })
  await db.collection('system.profile').drop()
  await db.command({ profile: 2 })
  await work()
  await db.command({ profile: 0 })
  const found = await db
    .collection('system.profile')
    .find({ 'command.find': { $in: ['events', 'log', 'snapshots', 'records'] } })
    .withReadPreference(ReadPreference.primary)
    .toArray()
  expect(found).toHaveLength(1)
  return found[0]?.['command'].readConcern as Document
}

describe('FE1 OB40 reads of a MongoStore never go back in time', () => {
  const reads: readonly [string, (store: LogStore) => Promise<unknown>][] = [
    [
      'range',
      (store) => store.events.range({ after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: 10 }),
    ],
    [
      'range of a room',
      (store) => store.events.range({ after: 0, upTo: 1e15, limit: 10, room: 'a' }),
    ],
    ['bySeq', (store) => store.events.bySeq(1)],
    ['byRoomN', (store) => store.events.byRoomN('a', 1)],
    ['byMessageId', (store) => store.events.byMessageId('a', 'b')],
    ['byMessageIds', (store) => store.events.byMessageIds([{ principal: 'a', messageId: 'b' }])],
    ['lastOfRoom', (store) => store.events.lastOfRoom('a')],
    ['snapshotAt', (store) => store.snapshots.at('a', 1)],
    ['floor', (store) => store.marks.floor()],
    ['sealed', (store) => store.marks.sealed()],
    ['counter', (store) => store.marks.counter()],
    ['records.get', (store) => store.records.get('k')],
    ['records.list', (store) => store.records.list({ prefix: '', limit: 10 })],
  ]

  it.each(reads)('FE1 %s asks for what an earlier read has shown', async (_name, read) => {
    const [store, other] = [await open(), await open()]
    const before = await timeOfSet()
    const last = await other.events.lastOfRoom('a')
    const event = await write(other, (last?.n ?? 0) + 1)
    expect(await store.events.bySeq(event.seq)).toEqual(event)
    const { level, afterClusterTime } = await readConcernOf(() => read(store))
    expect(level).toBe('majority')
    expect((afterClusterTime as Timestamp).greaterThan(before)).toBe(true)
  })

  it('FE1 a read asks for what was acknowledged, alone or before a culprit', async () => {
    const store = await open()
    const last = (await store.events.lastOfRoom('a'))?.n ?? 0
    const before = await timeOfSet()
    const stored = await write(store, last + 1)
    const first = await readConcernOf(() => store.events.byRoomN('a', last + 1))
    expect((first['afterClusterTime'] as Timestamp).greaterThan(before)).toBe(true)
    const between = await timeOfSet()
    const seq = await store.events.allocate(2)
    const outcome = await store.events.insert([
      { ...stored, seq, n: last + 2 },
      { ...stored, seq: seq + 1 },
    ])
    expect(outcome).toMatchObject({ kind: 'blocked', index: 1, blocking: stored })
    const second = await readConcernOf(() => store.events.byRoomN('a', last + 2))
    expect((second['afterClusterTime'] as Timestamp).greaterThan(between)).toBe(true)
  })
})
