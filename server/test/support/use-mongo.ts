import { MongoClient } from 'mongodb'
import type { Db } from 'mongodb'
import { afterAll, beforeAll } from 'vitest'
import { startMongo } from './mongo.ts'
import type { TestMongo } from './mongo.ts'

/** A MongoDB for a whole file of tests, with a client; the databases that were named are dropped at the end. */
export function useMongo(): { uri(): string; database(name: string): Db } {
  const names = new Set<string>()
  let mongo: TestMongo
  let client: MongoClient
  beforeAll(async () => {
    mongo = await startMongo(1)
    client = await MongoClient.connect(mongo.uri)
  }, 120_000)
  afterAll(async () => {
    for (const name of names) await client.db(name).dropDatabase()
    await client.close()
    await mongo.stop()
  }, 60_000)
  return {
    uri: () => mongo.uri,
    database(name) {
      const full = `${name}-${process.pid}`
      names.add(full)
      return client.db(full)
    },
  }
}
