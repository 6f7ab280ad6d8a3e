import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { RingsideError } from '../../../src/process/errors.ts'
import { briefOf, warnOf } from '../../../src/process/log-line.ts'
import type { Logger } from '../../../src/process/logger.ts'
import { createOutbox } from '../../../src/outbox/create-outbox.ts'
import { MemoryStore } from '../../../src/outbox/stores/memory/store.ts'
import { Outage } from '../../../src/outbox/health/outage.ts'
import { checkLimits } from '../../../src/process/limits.ts'
import { pass, patch, recordHandlers, startRig } from '../support.ts'
import { hookedStore } from '../../../src/testing/store/hooked-store.ts'
import type { StoreOperation } from '../../../src/testing/store/hooked-store.ts'

type Line = [level: string, fields: unknown, message: string]

function recordLogger(): Logger & { readonly lines: Line[]; loud(): Line[] } {
  const lines: Line[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push([level, fields, message])
  const loud = (): Line[] => lines.filter(([level]) => level === 'warn' || level === 'error')
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), lines, loud }
}

function make() {
  const clock = new ManualClock()
  const logger = recordLogger()
  const waiting = { count: 3 }
  const outage = new Outage({
    clock,
    logger,
    address: 'mongodb://db',
    pendingEvents: () => waiting.count,
  })
  return { clock, logger, outage, waiting }
}

/** As a driver's: the whole topology hangs on it. */
function driverError(): Error {
  return Object.assign(new Error('connect ECONNREFUSED'), {
    name: 'MongoServerSelectionError',
    reason: { servers: new Map([['db:27017', { setName: 'rs0' }]]) },
    code: 6,
  })
}

describe('OB18 what is told of an outage', () => {
  it('OB18 one line when it is away, one when it is back, however much fails between them', () => {
    const { clock, logger, outage, waiting } = make()
    outage.failed('read', driverError())
    clock.advance(500)
    outage.failed('write', driverError())
    expect(outage.isAway('read')).toBe(false)
    clock.advance(500)
    expect([outage.isAway('read'), outage.isAway('write'), outage.isAway('cut')]).toEqual([
      true,
      true,
      false,
    ])
    for (let time = 0; time < 20; time++) {
      clock.advance(1_000)
      for (const part of ['read', 'write', 'cut'] as const) outage.failed(part, driverError())
    }
    waiting.count = 40
    outage.worked('read')
    expect(outage.isAway('read')).toBe(false)
    waiting.count = 7
    clock.advance(1_000)
    outage.worked('write')
    expect(outage.isAway('write')).toBe(false)
    const err = 'MongoServerSelectionError: connect ECONNREFUSED (6)'
    expect(logger.loud()).toEqual([
      [
        'warn',
        { fails: ['read', 'write'], address: 'mongodb://db', err },
        'the log is away: events wait in memory',
      ],
      ['warn', { awayMs: 22_000, waitedEvents: 40 }, 'the log is back'],
    ])
    expect(logger.lines.filter(([level]) => level === 'debug')).toHaveLength(62)
  })

  it('OB18 what is over within a second is not told of, and nothing after stop', () => {
    const { clock, logger, outage } = make()
    outage.failed('write', driverError())
    clock.advance(900)
    outage.worked('write')
    clock.advance(5_000)
    outage.failed('write', driverError())
    outage.stop()
    outage.failed('read', driverError())
    clock.advance(5_000)
    expect(logger.loud()).toEqual([])
    expect(clock.pendingCount).toBe(0)
    expect(outage.isAway('write')).toBe(false)
  })

  it('OB18 a cut that fails while the rest works is told of once, until one has worked', () => {
    const { logger, outage } = make()
    for (let time = 0; time < 5; time++) outage.failed('cut', driverError())
    outage.worked('read')
    outage.failed('cut', driverError())
    expect(logger.loud()).toHaveLength(1)
    outage.worked('cut')
    outage.failed('cut', driverError())
    expect(logger.loud()).toHaveLength(2)
  })

  it('OB18 an error is told in one line, the cause of ours with it', () => {
    const cause = driverError()
    const brief = 'MongoServerSelectionError: connect ECONNREFUSED (6)'
    expect(briefOf(cause)).toBe(brief)
    expect(briefOf(new RingsideError('unavailable', undefined, { cause }))).toBe(brief)
    expect(briefOf(new TypeError('no'))).toBe('TypeError: no')
    expect(briefOf('text')).toBe('text')
  })
})

describe('OB18 what one room or stream tells of the same outage', () => {
  it('OB18 is said at debug, any other failure at warn, in one line', () => {
    const logger = recordLogger()
    const cause = driverError()
    const away = new RingsideError('unavailable', undefined, { cause })
    warnOf(logger, away, [{ streamId: 's' }, 'feed read failed'])
    warnOf(logger, new TypeError('no'), [{ streamId: 's' }, 'feed read failed'])
    expect(logger.lines).toEqual([
      ['debug', { streamId: 's', err: briefOf(cause) }, 'feed read failed'],
      ['warn', { streamId: 's', err: 'TypeError: no' }, 'feed read failed'],
    ])
  })
})

/** A store that fails while it is away; `only` limits that to some operations. */
function weather() {
  const state = { isAway: false, only: null as readonly StoreOperation[] | null }
  const before = (operation: StoreOperation): void => {
    if (state.isAway && (state.only?.includes(operation) ?? true)) throw driverError()
  }
  return { state, hooks: { before } }
}

describe('OB18 an outage as the log meets it', () => {
  it('OB18 is away and back in two lines; events that waited are counted', async () => {
    const { state, hooks } = weather()
    const logger = recordLogger()
    const rig = await startRig({ hooks, logger })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    await pass(rig.clock, 0)
    state.isAway = true
    for (let n = 2; n <= 5; n++) log.append(patch(n))
    await pass(rig.clock, 60_000)
    expect(rig.outbox.stats).toMatchObject({ isReadAway: true, isWriteAway: true, lostEvents: 0 })
    expect(logger.loud()).toMatchObject([
      ['warn', { address: 'in memory' }, 'the log is away: events wait in memory'],
    ])
    state.isAway = false
    await pass(rig.clock, 3_000)
    expect(rig.outbox.stats).toMatchObject({ isReadAway: false, isWriteAway: false })
    expect(logger.loud().slice(1)).toMatchObject([['warn', { waitedEvents: 4 }, 'the log is back']])
    await rig.outbox.stop()
  })

  it('OB14 OB82 giving up says how much is lost, once, and tells whoever runs the process', async () => {
    const { state, hooks } = weather()
    const logger = recordLogger()
    const clock = new ManualClock()
    const told: Error[] = []
    let ids = 0
    const outbox = createOutbox(
      hookedStore(new MemoryStore({ clock }), hooks),
      checkLimits({ retentionMs: 10_000 }),
      { clock, logger, randomId: () => `id-${++ids}`, onGivenUp: (cause) => told.push(cause) },
    )
    await outbox.start()
    const rooms = ['a', 'b', 'c']
    const logs = await Promise.all(rooms.map((room) => outbox.openRoom(room, recordHandlers())))
    for (const log of logs) log.append(patch(1))
    await pass(clock, 0)
    state.isAway = true
    state.only = ['insert']
    for (const log of logs.slice(1)) for (let n = 2; n <= 4; n++) log.append(patch(n))
    await pass(clock, 8_000)
    expect(outbox.stats).toMatchObject({ isGivenUp: true, lostEvents: 6, lagMs: 0 })
    const given = logger.lines.filter(([, , message]) => message.includes('given up'))
    expect(given).toMatchObject([['error', { events: 6, rooms: 2 }, expect.any(String)]])
    expect(told.map(({ message }) => message)).toEqual([
      'The log is given up: 6 events of 2 rooms are lost',
    ])
    await expect(outbox.stop()).rejects.toThrow('got 6 of 2 rooms')
    expect(told).toHaveLength(1)
  })
})
