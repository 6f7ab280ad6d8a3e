import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/process/clock.ts'
import { LoopPace } from '../../src/process/loop-pace.ts'

/** Turns that a loop takes whose every await is over at once. */
async function turnsIn(clock: ManualClock, pace: LoopPace, ms: number): Promise<number> {
  let count = 0
  let isOver = false
  const loop = async (): Promise<void> => {
    while (!isOver) {
      await pace.turn()
      // Without a floor this loop would never let go of the event loop.
      if (++count > 100_000) throw new Error('The loop has no floor')
    }
  }
  const done = loop()
  await clock.advanceAsync(ms, 1)
  isOver = true
  pace.release()
  await done
  return count
}

describe('OB31 a floor under the pace of loops', () => {
  it('OB31 a loop that is answered at once takes 20 turns, then 200 a second', async () => {
    const clock = new ManualClock()
    const count = await turnsIn(clock, new LoopPace(clock), 10_000)
    expect(count).toBeGreaterThan(1_900)
    expect(count).toBeLessThan(2_050)
  })

  it('OB31 turns that lie apart wait for nothing', async () => {
    const clock = new ManualClock()
    const pace = new LoopPace(clock)
    for (let turn = 0; turn < 1_000; turn++) {
      expect(pace.next()).toBe(0)
      clock.advance(5)
    }
    expect(clock.pendingCount).toBe(0)
  })

  it('OB31 after a rest a burst goes at once, and no more than that', () => {
    const clock = new ManualClock()
    const pace = new LoopPace(clock)
    for (let time = 0; time < 3; time++) {
      const waits = Array.from({ length: 22 }, () => pace.next())
      expect(waits).toEqual([...Array(20).fill(0), 5, 10])
      clock.advance(60_000)
    }
  })

  it('OB31 failures are waited for from 10 ms, doubling, up to 1 s', async () => {
    const clock = new ManualClock()
    const pace = new LoopPace(clock)
    for (const [attempt, ms] of [
      [0, 10],
      [1, 20],
      [6, 640],
      [7, 1_000],
      [10_000, 1_000],
    ] as const) {
      let isOver = false
      const waiting = pace.backOff(attempt).then(() => (isOver = true))
      await clock.advanceAsync(ms - 1, ms - 1)
      expect(isOver, `${attempt}`).toBe(false)
      await clock.advanceAsync(1)
      await waiting
    }
  })

  it('OB31 release ends all waits, those to come too', async () => {
    const clock = new ManualClock()
    const pace = new LoopPace(clock)
    const waiting = pace.backOff(7)
    for (let turn = 0; turn < 30; turn++) pace.next()
    const turning = pace.turn()
    pace.release()
    await Promise.all([waiting, turning, pace.backOff(7), pace.turn()])
    expect(clock.pendingCount).toBe(0)
  })
})
