import { Long, MongoServerError } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/process/logger.ts'
import { createCollections } from '../../../src/outbox/stores/mongo/collections.ts'
import { MongoStore } from '../../../src/outbox/stores/mongo/store.ts'
import { hasMongo } from '../../support/mongo.ts'
import { useMongo } from '../../support/use-mongo.ts'

describe.runIf(await hasMongo())('what a log in MongoDB costs', () => {
  const mongo = useMongo()

  it('OB6 old markers are passed once, not again with each batch that is deleted', async () => {
    const db = mongo.database('cut-markers')
    const store = new MongoStore({ uri: mongo.uri(), database: db.databaseName })
    await store.open()
    const origin = await store.marks.origin()
    const markerCount = 3_000
    const eventCount = 6_000
    const documents = Array.from({ length: markerCount + eventCount }, (_, index) => ({
      _id: Long.fromNumber(origin + 1 + index),
      room: index < markerCount ? `r${index}` : 'x',
      n: index + 1,
      epoch: 1,
      own: 'o',
      type: index < markerCount ? 'owner' : 'patch',
      at: 1,
      data: '{}',
    }))
    await db.collection<{ _id: Long }>('events').insertMany(documents)
    await db.command({ profile: 2 })
    expect(await store.events.deleteThrough(origin + markerCount + eventCount)).toBe(eventCount)
    await db.command({ profile: 0 })
    const looks = await db
      .collection<{ docsExamined?: number }>('system.profile')
      .find({ ns: `${db.databaseName}.events` })
      .toArray()
    const count = looks.reduce((sum, { docsExamined = 0 }) => sum + docsExamined, 0)
    expect(count).toBeGreaterThan(eventCount)
    expect(count).toBeLessThanOrEqual(markerCount + 2 * eventCount)
    expect(await db.collection('events').countDocuments()).toBe(markerCount)
    await store.close()
  })

  it('OB13 a user who may not change a validator goes on with the older one, and it is said', async () => {
    const db = mongo.database('cut-validators')
    await createCollections({ db, prefix: '' }, Date.now(), silentLogger)
    const older = { $jsonSchema: { bsonType: 'object' } }
    await db.command({ collMod: 'events', validator: older })
    const denied = new MongoServerError({ message: 'not authorized', code: 13 })
    // What readWrite has not: everything else is the database's own.
    const limited = new Proxy(db, {
      get(target, key) {
        if (key === 'command') return () => Promise.reject(denied)
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const warned: object[] = []
    const logger = { ...silentLogger, warn: (fields: object) => void warned.push(fields) }
    await createCollections({ db: limited, prefix: '' }, Date.now(), logger)
    expect(warned).toEqual([{ collection: 'events' }])
    await createCollections({ db, prefix: '' }, Date.now(), logger)
    expect(warned, 'changed by who may').toHaveLength(1)
    const [events] = await db.listCollections({ name: 'events' }).toArray()
    expect(JSON.stringify(events)).toContain('dependencies')
  })

  it('OB30 records that have expired are deleted by the database at their time', async () => {
    const db = mongo.database('cut-records')
    const store = new MongoStore({ uri: mongo.uri(), database: db.databaseName })
    await store.open()
    const expiresAt = store.clock.now() + 60_000
    await store.records.put({ key: 'n/1', value: '{}', ifVersion: 0, expiresAt })
    const indexes = await db.collection('records').indexes()
    expect(indexes).toContainEqual(
      expect.objectContaining({ key: { expireAt: 1 }, expireAfterSeconds: 0 }),
    )
    const found = await db
      .collection<{ _id: string; expireAt: Date }>('records')
      .findOne({ _id: 'n/1' })
    expect(found?.expireAt).toEqual(new Date(expiresAt))
    const twisted = { $set: { value: 7 } }
    const update = db.collection<{ _id: string }>('records').updateOne({ _id: 'n/1' }, twisted)
    await expect(update).rejects.toMatchObject({ code: 121 })
    await store.close()
  })
})
