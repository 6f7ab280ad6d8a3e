import { MongoMemoryReplSet, MongoMemoryServer } from 'mongodb-memory-server-core'
import { MONGOD_VERSION, findMongod } from '../../../scripts/mongod.mjs'

/** A real replica set for tests, and why there is none when there is none. */
export interface TestMongo {
  readonly uri: string
  readonly replicaSet: MongoMemoryReplSet | null
  stop(): Promise<void>
}

/**
 * Where tests find MongoDB, or null with the reason printed: then those that need it are left out. With CI=true
 * there is no leaving out: they fail.
 */
export async function findTestMongod(): Promise<string | null> {
  const given = process.env['MONGODB_URI']
  if (given) return given
  try {
    return await findMongod({})
  } catch (error) {
    if (process.env['CI'] === 'true' || process.env['CI'] === '1') throw error
    process.stderr.write(`tests on MongoDB are left out: ${String(error)}\n`)
    return null
  }
}

/**
 * `MONGODB_URI` when it is set; else real mongod processes of a replica set with `count` members.
 * @throws Error that says what could not be found and how to get it.
 */
export async function startMongo(count = 1): Promise<TestMongo> {
  const given = process.env['MONGODB_URI']
  if (given) return { uri: given, replicaSet: null, stop: async () => {} }
  const systemBinary = await findMongod({})
  const replicaSet = await MongoMemoryReplSet.create({
    replSet: {
      count,
      storageEngine: 'wiredTiger',
      args: ['--wiredTigerCacheSizeGB', '0.25'],
      configSettings: { electionTimeoutMillis: 2000 },
    },
    binary: { systemBinary, version: MONGOD_VERSION, checkMD5: false },
  })
  return {
    uri: replicaSet.getUri(),
    replicaSet,
    stop: async () => {
      await replicaSet.stop({ doCleanup: true, force: true })
    },
  }
}

/** One server that belongs to no replica set. */
export async function startStandalone(): Promise<{ uri: string; stop(): Promise<void> }> {
  const systemBinary = await findMongod({})
  const server = await MongoMemoryServer.create({
    instance: { storageEngine: 'wiredTiger', args: ['--wiredTigerCacheSizeGB', '0.25'] },
    binary: { systemBinary, version: MONGOD_VERSION, checkMD5: false },
  })
  return {
    uri: server.getUri(),
    stop: async () => {
      await server.stop({ doCleanup: true, force: true })
    },
  }
}
