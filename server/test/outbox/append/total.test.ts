import { expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { PendingTotal } from '../../../src/outbox/append/pending-total.ts'
import { pass, recordHandlers, startRig, strange } from '../support.ts'

const limits = { maxPendingTotalBytes: 65_536, maxEventBytes: 16_384 }
const kill = { type: 'kill', data: JSON.stringify('x'.repeat(9_998)) }

/** Hooks of a store that is away, and comes back. */
function outage() {
  const weather = { isDown: true }
  const hooks = {
    insert: async (events: never, apply: (events: never) => never) =>
      weather.isDown ? ({ kind: 'unknown', cause: new Error('away') } as const) : apply(events),
  }
  return { weather, hooks: hooks as never }
}

it('OB7 OB72 what all rooms hold is bounded: at the bound every one is full, until half is written', async () => {
  const { weather, hooks } = outage()
  const rig = await startRig({ hooks, limits })
  const handlers = [0, 1, 2, 3].map(() => recordHandlers())
  const logs = await Promise.all(handlers.map((each, i) => rig.outbox.openRoom(`room${i}`, each)))
  const [first, second, third, quiet] = logs
  const taken = [first, second, third, first, second, third, first].map((log) => log?.append(kill))
  expect(taken).toEqual([true, true, true, true, true, true, true])
  expect(rig.outbox.stats.pendingBytes).toBe(70_000)
  expect(logs.map((log) => log.isFull)).toEqual([true, true, true, true])
  expect(second?.append({ type: 'kill', data: '{}' })).toBe(false)
  expect(quiet?.append({ type: 'kill', data: '{}' }), 'one that holds nothing').toBe(false)
  expect(third?.append({ type: 'end', data: '{}' }), 'an end is taken').toBe(true)
  await pass(rig.clock, 200)
  expect(handlers.flatMap(({ calls }) => calls)).toEqual([])
  weather.isDown = false
  await pass(rig.clock, 1_000)
  expect(rig.shown).toHaveLength(8)
  const told = handlers.map(({ calls }) => Array.from(new Set(calls)))
  expect(told).toEqual([['writable'], ['writable'], [], ['writable']])
  expect([first, second, quiet].map((log) => log?.isFull)).toEqual([false, false, false])
  expect(quiet?.append(kill)).toBe(true)
})

it('OB7 what is dropped with an ownership is no longer counted', async () => {
  const { weather, hooks } = outage()
  const rig = await startRig({ hooks, limits })
  const lost = await rig.outbox.openRoom('lost', recordHandlers())
  const other = await rig.outbox.openRoom('other', recordHandlers())
  for (let count = 0; count < 7; count++) lost.append(kill)
  expect(other.isFull).toBe(true)
  // Another process has written n = 1 of the room: this ownership is fenced.
  const seq = await rig.store.events.allocate(1)
  weather.isDown = false
  await rig.store.events.insert([strange({ seq, room: 'lost', n: 1, epoch: 1 })])
  await pass(rig.clock, 1_000)
  expect(rig.outbox.stats.pendingBytes).toBe(0)
  expect(other.isFull).toBe(false)
})

it('OB7 relief is told in a turn of its own, and only to who still waits', async () => {
  const clock = new ManualClock()
  const total = new PendingTotal(100, clock)
  const told: string[] = []
  const stop = total.onRelief(() => void told.push('gone'))
  total.onRelief(() => void told.push('waits'))
  total.change(100)
  expect(total.isFull).toBe(true)
  total.change(-49)
  expect(total.isFull).toBe(true)
  total.change(-1)
  expect(total.isFull).toBe(false)
  expect(told).toEqual([])
  stop()
  await pass(clock, 0)
  expect(told).toEqual(['waits'])
})
