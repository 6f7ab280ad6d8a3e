import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { Loop } from '../../../src/room/turn/loop.ts'

describe('room loop', () => {
  it('RM2 thirty steps a second, each due on the grid, with a step that is no whole millisecond', () => {
    const clock = new ManualClock(0)
    const due: number[] = []
    const loop = new Loop(clock, 1000 / 30, (at) => due.push(at))
    loop.start()
    clock.advance(10_001)
    loop.stop()
    expect(due.length).toBe(300)
    for (const [index, at] of due.entries()) expect(at).toBeCloseTo((index + 1) * (1000 / 30), 6)
  })

  it('RM2 a short stall is made up for, a long one is skipped', () => {
    const clock = new ManualClock(0)
    let steps = 0
    let stallMs = 0
    const loop = new Loop(clock, 10, () => {
      steps++
      const stall = stallMs
      stallMs = 0
      // The step itself took long: time passes inside it.
      if (stall > 0) clock.advance(stall)
    })
    loop.start()
    clock.advance(10)
    expect(steps).toBe(1)
    stallMs = 30
    clock.advance(10)
    clock.advance(1)
    expect(steps).toBe(5)
    stallMs = 10_000
    clock.advance(10)
    expect(steps).toBeLessThan(15)
    loop.stop()
  })

  it('RM2 nothing is called after stop, not even from inside a step', () => {
    const clock = new ManualClock(0)
    let steps = 0
    const loop: Loop = new Loop(clock, 10, () => {
      steps++
      loop.stop()
    })
    loop.start()
    clock.advance(1_000)
    expect(steps).toBe(1)
    expect(loop.isRunning).toBe(false)
  })

  it('RM2 lateness is measured', () => {
    const clock = new ManualClock(0)
    const loop = new Loop(clock, 10, () => clock.advance(0))
    loop.start()
    clock.advance(1_000)
    expect(loop.lagP99Ms()).toBeLessThan(1)
  })
})
