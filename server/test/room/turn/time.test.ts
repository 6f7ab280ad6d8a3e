import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { Time } from '../../../src/room/turn/time.ts'
import { Timers } from '../../../src/room/turn/timers.ts'

const HOUR_MS = 3_600_000
const LOOK_MS = 250

function roomTime(atLeast = 0) {
  const clock = new ManualClock()
  const time = new Time(clock, atLeast, 0)
  /** Time passes in turns of a tick each. */
  const pass = (ms: number, stepMs = 10): void => {
    for (let at = 0; at < ms; at += stepMs) {
      clock.advance(stepMs)
      time.begin(clock.now())
    }
  }
  return { clock, time, pass }
}

test('RM72 the time of a room follows a clock that is set ahead, and nothing is due by that', () => {
  const { clock, time, pass } = roomTime()
  const timers = new Timers(time)
  timers.add(1_000, () => {})
  const began = time.elapsedMs
  clock.stepWall(HOUR_MS)
  pass(LOOK_MS)
  expect(time.now).toBe(clock.wallNow())
  expect(time.elapsedMs - began).toBe(LOOK_MS)
  expect(timers.takeDue(time.elapsedMs, timers.mark)).toBeNull()
  pass(1_000 - LOOK_MS)
  expect(timers.takeDue(time.elapsedMs, timers.mark)).not.toBeNull()
})

test('RM72 of a clock that is set back a room takes no notice but that it goes a tenth slower until they agree', () => {
  const { clock, time, pass } = roomTime()
  const began = time.now
  clock.stepWall(-10_000)
  let last = time.now
  let isGoing = true
  for (let turn = 0; turn < 1_000; turn++) {
    pass(10)
    expect(time.now).toBeGreaterThanOrEqual(last)
    if (turn % 10 === 9) {
      isGoing &&= time.now - last >= 1
    }
    last = time.now
  }
  expect(isGoing).toBe(true)
  expect(time.now - began).toBeGreaterThanOrEqual(9_000)
  expect(time.now - began).toBeLessThan(9_030)
  pass(95_000)
  expect(time.now).toBe(clock.wallNow())
})

test('RM72 a room that was run where the clock is ahead goes on from there', () => {
  const ahead = new ManualClock().now() + 5_000
  const { clock, time, pass } = roomTime(ahead)
  expect(time.now).toBe(ahead)
  pass(1_000)
  expect(time.now).toBeGreaterThanOrEqual(ahead + 900)
  pass(60_000)
  expect(time.now).toBe(clock.wallNow())
})

test('RM72 turns of fractions of a ms add up, and one that is behind changes nothing', () => {
  const { clock, time } = roomTime()
  clock.stepWall(-HOUR_MS)
  const began = time.now
  for (let turn = 1; turn <= 1_000; turn++) time.begin(clock.now() + turn * 0.3)
  expect(time.now - began).toBeGreaterThanOrEqual(269)
  const { now } = time
  time.begin(clock.now())
  expect(time.now).toBe(now)
})
