import { describe, expect, it } from 'vitest'
import { MongoStore } from '../../../src/mongo.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { withoutOptions } from '../../../src/outbox/stores/mongo/address.ts'
import { makeClient } from '../../../src/outbox/stores/mongo/connect.ts'
import {
  adviceOn,
  adviceOnMember,
  withoutIgnored,
} from '../../../src/outbox/stores/mongo/connection-advice.ts'
import { strange } from '../../../src/testing/contracts/store/log-event.ts'
import { useMongo } from '../../support/use-mongo.ts'

const HOST = 'mongodb://user:s%40fe@127.0.0.1:1/x'

/** What is said of a string with these options, as `option=value`. */
function told(query: string): string[] {
  const uri = `${HOST}?${query}`
  return adviceOn(makeClient(uri).options, uri).map(({ option, value }) => `${option}=${value}`)
}

describe('OB111 options of the connection string', () => {
  it.each([
    'replicaSet=rs0&tls=false&appName=arena',
    'maxPoolSize=18&minPoolSize=2',
    'maxPoolSize=0',
    'waitQueueTimeoutMS=1000',
    'socketTimeoutMS=30000&maxIdleTimeMS=10000',
    'serverSelectionTimeoutMS=10000&connectTimeoutMS=10000&heartbeatFrequencyMS=10000',
    'retryWrites=false&retryReads=false',
    'w=majority&journal=true&readConcernLevel=majority&readPreference=primary',
    'W=Majority&readpreference=PRIMARY',
    'directConnection=true',
  ])('OB111 says nothing of %s', (query) => {
    expect(told(query)).toEqual([])
  })

  it.each([
    ['maxPoolSize=10', ['maxPoolSize=10']],
    ['maxPoolSize=1', ['maxPoolSize=1']],
    ['waitQueueTimeoutMS=500', ['waitQueueTimeoutMS=500']],
    ['waitQueueTimeoutMS=0', ['waitQueueTimeoutMS=0']],
    ['waitQueueTimeoutMS=60000', ['waitQueueTimeoutMS=60000']],
    ['socketTimeoutMS=1000', ['socketTimeoutMS=1000', 'maxIdleTimeMS=5000']],
    ['socketTimeoutMS=0', ['socketTimeoutMS=0']],
    ['socketTimeoutMS=360000', ['socketTimeoutMS=360000']],
    ['maxIdleTimeMS=0', ['maxIdleTimeMS=0']],
    ['maxIdleTimeMS=60000', ['maxIdleTimeMS=60000']],
    ['serverSelectionTimeoutMS=30000', ['serverSelectionTimeoutMS=30000']],
    ['serverSelectionTimeoutMS=200', ['serverSelectionTimeoutMS=200']],
    ['connectTimeoutMS=0', ['connectTimeoutMS=0']],
    ['heartbeatFrequencyMS=60000', ['heartbeatFrequencyMS=60000']],
    ['timeoutMS=500', ['timeoutMS=500']],
    ['readPreference=secondaryPreferred', ['readPreference=secondaryPreferred']],
    [
      'readPreference=nearest&readPreferenceTags=dc:ny&maxStalenessSeconds=120',
      ['readPreference=nearest', 'readPreferenceTags=dc:ny', 'maxStalenessSeconds=120'],
    ],
    ['w=1', ['w=1']],
    ['w=0', ['w=0']],
    ['journal=false', ['journal=false']],
    ['w=3&wtimeoutMS=100', ['w=3', 'wtimeoutMS=100']],
    ['readConcernLevel=local', ['readConcernLevel=local']],
    ['useBigInt64=true', ['useBigInt64=true']],
    ['MAXPOOLSIZE=2&READPREFERENCE=secondary', ['maxPoolSize=2', 'readPreference=secondary']],
  ])('OB111 warns of %s', (query, expected) => {
    expect(told(query)).toEqual(expected)
  })

  it.each([
    ['waitQueueTimeoutMS=5', /waitQueueTimeoutMS of 100 or more .*, got 5$/],
    ['socketTimeoutMS=99', /socketTimeoutMS of 100 or more .*, got 99$/],
    ['serverSelectionTimeoutMS=1', /serverSelectionTimeoutMS of 100 or more .*, got 1$/],
    ['connectTimeoutMS=10', /connectTimeoutMS of 100 or more .*, got 10$/],
    ['minPoolSize=10&maxPoolSize=5', /minPoolSize within maxPoolSize .*, got 10 and 5$/],
    ['maxPoolSize=-1', /^Expected a MongoDB connection string/],
    [
      'directConnection=true&replicaSet=a&loadBalanced=true',
      /^Expected a MongoDB connection string/,
    ],
  ])('OB111 refuses %s: nothing would work', (query, message) => {
    let error: unknown
    try {
      void new MongoStore({ uri: `${HOST}?${query}` })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'option_invalid', message: expect.stringMatching(message) })
    expect(String(error)).not.toMatch(/s%40fe|s@fe|user/)
  })

  it('OB111 one member of several that is spoken to alone has no next primary', () => {
    const member = { setName: 'rs0', hosts: ['a:1', 'b:1', 'c:1'] }
    const direct = makeClient('mongodb://a:1/?directConnection=true').options
    const [advice] = adviceOnMember(direct, member)
    expect(advice).toMatchObject({ option: 'directConnection', value: true })
    expect(advice?.advice).toContain('replicaSet=rs0')
    expect(adviceOnMember(direct, { setName: 'rs0', hosts: ['a:1'] })).toEqual([])
    expect(adviceOnMember(direct, {})).toEqual([])
    expect(adviceOnMember(makeClient('mongodb://a:1').options, member)).toEqual([])
  })

  it.each([
    ['mongodb://u:p%3Fw@h1,h2:2/db?w=1&replicaSet=r', 'mongodb://u:p%3Fw@h1,h2:2/db?replicaSet=r'],
    ['mongodb://h/?w=1', 'mongodb://h/'],
    ['mongodb+srv://h/x?tls=true&W=1&J=false&a', 'mongodb+srv://h/x?tls=true&a='],
    ['mongodb://h/x?tls=true', 'mongodb://h/x?tls=true'],
    ['mongodb://h', 'mongodb://h'],
  ])('OB111 of %s the driver gets %s', (uri, kept) => {
    expect(withoutIgnored(uri)).toBe(kept)
    expect(withoutOptions(uri, new Set())).toBe(uri)
  })
})

describe('OB80 OB111 on a real server', () => {
  const mongo = useMongo()

  function withQuery(query: string): string {
    return `${mongo.uri()}${mongo.uri().includes('?') ? '&' : '/?'}${query}`
  }

  it.each([
    'readPreference=secondary&maxStalenessSeconds=120',
    'w=3',
    'w=0',
    'journal=false',
    'readConcernLevel=linearizable',
    'useBigInt64=true',
    'raw=true',
    'promoteValues=false',
    'retryWrites=false',
    'timeoutMS=1',
    'maxPoolSize=1',
  ])('OB80 OB111 the log is what it is with %s', async (query) => {
    const { databaseName } = mongo.database(`options-${query.replace(/\W/g, '-').slice(0, 30)}`)
    const warned: unknown[] = []
    const logger = {
      ...silentLogger,
      warn: (fields: object, text: string) => void warned.push({ ...fields, text }),
    }
    const store = new MongoStore({ uri: withQuery(query), database: databaseName, logger })
    await store.open()
    const seq = await store.events.allocate(1)
    const event = strange({ seq, room: 'r', n: 1, epoch: 1 })
    expect(await store.events.insert([event])).toEqual({ kind: 'stored' })
    expect(await store.events.lastOfRoom('r')).toEqual(event)
    await store.open()
    await store.close()
    const names = query.split('&').map((pair) => pair.split('=')[0])
    const expected = names.filter((name) => name !== 'retryWrites')
    expect(warned, 'once each').toEqual(
      expected.map((option) => expect.objectContaining({ option, advice: expect.any(String) })),
    )
  })

  it('OB110 logs in one database under prefixes of their own know nothing of each other', async () => {
    const db = mongo.database('shared')
    const own = db.collection<{ _id: string }>('events')
    await own.insertOne({ _id: 'of somebody else' })
    const open = async (collectionPrefix: string): Promise<MongoStore> => {
      const store = new MongoStore({
        uri: mongo.uri(),
        database: db.databaseName,
        collectionPrefix,
      })
      await store.open()
      return store
    }
    const stores = [await open('red_'), await open('blue.')]
    for (const [index, store] of stores.entries()) {
      const seq = await store.events.allocate(1)
      const event = strange({ seq, room: 'r', n: 1, epoch: 1, data: `${index}` })
      expect(await store.events.insert([event])).toEqual({ kind: 'stored' })
      const page = await store.events.range({ after: 0, upTo: seq, limit: 10 })
      expect(page).toEqual([event])
    }
    const [red, blue] = await Promise.all(stores.map(({ marks }) => marks.history()))
    expect(red?.id).not.toBe(blue?.id)
    const names = (await db.listCollections().toArray()).map(({ name }) => name).toSorted()
    const kinds = ['checkpoints', 'events', 'log', 'records', 'rooms', 'snapshots']
    const made = ['blue.', 'red_'].flatMap((prefix) => kinds.map((kind) => `${prefix}${kind}`))
    expect(names).toEqual([...made, 'events'].toSorted())
    const indexes = (await db.collection('red_events').indexes()).map(({ name }) => name)
    expect(new Set(indexes)).toEqual(new Set(['_id_', 'principal_message', 'room_n', 'room_seq']))
    expect(await own.countDocuments()).toBe(1)
    await Promise.all(stores.map((store) => store.close()))
  })

  it('OB96 OB110 a log under a prefix is followed by its own change stream, and made again when it is dropped', async () => {
    const db = mongo.database('shared-wake')
    const options = { uri: mongo.uri(), database: db.databaseName, collectionPrefix: 'red_' }
    const store = new MongoStore(options)
    await store.open()
    const woken = new Promise<void>((resolve) => store.wake.subscribe(resolve))
    const insert = async (): Promise<void> => {
      const seq = await store.events.allocate(1)
      await store.events.insert([strange({ seq })])
    }
    const cancel = setInterval(() => void insert(), 100)
    await woken
    clearInterval(cancel)
    await db.collection('red_events').drop()
    const isBack = async (): Promise<boolean> =>
      (await db.listCollections({ name: 'red_events' }).toArray()).length > 0 &&
      (await db.collection('red_events').indexes()).length === 4
    const deadline = performance.now() + 20_000
    while (!(await isBack()) && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await isBack()).toBe(true)
    expect(await db.listCollections({ name: 'events' }).toArray()).toEqual([])
    await store.close()
  }, 60_000)
})

it.each(['', 'system.', 'a..b', '.a', '1a', 'a b', 'a$b', 'é', 'a\n', 'a'.repeat(41), 7, null])(
  'OB110 the prefix %j is none',
  (collectionPrefix) => {
    const options = { uri: 'mongodb://127.0.0.1:1', collectionPrefix: collectionPrefix as string }
    expect(() => new MongoStore(options)).toThrow(/^Expected collectionPrefix as 1 to 40 letters/)
  },
)

it.each(['a', '_', 'ringside_', 'game.log.', 'a'.repeat(40)])(
  'OB110 the prefix %j is one',
  (collectionPrefix) => {
    expect(() => new MongoStore({ uri: 'mongodb://127.0.0.1:1', collectionPrefix })).not.toThrow()
  },
)
