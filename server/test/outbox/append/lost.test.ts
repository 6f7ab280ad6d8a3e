import { describe, expect, it } from 'vitest'
import type { ServerLimits } from '../../../src/process/limits.ts'
import type { RoomLog } from '../../../src/outbox/contract/outbox.ts'
import type { InsertOutcome } from '../../../src/outbox/contract/store.ts'
import { Recorder } from '../../../src/room/output/recorder.ts'
import { WhoLog } from '../../../src/room/output/who-log.ts'
import { SeatLog } from '../../../src/room/seats/seat-log.ts'
import type { StateTracker } from '../../../src/state/contract.ts'
import { refusesBad, everything, pass, patch, recordHandlers, startRig } from '../support.ts'
import type { Rig } from '../support.ts'
import type { StoreHooks } from '../../../src/testing/store/hooked-store.ts'
import { fateOf } from '../../support/fate.ts'

const KILL = { type: 'kill', data: '{}' }
const END = { type: 'end', data: '{}' }
const HEADER = { epoch: 1, tick: 0, at: 0 }

interface Outage {
  isAway: boolean
  readonly hooks: StoreHooks
}

function outage(): Outage {
  const weather: Outage = {
    isAway: false,
    hooks: {
      insert: async (events, apply): Promise<InsertOutcome> =>
        weather.isAway ? { kind: 'unknown', cause: new Error('away') } : apply(events),
    },
  }
  return weather
}

/** A room's recorder without a state, which does at a loss of its log what a room does. */
async function openRecorder(
  rig: Rig,
): Promise<{ recorder: Recorder; log: RoomLog; told: string[] }> {
  const told: string[] = []
  const closed = (what: string) => () => {
    told.push(what)
    void recorder.close(HEADER, what === 'refused')
  }
  const log = await rig.outbox.openRoom('r', {
    onFenced: closed('fenced'),
    onGivenUp: closed('given up'),
    onRefused: closed('refused'),
    onWritable: () => recorder.resume(),
    onSnapshotDue: () => {},
  })
  const tracker = { flushPlayers: () => null, flushLog: () => null } as unknown as StateTracker
  const open = { delayMs: 0, isPrivate: false }
  const who = new WhoLog(open, () => open)
  const recorder = new Recorder(tracker, { log, seats: new SeatLog(), who })
  return { recorder, log, told }
}

describe.each([
  ['a room that is blocked', 5],
  ['a room that is not', 2],
])('OB8 what %s has recorded and will not be written', (_name, count) => {
  /** One event is stored, `count` more wait while the store is away. */
  async function start(weather: Outage, limits: Partial<ServerLimits> = {}) {
    const rig = await startRig({
      hooks: weather.hooks,
      limits: { maxPendingEvents: 3, ...limits },
    })
    const { recorder, log, told } = await openRecorder(rig)
    recorder.append(patch(1))
    await pass(rig.clock, 0)
    weather.isAway = true
    for (let event = 0; event < count; event++) recorder.append(KILL)
    expect(recorder.isBlocked).toBe(count > 3)
    const durable = fateOf(recorder.durable(() => {}))
    await pass(rig.clock, 100)
    return { rig, recorder, log, told, durable }
  }
  const stored = async (rig: Rig) => (await everything(rig.store)).map(({ type }) => type)

  it('OB8 durable and close reject when the log stops without the store, end and all', async () => {
    const { rig, recorder, log, durable } = await start(outage())
    const closed = fateOf(recorder.close(HEADER, true))
    const stopped = fateOf(rig.outbox.stop())
    await pass(rig.clock, 9_900)
    expect([durable.now, closed.now, stopped.now]).toEqual(Array(3).fill('pending'))
    await pass(rig.clock, 300)
    expect([durable.now, closed.now, stopped.now]).toEqual(Array(3).fill('outbox_unreachable'))
    expect(log.end).toBeNull()
    expect(await stored(rig)).toEqual(['patch'])
    // Asked later, too.
    await expect(recorder.durable(() => {})).rejects.toMatchObject({ code: 'outbox_unreachable' })
  })

  it('OB8 OB74 durable and close reject when the log is given up', async () => {
    const { rig, recorder, told, durable } = await start(outage(), { retentionMs: 10_000 })
    await pass(rig.clock, 8_000)
    expect(told).toEqual(['given up'])
    expect(durable.now).toBe('outbox_unreachable')
    await expect(recorder.close(HEADER, false)).rejects.toMatchObject({
      code: 'outbox_unreachable',
    })
    await expect(rig.outbox.stop()).rejects.toThrow(new RegExp(`got ${count} of 1 rooms`))
  })

  it('OB8 OB74 durable and close reject when another owner takes the room', async () => {
    const weather = outage()
    const { rig, recorder, told, durable } = await start(weather)
    const second = await startRig({ share: rig })
    const taking = second.outbox.openRoom('r', recordHandlers())
    // The store is back for the second first.
    let isTaken = false
    weather.hooks.insert = async (events, apply) => {
      isTaken ||= events.some(({ type }) => type === 'owner')
      return isTaken ? apply(events) : { kind: 'unknown', cause: new Error('away') }
    }
    await pass(rig.clock, 3_000)
    await taking
    expect(told).toEqual(['fenced'])
    expect(durable.now).toBe('room_taken')
    await expect(recorder.close(HEADER, false)).rejects.toMatchObject({ code: 'room_taken' })
    // That is the other owner's room now, and no loss of this log's.
    const stopping = rig.outbox.stop()
    await pass(rig.clock, 0)
    await expect(stopping).resolves.toBeUndefined()
  })

  it('OB8 OB74 durable and close resolve when the store comes back, in order', async () => {
    const weather = outage()
    const { rig, recorder, log, durable } = await start(weather)
    const closed = fateOf(recorder.close(HEADER, true))
    await pass(rig.clock, 500)
    expect([durable.now, closed.now]).toEqual(['pending', 'pending'])
    weather.isAway = false
    await pass(rig.clock, 2_000)
    expect([durable.now, closed.now]).toEqual(['resolved', 'resolved'])
    expect(log.end).not.toBeNull()
    expect(await stored(rig)).toEqual(['patch', ...Array(count).fill('kill'), 'end'])
    await recorder.durable(() => {})
  })
})

describe('OB8 an event that is refused', () => {
  it('OB8 by its size: durable rejects, and the end is written all the same', async () => {
    const rig = await startRig({ limits: { maxEventBytes: 1_024 } })
    const { recorder, log, told } = await openRecorder(rig)
    recorder.append(patch(1))
    recorder.append({ type: 'kill', data: `"${'x'.repeat(2_000)}"` })
    const durable = fateOf(recorder.durable(() => {}))
    await pass(rig.clock, 0)
    expect(told).toEqual(['refused'])
    expect(durable.now).toBe('event_refused')
    expect(log.end).not.toBeNull()
    expect(rig.shown.map(({ type }) => type)).toEqual(['patch', 'end'])
  })

  it('OB8 by the store, after the room was closed: the end goes after what was written', async () => {
    const rig = await startRig({
      hooks: refusesBad,
    })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    log.append({ type: 'kill', data: '"bad"' })
    const closing = fateOf(log.close([KILL, END]))
    await pass(rig.clock, 0)
    expect(closing.now).toBe('event_refused')
    expect(log.end).not.toBeNull()
    expect(rig.shown.map(({ n, type }) => [n, type])).toEqual([
      [1, 'patch'],
      [2, 'end'],
    ])
  })

  it('OB8 a promise that nobody looks at does not end the process', async () => {
    const unhandled: unknown[] = []
    const listener = (cause: unknown): void => void unhandled.push(cause)
    process.on('unhandledRejection', listener)
    try {
      const rig = await startRig({ hooks: { insert: () => new Promise(() => {}) } })
      const log = await rig.outbox.openRoom('r', recordHandlers())
      log.append(patch(1))
      void log.durable()
      void log.close([END])
      void rig.outbox.stop()
      await pass(rig.clock, 10_100)
      void log.durable()
      void log.close([END])
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', listener)
    }
  })
})
