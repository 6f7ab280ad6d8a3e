import { describe, expect, it } from 'vitest'
import { SystemClock } from '../../../src/process/clock.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { checkLimits } from '../../../src/process/limits.ts'
import { randomId } from '../../../src/process/ids.ts'
import { createOutbox } from '../../../src/outbox/create-outbox.ts'
import type { Outbox } from '../../../src/outbox/contract/outbox.ts'
import { whoEvent } from '../../../src/outbox/contract/room-who.ts'
import type { LogEvent } from '../../../src/outbox/contract/store.ts'
import { MongoStore } from '../../../src/outbox/stores/mongo/store.ts'
import { useMongo } from '../../support/use-mongo.ts'
import { recordHandlers } from '../support.ts'

const OPEN = { delayMs: 0, isPrivate: false }
const PRIVATE = { delayMs: 0, isPrivate: true }

describe('OB126 who sees a room, in MongoDB', () => {
  const mongo = useMongo()

  async function outbox(database: string): Promise<{ log: Outbox; seen: LogEvent[] }> {
    const store = new MongoStore({ uri: mongo.uri(), database })
    const log = createOutbox(store, checkLimits(), {
      clock: new SystemClock(),
      logger: silentLogger,
      randomId,
    })
    await log.start()
    const seen: LogEvent[] = []
    log.onSealed((events) => void seen.push(...events))
    return { log, seen }
  }

  it('OB126 OB128 another process reads it with the events, from a snapshot, and after a takeover', async () => {
    const database = mongo.database('who').databaseName
    const owner = await outbox(database)
    const reader = await outbox(database)
    const room = await owner.log.openRoom('r', recordHandlers())
    room.append({ type: 'patch', data: '{"v":1}', who: OPEN })
    room.append({ type: 'patch', data: '{"v":2}' })
    await room.durable()
    expect(await reader.log.whoOf('r')).toBeNull()
    room.append(whoEvent(OPEN, PRIVATE))
    room.append({ type: 'kill', data: '{}' })
    room.snapshot({ publicState: '{"v":2}', hiddenState: null, runtime: '{}' })
    await room.durable()
    await expect.poll(() => reader.seen.length, { timeout: 20_000 }).toBe(4)
    expect(reader.seen.map(({ n, type, who }) => [n, type, who])).toEqual([
      [1, 'patch', OPEN],
      [2, 'patch', undefined],
      [3, '_who', PRIVATE],
      [4, 'kill', PRIVATE],
    ])
    await expect.poll(() => reader.log.snapshotAt('r', 1e16), { timeout: 20_000 }).not.toBeNull()
    expect((await reader.log.snapshotAt('r', 1e16))?.who).toEqual(PRIVATE)
    const stored = await reader.log.readRoom('r')
    expect(stored.who).toEqual(PRIVATE)
    // The next owner's marker has it, and what that writes.
    const next = await reader.log.openRoom('r', recordHandlers(), stored)
    next.append({ type: 'patch', data: '{"v":3}' })
    await next.durable()
    expect((await reader.log.stateOf(next, stored)).who).toEqual(PRIVATE)
    next.append(whoEvent(PRIVATE, OPEN))
    next.append({ type: 'patch', data: '{"v":4}' })
    await next.durable()
    expect(await owner.log.whoOf('r')).toEqual(OPEN)
    await expect.poll(() => owner.seen.length, { timeout: 20_000 }).toBe(8)
    expect(owner.seen.slice(4).map(({ type, who }) => [type, who])).toEqual([
      ['owner', PRIVATE],
      ['patch', PRIVATE],
      ['_who', OPEN],
      ['patch', undefined],
    ])
    // What a newer program has added is not understood: nobody sees the room.
    const newer = { ...OPEN, key: 'sealed' }
    await mongo
      .database('who')
      .collection('events')
      .updateOne({ n: 7 }, { $set: { who: newer } })
    expect((await owner.log.readRoom('r')).who).toEqual(PRIVATE)
    await reader.log.stop()
    await owner.log.stop()
  }, 60_000)
})
