import { MongoClient } from 'mongodb'
import type { Db, Document } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SystemClock } from '../../../src/process/clock.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { checkLimits } from '../../../src/process/limits.ts'
import { createOutbox } from '../../../src/outbox/create-outbox.ts'
import { runLogCommand } from '../../../src/log-command.ts'
import type { Outbox } from '../../../src/outbox/contract/outbox.ts'
import type { LogEvent } from '../../../src/outbox/contract/store.ts'
import { MongoStore } from '../../../src/outbox/stores/mongo/store.ts'
import { patch, recordHandlers } from '../support.ts'
import { hasMongo, startMongo } from '../../support/mongo.ts'
import type { TestMongo } from '../../support/mongo.ts'

const NAMES = ['events', 'log', 'snapshots', 'checkpoints', 'rooms', 'records']

type Backup = ReadonlyMap<string, readonly Document[]>

/** All documents of a log: what mongodump writes while nobody writes. */
async function backUp(db: Db): Promise<Backup> {
  const copy = new Map<string, readonly Document[]>()
  for (const name of NAMES)
    copy.set(name, await db.collection(name, { promoteLongs: false }).find().toArray())
  return copy
}

/** Puts them back as mongorestore --drop does it, indexes included: those are made again at the next start. */
async function putBack(db: Db, backup: Backup): Promise<void> {
  for (const [name, documents] of backup) {
    await db.collection(name).deleteMany({})
    if (documents.length > 0) await db.collection(name).insertMany([...documents])
  }
}

async function until(isDone: () => boolean): Promise<void> {
  const end = performance.now() + 20_000
  while (!isDone()) {
    if (performance.now() > end) throw new Error('It has not come about in 20 s')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function run(
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<{ code: number; text: string }> {
  const lines: string[] = []
  const print = (line: string): void => void lines.push(line)
  const code = await runLogCommand({ args, environment, print, printError: print })
  return { code, text: lines.join('\n') }
}

describe('OB102 the command ringside-log', () => {
  it('OB102 says how it is used, and wants an address', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0 })
    expect((await run(['--help'])).text).toContain('ringside-log restored')
    for (const args of [[], ['restored'], ['restored', 'twice'], ['--nonsense'], ['restore']])
      expect((await run(args)).code, args.join(' ')).toBe(2)
    const { code, text } = await run(['restored', '--uri', 'http://user:secret@127.0.0.1/'])
    expect([code, text.includes('secret')]).toEqual([1, false])
  })

  it('OB102 OB13 refuses where no primary can be reached, and prints no credentials', async () => {
    const uri =
      'mongodb://user:secret@127.0.0.1:1/arena?serverSelectionTimeoutMS=200&tlsCertificateKeyFilePassword=hidden'
    const { code, text } = await run(['restored'], { MONGODB_URI: uri })
    expect(code).toBe(1)
    expect(text).toContain('mongodb://***@127.0.0.1:1/arena')
    expect(text).not.toMatch(/secret|hidden|user/)
  })
})

describe.runIf(await hasMongo())('OB102 a log in MongoDB that was restored', () => {
  let mongo: TestMongo
  let client: MongoClient
  const names: string[] = []

  beforeAll(async () => {
    mongo = await startMongo(1)
    client = await MongoClient.connect(mongo.uri)
  }, 120_000)

  afterAll(async () => {
    for (const name of names) await client.db(name).dropDatabase()
    await client.close()
    await mongo.stop()
  }, 60_000)

  function newDatabase(): { name: string; db: Db; uri: string } {
    const name = `restored-${process.pid}-${names.length}`
    names.push(name)
    const uri = new URL(mongo.uri)
    uri.pathname = `/${name}`
    return { name, db: client.db(name), uri: uri.href }
  }

  async function start(database: string): Promise<{
    outbox: Outbox
    shown: LogEvent[]
    lines: string[]
  }> {
    const lines: string[] = []
    const error = (_fields: object, line: string): void => void lines.push(line)
    const logger = { ...silentLogger, error }
    const clock = new SystemClock()
    let ids = 0
    const store = new MongoStore({ uri: mongo.uri, database, clock, logger })
    const outbox = createOutbox(store, checkLimits({}), {
      clock,
      logger,
      randomId: () => `${database}-${performance.now()}-${++ids}`,
    })
    const shown: LogEvent[] = []
    outbox.onSealed((events) => void shown.push(...events))
    await outbox.start()
    return { outbox, shown, lines }
  }

  const numbersOf = async (db: Db): Promise<number[]> =>
    (await db.collection('events').find({ room: 'a' }).sort({ _id: 1 }).toArray()).map(
      ({ n }) => n as number,
    )

  it('OB102 OB103 stopped, restored, the command, started anew: what was lost is void', async () => {
    const { name, db, uri } = newDatabase()
    const { outbox } = await start(name)
    const log = await outbox.openRoom('a', recordHandlers())
    log.append(patch(1))
    log.append(patch(2))
    await log.durable()
    const backup = await backUp(db)
    for (let event = 3; event < 8; event++) log.append(patch(event))
    await log.durable()
    const lost = await outbox.counter()
    await outbox.stop()
    await putBack(db, backup)
    const [before] = await db.collection('log').find().toArray()
    const dry = await run(['restored', '--uri', uri, '--dry-run'])
    expect([dry.code, dry.text.includes('Nothing was changed')]).toEqual([0, true])
    expect((await db.collection('log').find().toArray())[0]).toEqual(before)
    expect((await run(['restored'], { MONGODB_URI: uri })).code).toBe(0)
    const again = await run(['restored', '--uri', uri])
    expect([again.code, again.text.includes('knows of: 1')]).toEqual([0, true])
    const second = await start(name)
    expect(second.outbox.isVoid(lost)).toBe(true)
    expect(second.outbox.isVoid(lost - 5)).toBe(false)
    expect(second.outbox.sealed).toBeGreaterThan(lost + 999_999_999)
    const taken = await second.outbox.openRoom('a', recordHandlers())
    expect(taken.epoch).toBeGreaterThan(1_000_000)
    taken.append(patch(3))
    await taken.durable()
    expect(await numbersOf(db)).toEqual([1, 2, 3, 4])
    await until(() => second.shown.length === 2)
    const page = await second.outbox.read({ after: lost - 7, limit: 10 })
    expect(page.events.map(({ n }) => n)).toEqual([1, 2, 3, 4])
    await second.outbox.stop()
  }, 60_000)

  it('OB105 restored under a running server: it stops, and there is no hole in n', async () => {
    const { name, db } = newDatabase()
    const { outbox, shown, lines } = await start(name)
    const log = await outbox.openRoom('a', recordHandlers())
    log.append(patch(1))
    await log.durable()
    const backup = await backUp(db)
    log.append(patch(2))
    log.append(patch(3))
    await log.durable()
    await until(() => shown.length === 3)
    await putBack(db, backup)
    log.append(patch(4))
    log.durable().catch(() => {})
    await until(() => outbox.stats.isGivenUp)
    expect(await numbersOf(db)).toEqual([1])
    expect(shown).toHaveLength(3)
    expect(
      lines.filter((line) => line.includes('npx --no-install ringside-log restored')),
    ).toHaveLength(1)
    await expect(outbox.stop()).rejects.toMatchObject({ code: 'outbox_unreachable' })
  }, 60_000)

  it('OB101 the command under a running server: it stops at its next number, or at its next look', async () => {
    const { name, uri } = newDatabase()
    const { outbox } = await start(name)
    const log = await outbox.openRoom('a', recordHandlers())
    log.append(patch(1))
    await log.durable()
    expect((await run(['restored', '--uri', uri])).code).toBe(0)
    await until(() => outbox.stats.isGivenUp)
    await outbox.stop()
  }, 60_000)

  it('OB102 there must be a log: none is begun', async () => {
    const { name, db, uri } = newDatabase()
    const { code, text } = await run(['restored', '--uri', uri])
    expect([code, text]).toEqual([
      1,
      expect.stringContaining(`no log in the collection '${name}.log'`),
    ])
    expect(await db.listCollections().toArray()).toEqual([])
  }, 60_000)

  it('OB100 a log without a history gets one, of many processes that start at once exactly one', async () => {
    const { name, db } = newDatabase()
    const open = async (): Promise<MongoStore> => {
      const store = new MongoStore({ uri: mongo.uri, database: name })
      await store.open()
      return store
    }
    await (await open()).close()
    await db.collection('log').updateOne({}, { $unset: { history: 1 } })
    const stores = await Promise.all(Array.from({ length: 6 }, open))
    const ids = await Promise.all(stores.map(async ({ marks }) => (await marks.history()).id))
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).not.toBe('')
    await Promise.all(stores.map((store) => store.close()))
  }, 60_000)
})
