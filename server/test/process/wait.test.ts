import { expect, test } from 'vitest'
import { ManualClock } from '../../src/process/clock.ts'
import { LateSignal } from '../../src/process/late-signal.ts'
import { Waits, nextTurn, sleep, within } from '../../src/process/wait.ts'

test('a wait ends at its time, one for the next turn before any time has passed', async () => {
  const clock = new ManualClock()
  const ended: string[] = []
  void sleep(clock, 10).then(() => ended.push('slept'))
  void nextTurn(clock).then(() => ended.push('turn'))
  await clock.advanceAsync(9)
  expect(ended).toEqual(['turn'])
  await clock.advanceAsync(1)
  expect(ended).toEqual(['turn', 'slept'])
})

test('work is waited for no longer than its time, and no timer is left of it', async () => {
  const clock = new ManualClock()
  expect(await within(clock, 10, Promise.resolve())).toBe(true)
  await expect(within(clock, 10, Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(clock.pendingCount).toBe(0)
  let fail = (_cause: Error): void => {}
  const late = within(clock, 10, new Promise((_resolve, reject) => (fail = reject)))
  await clock.advanceAsync(10)
  expect(await late).toBe(false)
  // Nobody is told: an unhandled rejection would fail the run.
  fail(new Error('too late'))
  await clock.advanceAsync(1)
})

test('waits of one owner end when it stops, and later ones at once', async () => {
  const clock = new ManualClock()
  const waits = new Waits(clock)
  const both = Promise.all([waits.sleep(10), waits.sleep(20)])
  waits.release()
  await both
  await waits.sleep(10)
  expect(clock.pendingCount).toBe(0)
})

const ignore = (): void => {}

test('CA5: a signal is the same at each look, and aborted already where it is made too late', () => {
  const signal = new LateSignal()
  expect(signal.of(false, ignore)).toBe(signal.of(false, ignore))
  expect(signal.of(false, ignore).aborted).toBe(false)
  signal.abort()
  expect(signal.of(false, ignore).aborted).toBe(true)
  expect(new LateSignal().of(true, ignore).aborted).toBe(true)
})
