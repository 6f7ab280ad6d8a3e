import { inspect } from 'node:util'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { MongoClient, MongoServerSelectionError } from 'mongodb'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createOutbox } from '../../../src/outbox/create-outbox.ts'
import { SystemClock } from '../../../src/process/clock.ts'
import { randomId } from '../../../src/process/ids.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import type { Logger } from '../../../src/process/logger.ts'
import { MongoStore } from '../../../src/mongo.ts'
import type { RingsideError } from '../../../src/process/errors.ts'
import { checkLimits } from '../../../src/process/limits.ts'
import { StartFailure, assertPrimary } from '../../../src/outbox/stores/mongo/start-failure.ts'
import { quietHandlers, until } from '../../faults/rig.ts'
import { TcpProxy } from '../../faults/tcp-proxy.ts'
import { hasMongo, hasMongod, startMongo, startStandalone } from '../../support/mongo.ts'
import type { TestMongo } from '../../support/mongo.ts'

const SECRET = 'hunter2secret'

async function failureOf(uri: string): Promise<RingsideError> {
  const store = new MongoStore({ uri, connectTimeoutMs: 1_500 })
  return store.open().then(
    () => Promise.reject(new Error('It opened')),
    (error: unknown) => error as RingsideError,
  )
}

/** Everything that a logger could find in an error, causes and hidden fields included. */
function everything(error: unknown): string {
  return inspect(error, { depth: 20, showHidden: true })
}

describe('OB13 a MongoDB that cannot be had', () => {
  test('OB13 nobody listens: said in time, address masked, no secret anywhere in the error', async () => {
    const startedAt = performance.now()
    const error = await failureOf(`mongodb://user:${SECRET}@127.0.0.1:1/x`)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(error.code).toBe('outbox_unreachable')
    expect(error.message).toContain('mongodb://***@127.0.0.1:1/x')
    expect(everything(error)).not.toContain(SECRET)
  })

  test('OB13 somebody listens and never answers: the same', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const startedAt = performance.now()
    const error = await failureOf(`mongodb://user:${SECRET}@127.0.0.1:${port}/x`)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(error.code).toBe('outbox_unreachable')
    expect(everything(error)).not.toContain(SECRET)
    server.close()
  })

  test('OB13 a member that is not primary is refused with the way to name them all', () => {
    expect(() => assertPrimary({ isWritablePrimary: true })).not.toThrow()
    const hello = { isWritablePrimary: false, setName: 'rs0' }
    expect(() => assertPrimary({ ...hello, primary: 'a:27017' })).toThrow(
      'a member that is not primary (its primary is a:27017 now): name all members with replicaSet=rs0 instead of directConnection=true',
    )
    expect(() => assertPrimary(hello)).toThrow('it has no primary now')
  })

  test('OB13 members that cannot be reached are named as the set names them', async () => {
    const client = new MongoClient('mongodb://127.0.0.1:1')
    const failure = new StartFailure(client)
    const servers = [
      { address: 'mongo-0:27017', type: 'Unknown', error: new Error('getaddrinfo ENOTFOUND') },
      { address: 'mongo-1:27017', type: 'RSSecondary', error: null },
    ]
    const reason = {
      type: 'ReplicaSetNoPrimary',
      servers: new Map(servers.map((server) => [server.address, server])),
    }
    const error = new MongoServerSelectionError('timed out', reason as never)
    expect(failure.explain(error)).toBe(
      'a replica set without a primary: mongo-0:27017 (getaddrinfo ENOTFOUND), mongo-1:27017 (RSSecondary)',
    )
    failure.stop()
    expect(client.listenerCount('serverHeartbeatSucceeded')).toBe(0)
    await client.close()
  })

  test.each([
    `mysql://user:${SECRET}@db`,
    `mongodb://user:${SECRET}@`,
    `mongodb://user:${SECRET}%zz@db`,
    `mongodb://user:${SECRET}@db/?socketTimeoutMS=${SECRET}`,
    `mongodb://user:${SECRET}@db/?tls=maybe`,
    `mongodb://user:${SECRET}@db/?noSuchOption=1`,
    `mongodb://user:/${SECRET}@db/x`,
  ])('OB13 %# is refused when the store is made, without its secret', (uri) => {
    let error: unknown = null
    try {
      void new MongoStore({ uri })
    } catch (thrown) {
      error = thrown
    }
    expect((error as RingsideError).code).toBe('option_invalid')
    expect(everything(error)).not.toContain(SECRET)
  })
})

describe.skipIf(!(await hasMongo()))('OB13 opening', () => {
  let mongo: TestMongo
  const databases = new Set<string>()
  beforeAll(async () => {
    mongo = await startMongo(1)
  }, 120_000)
  afterAll(async () => {
    const client = await MongoClient.connect(mongo.uri)
    for (const name of databases) await client.db(name).dropDatabase()
    await client.close()
    await mongo.stop()
  }, 60_000)

  const named = (name: string): string => {
    const database = `open-${process.pid}-${name}`
    databases.add(database)
    return database
  }

  test('OB13 OB81 eight processes open a new database at once, then again', async () => {
    const database = named('race')
    for (let time = 0; time < 2; time++) {
      const stores = Array.from({ length: 8 }, () => new MongoStore({ uri: mongo.uri, database }))
      await Promise.all(stores.map((store) => store.open()))
      const firsts = await Promise.all(stores.map((store) => store.events.allocate(1)))
      expect(new Set(firsts).size).toBe(8)
      expect(new Set(await Promise.all(stores.map((store) => store.marks.origin()))).size).toBe(1)
      await Promise.all(stores.map((store) => store.close()))
    }
  }, 60_000)

  test('OB13 a replica set of another name is named', async () => {
    const uri = new URL(mongo.uri)
    uri.searchParams.set('replicaSet', 'another')
    const { message } = await failureOf(uri.href)
    expect(message).toMatch(
      /got: a replica set of another name: expected replicaSet=\w+, got replicaSet=another$/,
    )
  })

  test('OB13 a store that was closed can be opened again, and closing twice does no harm', async () => {
    const store = new MongoStore({ uri: mongo.uri, database: named('again') })
    await store.open()
    const first = await store.events.allocate(3)
    await store.close()
    await store.close()
    await store.open()
    expect(await store.events.allocate(1)).toBe(first + 3)
    await store.close()
  })

  test('OB13 errors of a connection that breaks later hold no secret either', async () => {
    const admin = await MongoClient.connect(mongo.uri)
    const database = named('secret')
    await admin.db(database).command({ createUser: 'user', pwd: SECRET, roles: ['readWrite'] })
    const address = new URL(mongo.uri)
    const proxy = await TcpProxy.start(Number(address.port))
    const uri = `mongodb://user:${SECRET}@127.0.0.1:${proxy.port}/${database}?directConnection=true`
    const store = new MongoStore({ uri })
    await store.open()
    await store.events.allocate(1)
    proxy.cut()
    const errors = await Promise.all([
      store.events.range({ after: 0, upTo: 1, limit: 1 }).catch((error: unknown) => error),
      store.events.allocate(1).catch((error: unknown) => error),
      store.checkpoints
        .save([{ clientId: 'c', feedName: '', seq: 1, selection: '' }])
        .catch((error: unknown) => error),
    ])
    for (const error of errors) {
      expect(error).toBeInstanceOf(Error)
      expect(everything(error)).not.toContain(SECRET)
    }
    await store.close()
    await proxy.stop()
    const wrong = new MongoStore({
      uri: `mongodb://user:wrong${SECRET}@${address.host}/${database}?directConnection=true`,
    })
    const refused: unknown = await wrong.open().catch((error: unknown) => error)
    expect((refused as RingsideError).message).toContain('Authentication failed')
    expect(everything(refused)).not.toContain(SECRET)
    await admin.db(database).command({ dropUser: 'user' })
    await admin.close()
  }, 60_000)

  test('OB6 a snapshot of an older version is read: it passes for a patch', async () => {
    const database = named('old-snapshot')
    const client = await MongoClient.connect(mongo.uri)
    const store = new MongoStore({ uri: mongo.uri, database })
    await store.open()
    const state = { publicState: '{}', hiddenState: null, runtime: '{}' }
    const old = { room: 'r', n: 7, seq: 9, epoch: 1, at: 5, ...state }
    await client
      .db(database)
      .collection('snapshots')
      .insertOne({ ...old })
    expect(await store.snapshots.at('r', 10)).toEqual({ ...old, patchN: 7 })
    await store.close()
    await client.close()
  })

  test('OB13 an older validator is replaced', async () => {
    const database = named('older')
    const client = await MongoClient.connect(mongo.uri)
    await client.db(database).createCollection('events', { validator: { nothing: 'fits' } })
    const store = new MongoStore({ uri: mongo.uri, database })
    await store.open()
    const seq = await store.events.allocate(1)
    const event = { seq, room: null, n: 0, epoch: 0, own: 'o', type: 't', at: 1, data: '{}' }
    expect(await store.events.insert([{ ...event, hidden: null, prev: 0 }])).toEqual({
      kind: 'stored',
    })
    await store.close()
    await client.close()
  })
})

describe.skipIf(!(await hasMongod()))('OB5 a server without a replica set', () => {
  test('OB5 is polled, which is said once; events come through, numbers are taken without transactions', async () => {
    const standalone = await startStandalone()
    onTestFinished(() => standalone.stop())
    const lines: string[] = []
    const logger: Logger = { ...silentLogger, warn: (_fields, message) => void lines.push(message) }
    const clock = new SystemClock()
    const store = new MongoStore({ uri: standalone.uri, logger })
    const outbox = createOutbox(store, checkLimits({}), { clock, logger: silentLogger, randomId })
    await outbox.start()
    const seen: string[] = []
    outbox.onSealed((events) => seen.push(...events.map(({ data }) => data)))
    const log = await outbox.openRoom('room00000000', quietHandlers)
    for (let index = 0; index < 20; index++) {
      log.append({ type: 'mark', data: `{"i":${index}}` })
      await log.durable()
    }
    await until(() => seen.length === 20, 'events')
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => `{"i":${index}}`))
    const outcome = await store.events.insertNext(1, (seq) => [
      {
        seq,
        room: null,
        n: 0,
        epoch: 0,
        own: 'o',
        type: 't',
        at: 1,
        data: '',
        hidden: null,
        prev: 0,
      },
    ])
    expect(outcome).toEqual({ kind: 'stored' })
    expect(lines).toEqual([
      'MongoDB: no replica set: no change stream (the log is polled), acknowledgement by one server only',
    ])
    await outbox.stop()
    const named = new URL(standalone.uri)
    named.searchParams.set('replicaSet', 'rs0')
    const { message } = await failureOf(named.href)
    expect(message).toContain('belongs to no replica set: leave replicaSet=rs0 out')
  }, 60_000)
})
