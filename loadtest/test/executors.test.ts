import { expect, test } from 'vitest'
import { ManualClock } from '@ringside/server'
import { advance } from '@ringside/server/testing'
import { execute, share, userId, usersAt } from '../src/executors.ts'
import type { Segment } from '../src/executors.ts'
import { readOptions } from '../src/options.ts'
import { VirtualUser } from '../src/virtual-user.ts'

/** Runs a scenario whose iterations take `iterationMs` each, and tells what happened. */
function start(given: object, { iterationMs = 100, segment = { index: 0, count: 1 } } = {}) {
  const clock = new ManualClock()
  const [scenario] = readOptions({ scenarios: { a: given } }).scenarios
  if (!scenario) throw new Error('Expected a scenario')
  const seen = { iterations: 0, interrupted: 0, dropped: 0, active: 0, users: 0, isDone: false }
  const ended = execute(scenario, {
    clock,
    segment,
    newUser: () => {
      seen.users++
      return new VirtualUser({ id: seen.users, clock, env: {}, tags: {}, localAddress: null })
    },
    async iterate(user) {
      seen.active++
      const timer = { stop: () => undefined }
      const outcome = await user.run(() => {
        user.add(timer)
        clock.after(iterationMs, () => user.delete(timer))
      })
      seen.active--
      if (outcome.kind === 'interrupted') seen.interrupted++
      else seen.iterations++
    },
    dropped: (count) => {
      seen.dropped += count
    },
  })
  void ended.then(() => {
    seen.isDone = true
  })
  return { clock, seen, ended }
}

test('LT2 constant-vus: iterations begin until the duration is over, and may end within the grace', async () => {
  const { clock, seen } = start({
    executor: 'constant-vus',
    vus: 2,
    duration: '250ms',
    gracefulStop: '1s',
  })
  await advance(clock, 200)
  expect(seen).toMatchObject({ active: 2, isDone: false })
  await advance(clock, 150)
  expect(seen).toMatchObject({ active: 0, iterations: 6, interrupted: 0, isDone: true })
})

test('LT2 an iteration that outlasts the grace is interrupted', async () => {
  const { clock, seen } = start(
    { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '1s' },
    { iterationMs: 60_000 },
  )
  await advance(clock, 1_999)
  expect(seen.active).toBe(2)
  await advance(clock, 1)
  expect(seen).toMatchObject({ active: 0, iterations: 0, interrupted: 2, isDone: true })
})

test('LT2 per-vu-iterations: each user runs as many; what found no time is counted as dropped', async () => {
  const all = start({ executor: 'per-vu-iterations', vus: 3, iterations: 4 })
  await advance(all.clock, 1_000)
  expect(all.seen).toMatchObject({ iterations: 12, dropped: 0, isDone: true })
  const cut = start({ executor: 'per-vu-iterations', vus: 3, iterations: 4, maxDuration: '150ms' })
  await advance(cut.clock, 1_000)
  expect(cut.seen).toMatchObject({ iterations: 6, dropped: 6, isDone: true })
})

test('LT2 shared-iterations: all users together run as many', async () => {
  const { clock, seen } = start({ executor: 'shared-iterations', vus: 3, iterations: 10 })
  await advance(clock, 2_000)
  expect(seen).toMatchObject({ users: 3, iterations: 10, dropped: 0, isDone: true })
})

test('LT2 ramping-vus: the number of users follows its stages', async () => {
  const { clock, seen } = start({
    executor: 'ramping-vus',
    startVUs: 0,
    stages: [
      { duration: '1s', target: 10 },
      { duration: '1s', target: 10 },
      { duration: '1s', target: 0 },
    ],
  })
  await advance(clock, 500)
  expect(seen.active).toBe(5)
  await advance(clock, 1_000)
  expect(seen.active).toBe(10)
  await advance(clock, 1_000)
  expect(seen.active).toBeLessThanOrEqual(7)
  await advance(clock, 700)
  expect(seen).toMatchObject({ active: 0, users: 10, interrupted: 0, isDone: true })
})

test('LT2 a scenario begins at its startTime', async () => {
  const { clock, seen } = start({ executor: 'per-vu-iterations', startTime: '2s' })
  await advance(clock, 1_999)
  expect(seen.users).toBe(0)
  await advance(clock, 200)
  expect(seen).toMatchObject({ iterations: 1, isDone: true })
})

test('LT3 the segments of a load are the whole load, whatever the number of processes', () => {
  for (const total of [0, 1, 7, 100, 9_999])
    for (const count of [1, 2, 3, 8]) {
      const parts = Array.from({ length: count }, (_, index) => share(total, { index, count }))
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(total)
      expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1)
      const ids = parts.flatMap((users, index) =>
        Array.from({ length: users }, (_, nth) => userId(nth, { index, count })),
      )
      expect(ids.sort((left, right) => left - right)).toEqual(
        Array.from({ length: total }, (_, index) => index + 1),
      )
    }
})

test('LT3 each executor runs its segment alone', async () => {
  const seenBy = async (segment: Segment) => {
    const { clock, seen } = start(
      { executor: 'shared-iterations', vus: 5, iterations: 11 },
      { segment },
    )
    await advance(clock, 5_000)
    return seen
  }
  const [first, second] = [
    await seenBy({ index: 0, count: 2 }),
    await seenBy({ index: 1, count: 2 }),
  ]
  expect([first.users + second.users, first.iterations + second.iterations]).toEqual([5, 11])
})

test('LT2 the target of a ramp is a straight line between two stages', () => {
  const stages = [
    { durationMs: 1_000, target: 10 },
    { durationMs: 0, target: 50 },
    { durationMs: 1_000, target: 0 },
  ]
  expect(
    [0, 500, 999, 1_000, 1_500, 2_000, 9_000].map((at) => Math.round(usersAt(at, 0, stages))),
  ).toEqual([0, 5, 10, 50, 25, 0, 0])
})

test('LT3 a segment never loses a user when the whole gets one more', () => {
  for (const count of [2, 3, 5, 8])
    for (let index = 0; index < count; index++)
      for (let total = 0; total < 50; total++)
        expect(share(total + 1, { index, count })).toBeGreaterThanOrEqual(
          share(total, { index, count }),
        )
})
