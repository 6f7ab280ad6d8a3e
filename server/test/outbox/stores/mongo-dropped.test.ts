import type { Db } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { SystemClock } from '../../../src/process/clock.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { checkLimits } from '../../../src/process/limits.ts'
import { createOutbox } from '../../../src/outbox/create-outbox.ts'
import type { Outbox } from '../../../src/outbox/contract/outbox.ts'
import type { LogEvent } from '../../../src/outbox/contract/store.ts'
import { MongoStore } from '../../../src/outbox/stores/mongo/store.ts'
import { patch, recordHandlers } from '../support.ts'
import { hasMongo } from '../../support/mongo.ts'
import { useMongo } from '../../support/use-mongo.ts'

const TOLD = 'the events of the log were dropped, renamed or restored under this process'
const BACK = 'the change stream of the log is back'
const STOPS = 'the log was restored under this process, which stops'

/** Says how long the event loop was kept from a timer of 10 ms, at worst. */
function watchLoop(): () => number {
  let last = performance.now()
  let worst = 0
  const timer = setInterval(() => {
    const now = performance.now()
    worst = Math.max(worst, now - last)
    last = now
  }, 10)
  return () => {
    clearInterval(timer)
    return worst
  }
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000
  while (!(await isDone())) {
    if (performance.now() > end) throw new Error('It has not come about in 20 s')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe.runIf(await hasMongo())('OB96 a collection that goes away under a running log', () => {
  const mongo = useMongo()
  let count = 0

  async function start(): Promise<{
    outbox: Outbox
    db: Db
    lines: string[]
    shown: LogEvent[]
  }> {
    const db = mongo.database(`dropped-${++count}`)
    const lines: string[] = []
    const note = (_fields: object, message: string): void => void lines.push(message)
    const logger = { ...silentLogger, warn: note, error: note }
    const clock = new SystemClock()
    let ids = 0
    const store = new MongoStore({ uri: mongo.uri(), database: db.databaseName, clock, logger })
    const outbox = createOutbox(store, checkLimits({}), {
      clock,
      logger,
      randomId: () => `${db.databaseName}-${++ids}`,
    })
    const shown: LogEvent[] = []
    outbox.onSealed((events) => void shown.push(...events))
    await outbox.start()
    return { outbox, db, lines, shown }
  }

  it('OB96 restored as it was: the process stays responsive, says so once, and goes on', async () => {
    const { outbox, db, lines, shown } = await start()
    const log = await outbox.openRoom('a', recordHandlers())
    log.append(patch(1))
    await log.durable()
    await until(() => shown.length === 1)
    const worst = watchLoop()
    // As mongorestore --drop does it.
    const events = db.collection('events')
    const kept = await events.find().toArray()
    await events.drop()
    await db.createCollection('events')
    await events.insertMany(kept)
    await until(() => lines.includes(TOLD))
    await until(() => lines.includes(BACK))
    log.append(patch(2))
    await log.durable()
    await until(() => shown.length === 2)
    // A starved loop ran no timer at all; a busy machine takes tens of ms.
    expect(worst()).toBeLessThan(1_000)
    expect(lines.filter((line) => line === TOLD)).toHaveLength(1)
    expect(lines.filter((line) => line === BACK)).toHaveLength(1)
    const indexes = await db.collection('events').indexes()
    expect(indexes.map(({ name }) => name as string)).toEqual(
      expect.arrayContaining(['room_n', 'room_seq']),
    )
    await outbox.stop()
  }, 60_000)

  const faults: readonly [string, (db: Db) => Promise<unknown>][] = [
    ['dropped', (db) => db.collection('events').drop()],
    ['renamed', (db) => db.collection('events').rename('events-of-old')],
  ]

  it.each(faults)(
    'OB96 OB105 %s: the process stays responsive, and stops before there is a hole in n',
    async (_what, breakIt) => {
      const { outbox, db, lines, shown } = await start()
      const log = await outbox.openRoom('a', recordHandlers())
      log.append(patch(1))
      await log.durable()
      await until(() => shown.length === 1)
      const worst = watchLoop()
      await breakIt(db)
      await until(() => outbox.stats.isGivenUp)
      expect(log.append(patch(2))).toBe(false)
      expect(worst()).toBeLessThan(1_000)
      expect(lines.filter((line) => line === TOLD).length).toBeLessThan(2)
      expect(lines.filter((line) => line.startsWith(STOPS))).toHaveLength(1)
      expect(await db.collection('events').countDocuments()).toBe(0)
      await outbox.stop()
    },
    60_000,
  )

  it('OB96 the whole log dropped: the process stays responsive, begins no new one, and is told to be away', async () => {
    const { outbox, db, lines, shown } = await start()
    const log = await outbox.openRoom('a', recordHandlers())
    log.append(patch(1))
    await log.durable()
    await until(() => shown.length === 1)
    const worst = watchLoop()
    await db.dropDatabase()
    await until(() => lines.includes(TOLD))
    log.append(patch(2))
    await until(() => outbox.stats.isWriteAway)
    expect(lines).toContain('the log is away: events wait in memory')
    expect(worst()).toBeLessThan(1_000)
    expect(await db.collection('log').countDocuments()).toBe(0)
    await expect(outbox.stop()).rejects.toMatchObject({ code: 'outbox_unreachable' })
  }, 60_000)
})
