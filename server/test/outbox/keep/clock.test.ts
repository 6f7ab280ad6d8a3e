import { expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { CutClock } from '../../../src/outbox/keep/cut-clock.ts'
import { ServerTime } from '../../../src/outbox/stores/mongo/server-time.ts'
import { overrideStore, pass, recordHandlers, settle, startRig } from '../support.ts'

const DAY_MS = 86_400_000
const REFRESH_MS = 30_000

/** A database whose clock is `aheadMs` ahead, asked over a wire without delay. */
async function startTime() {
  const clock = new ManualClock()
  const database = { aheadMs: 0 }
  const warnings: object[] = []
  const command = async () => ({ localTime: new Date(clock.now() + database.aheadMs) })
  const logger = { ...silentLogger, warn: (fields: object) => void warnings.push(fields) }
  const time = new ServerTime({ command }, clock, logger)
  await time.start()
  const read = async (aheadMs: number): Promise<number> => {
    database.aheadMs = aheadMs
    clock.advance(REFRESH_MS)
    await settle()
    return time.now() - clock.now()
  }
  return { clock, database, time, read, warnings }
}

it('OB16 after a sleep, in which the process’s own time stood still, the database’s is followed at once', async () => {
  const { clock, database, time, warnings } = await startTime()
  time.now()
  clock.stepWall(DAY_MS)
  database.aheadMs = DAY_MS
  time.now()
  await settle()
  expect(time.now() - clock.now()).toBe(DAY_MS)
  expect(warnings).toEqual([])
  time.stop()
})

it('OB16 a clock that is set here says nothing of the database’s', async () => {
  const { clock, time, read } = await startTime()
  for (const stepMs of [DAY_MS, -DAY_MS, -DAY_MS]) {
    clock.stepWall(stepMs)
    time.now()
    await settle()
    expect(time.now() - clock.now()).toBe(0)
    expect(await read(0)).toBe(0)
  }
  time.stop()
})

it('OB16 one wrong reading of the database’s clock is not followed, and leaves nothing behind', async () => {
  const { time, read, warnings } = await startTime()
  for (const wrong of [DAY_MS, -DAY_MS]) {
    expect(await read(wrong)).toBe(0)
    expect(await read(0)).toBe(0)
    // Not a second of the same: another.
    expect(await read(wrong)).toBe(0)
    expect(await read(wrong / 2)).toBe(0)
    expect(await read(0)).toBe(0)
  }
  expect(warnings).toHaveLength(6)
  time.stop()
})

it.each([DAY_MS, -DAY_MS])(
  'OB16 a clock that was set by %i ms is followed with the second reading, and back',
  async (stepMs) => {
    const { time, read, warnings } = await startTime()
    expect(await read(stepMs)).toBe(0)
    expect(await read(stepMs + 200)).toBe(stepMs + 200)
    expect(warnings).toEqual([
      { stepMs, isFollowed: false },
      { stepMs: stepMs + 200, isFollowed: true },
    ])
    await read(0)
    expect(await read(0)).toBe(0)
    time.stop()
  },
)

it('OB16 a better estimate never moves time back', async () => {
  const { clock, database, time, read, warnings } = await startTime()
  expect(await read(3_000)).toBe(3_000)
  clock.advance(REFRESH_MS - 1)
  const before = time.now()
  database.aheadMs = 0
  clock.advance(1)
  await settle()
  expect(time.now()).toBe(before)
  clock.advance(4_000)
  expect(time.now()).toBe(clock.now())
  expect(warnings).toEqual([])
  time.stop()
})

it('OB16 OB83 retention follows a store that is ahead no faster than time passes, and one behind at once', () => {
  const clock = new ManualClock()
  const cutClock = new CutClock(clock)
  const ahead = (storeAheadMs: number, afterMs: number): number => {
    clock.advance(afterMs)
    return cutClock.now(clock.now() + storeAheadMs) - clock.now()
  }
  expect(ahead(0, 1_000)).toBe(0)
  expect(ahead(DAY_MS, 1_000)).toBe(1_000)
  expect(ahead(DAY_MS, 2_000)).toBe(3_000)
  expect(ahead(2_500, 10)).toBe(2_500)
  expect(ahead(-DAY_MS, 10)).toBe(-DAY_MS)
  expect(ahead(0, 10), 'put right').toBe(10 - DAY_MS)
  expect(ahead(0, DAY_MS)).toBe(0)
})

it('OB16 a store whose clock jumps a day ahead loses nothing of its log', async () => {
  let aheadMs = 0
  const rig = await startRig({
    limits: { retentionMs: 3_600_000 },
    wrap: (store) => overrideStore(store, { clock: { now: () => store.clock.now() + aheadMs } }),
  })
  const log = await rig.outbox.openRoom('room', recordHandlers())
  log.append({ type: 'patch', data: '{"v":1}' })
  await pass(rig.clock, 1_000)
  log.snapshot({ publicState: '{}', hiddenState: null, runtime: '{}' })
  aheadMs = DAY_MS
  await pass(rig.clock, 60_000)
  expect(rig.outbox.floor).toBe(rig.outbox.origin)
  aheadMs = 0
  await pass(rig.clock, 3_700_000)
  expect(rig.outbox.floor, 'what is old goes').toBeGreaterThan(rig.outbox.origin)
})

it('OB16 a store whose clock was a day behind and is put right loses nothing that is young', async () => {
  let aheadMs = -DAY_MS
  const rig = await startRig({
    limits: { retentionMs: 3_600_000 },
    wrap: (store) => overrideStore(store, { clock: { now: () => store.clock.now() + aheadMs } }),
  })
  const log = await rig.outbox.openRoom('room', recordHandlers())
  log.append({ type: 'patch', data: '{"v":1}' })
  await pass(rig.clock, 1_000)
  log.snapshot({ publicState: '{}', hiddenState: null, runtime: '{}' })
  // A round of retention has looked meanwhile.
  await pass(rig.clock, 15_000)
  aheadMs = 0
  await pass(rig.clock, 20_000)
  expect(rig.outbox.floor).toBe(rig.outbox.origin)
  await pass(rig.clock, 3_700_000)
  expect(rig.outbox.floor, 'what is old goes').toBeGreaterThan(rig.outbox.origin)
})
