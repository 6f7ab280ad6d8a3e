import { MongoClient } from 'mongodb'
import { afterAll, beforeAll } from 'vitest'
import { MongoStore } from '../../../src/outbox/stores/mongo/store.ts'
import { describeLogStore } from '../../../src/testing/contracts/index.ts'
import { startMongo } from '../../support/mongo.ts'
import type { TestMongo } from '../../support/mongo.ts'

let mongo: TestMongo
const stores: MongoStore[] = []
let count = 0

beforeAll(async () => {
  mongo = await startMongo(1)
}, 120_000)

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  const client = await MongoClient.connect(mongo.uri)
  const { databases } = await client.db().admin().listDatabases()
  for (const { name } of databases)
    if (name.startsWith('suite-')) await client.db(name).dropDatabase()
  await client.close()
  await mongo.stop()
}, 60_000)

describeLogStore('MongoStore', async () => {
  // Every other log shares a database with those before it.
  const isShared = ++count % 2 === 0
  const database = `suite-${process.pid}-${isShared ? 'shared' : count}`
  const prefix = isShared ? { collectionPrefix: `log${count}.` } : {}
  const store = new MongoStore({ uri: mongo.uri, database, ...prefix })
  await store.open()
  stores.push(store)
  return store
})
