import { expect, test } from 'vitest'
import { SystemClock, wallNow } from '../../src/process/clock.ts'

const HOUR_MS = 3_600_000
const BEGAN = 1_700_000_000_000

/** A machine whose clock is set by hand, and which sleeps. */
function machine() {
  const time = { wall: BEGAN, monotonic: 5_000.25 }
  const clock = new SystemClock({ wall: () => time.wall, monotonic: () => time.monotonic })
  const pass = (ms: number): void => {
    time.wall += ms
    time.monotonic += ms
  }
  return { time, clock, pass }
}

test('RM74 now and wallNow are the time of day as long as nobody sets it', () => {
  const { clock, pass } = machine()
  for (const ms of [0, 1, 17.5, 100, 5_000, HOUR_MS]) {
    pass(ms)
    expect(clock.wallNow()).toBe(clock.now())
    expect(Number.isInteger(clock.now())).toBe(true)
  }
  expect(clock.now() - BEGAN).toBeGreaterThanOrEqual(HOUR_MS + 5_118)
})

test.each([HOUR_MS, -HOUR_MS, 500, -500])(
  'RM74 a clock that is set by %d ms moves the time of day within 100 ms, and no duration',
  (stepMs) => {
    const { time, clock, pass } = machine()
    const before = clock.now()
    clock.wallNow()
    time.wall += stepMs
    pass(100)
    expect(clock.now() - before).toBe(100)
    expect(clock.wallNow() - before).toBe(100 + stepMs)
    pass(50)
    expect(clock.wallNow() - before).toBe(150 + stepMs)
  },
)

test('RM74 a machine that slept for an hour has the time of day when it wakes', () => {
  const { time, clock, pass } = machine()
  const before = clock.now()
  time.wall += HOUR_MS
  pass(100)
  expect(clock.now() - before).toBe(100)
  expect(clock.wallNow() - before).toBe(HOUR_MS + 100)
})

test('RM74 a clock of a game without a time of day tells that by its durations', () => {
  const { clock } = machine()
  const own = { now: () => 5, after: () => () => {}, soon: () => () => {} }
  expect([wallNow(own), wallNow(clock)]).toEqual([5, BEGAN])
})
