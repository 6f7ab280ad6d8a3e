import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { createRandom } from '../../../src/process/random.ts'
import { SealTimes } from '../../../src/outbox/read/seal-times.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))

describe(`FE131 the time at which the log was sealed (SEED=${SEED})`, () => {
  it('FE131 is never earlier than it was, and later by 10 ms or a thousandth of the age at most', () => {
    const random = createRandom(SEED)
    for (let run = 0; run < 4; run++) {
      const clock = new ManualClock()
      const times = new SealTimes(clock)
      times.begin(100)
      const begunAt = clock.now()
      const sealed: { seq: number; at: number }[] = []
      for (let seq = 100, step = 0; step < 2_000; step++) {
        clock.advance(random.int(0, 3) === 0 ? random.int(0, 20_000) : random.int(0, 40))
        seq += random.int(1, 50)
        times.note(seq)
        sealed.push({ seq, at: clock.now() })
        if (random.int(0, 99) > 0) continue
        const ageMs = random.int(0, 3_600_000)
        const ripe = times.ripeUpTo(ageMs)
        const wrong = sealed.filter((each) => {
          const age = clock.now() - each.at
          const left = Math.max(0, ageMs - age)
          const wait = times.waitFor(each.seq, ageMs)
          const isRight = each.seq <= ripe ? age >= ageMs : age < ageMs + Math.max(10, ageMs / 500)
          return !isRight || wait < left || wait > left + Math.max(10, age / 500)
        })
        expect(wrong).toEqual([])
        if (clock.now() - begunAt < ageMs) expect(ripe).toBe(-1)
        else expect(ripe).toBeGreaterThanOrEqual(100)
      }
    }
  })

  it('FE131 is kept by runs: a day of a busy log is some thousands of them', () => {
    const clock = new ManualClock()
    const times = new SealTimes(clock)
    times.begin(0)
    let most = 0
    for (let seq = 1; seq <= 1_728_000; seq++) {
      clock.advance(50)
      times.note(seq)
      most = Math.max(most, times.runCount)
    }
    expect(most).toBeLessThan(25_000)
    // An hour is still known to a few seconds.
    const ripe = times.ripeUpTo(3_600_000)
    expect(1_728_000 - 72_000 - ripe).toBeLessThan(80)
    expect(ripe).toBeLessThanOrEqual(1_728_000 - 72_000)
  })

  it('FE131 what many turns of one ms have sealed is one run', () => {
    const clock = new ManualClock()
    const times = new SealTimes(clock)
    times.begin(0)
    for (let seq = 1; seq <= 1_000; seq++) times.note(seq)
    expect(times.runCount).toBe(1)
    expect([times.ripeUpTo(0), times.ripeUpTo(1), times.waitFor(7, 5_000)]).toEqual([
      1_000, -1, 5_000,
    ])
  })
})
