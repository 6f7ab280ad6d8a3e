import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { Awaited } from '../../../src/room/turn/awaited.ts'
import { settle } from '../../outbox/support.ts'

/** A promise and the way to settle it. */
function answer() {
  let resolve = (_value: number): void => {}
  let reject = (_cause: Error): void => {}
  const promise = new Promise<number>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

describe('CL27 what a room waits for before it is released', () => {
  it('CL27 nothing: it goes on in the same turn', () => {
    let isCalled = false
    new Awaited().onNone(new ManualClock(), 1_000, () => (isCalled = true))
    expect(isCalled).toBe(true)
  })

  it('CL27 the last answer, whether it is one or a failure; no timer stays', async () => {
    const clock = new ManualClock()
    const awaited = new Awaited()
    const [one, two] = [answer(), answer()]
    const told = [awaited.track(one.promise), awaited.track(two.promise)]
    let isCalled = false
    awaited.onNone(clock, 1_000, () => (isCalled = true))
    one.resolve(7)
    await settle()
    expect(isCalled).toBe(false)
    two.reject(new Error('no'))
    expect(await Promise.allSettled(told)).toMatchObject([{ value: 7 }, { status: 'rejected' }])
    await settle()
    expect(isCalled).toBe(true)
    expect(clock.pendingCount).toBe(0)
  })

  it('CL27 no longer than the time it has; who is left is told why, and a late failure harms nobody', async () => {
    const clock = new ManualClock()
    const awaited = new Awaited()
    const late = answer()
    const told = awaited.track(late.promise)
    awaited.onNone(clock, 1_000, () => awaited.giveUp(new Error('gone')))
    await clock.advanceAsync(999)
    expect(awaited.count).toBe(1)
    await clock.advanceAsync(1)
    await expect(told).rejects.toThrow('gone')
    expect([awaited.count, clock.pendingCount]).toEqual([0, 0])
    late.reject(new Error('late'))
    await settle()
  })

  it('CL27 a handler that never settles is not remembered for ever', async () => {
    const awaited = new Awaited()
    const first = answer()
    const told = awaited.track(first.promise)
    for (let count = 0; count < 20_000; count++) void awaited.track(new Promise(() => {}))
    expect(awaited.count).toBe(10_000)
    first.resolve(1)
    expect(await told).toBe(1)
  })
})
