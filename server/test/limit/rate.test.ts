import { describe, expect, it } from 'vitest'
import { AddressRate } from '../../src/limit/address-rate.ts'
import { GuessLimit } from '../../src/limit/guess-limit.ts'
import { Rate, untoldOf } from '../../src/limit/rate.ts'
import type { SharedCounts, Sharing } from '../../src/limit/rate.ts'
import { MongoStore } from '../../src/mongo.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { settle } from '../../src/testing/index.ts'
import { hasMongo } from '../support/mongo.ts'
import { useMongo } from '../support/use-mongo.ts'

/** `in`, or the seconds to wait. */
const take = (rate: Rate, key: string): Promise<string | number> =>
  rate.takeInAll(key).then(
    () => 'in',
    (error: unknown) => (error as { retryAfterSeconds: number }).retryAfterSeconds,
  )

async function takeAll(rate: Rate, key: string, count: number): Promise<unknown[]> {
  const taken: unknown[] = []
  for (let each = 0; each < count; each++) taken.push(await take(rate, key))
  return taken
}

/** Counts as a store keeps them, by the clock; `calls` has each addition. */
class FakeCounts implements SharedCounts {
  readonly calls: [key: string, count: number][] = []
  /** Null: it answers at once. */
  gate: Promise<void> | null = null
  isAway = false
  readonly #clock: ManualClock
  readonly #windows = new Map<string, { count: number; until: number }>()

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  async take(key: string, durationMs: number, count: number) {
    this.calls.push([key, count])
    await this.gate
    if (this.isAway) throw new Error('away')
    const now = this.#clock.now()
    const known = this.#windows.get(key)
    const window = known && known.until > now ? known : { count: 0, until: now + durationMs }
    window.count += count
    this.#windows.set(key, window)
    return { count: window.count, msLeft: window.until - now }
  }
}

function rig(points: number, { untold = 0, windowMs = 60_000 } = {}) {
  const clock = new ManualClock()
  const counts = new FakeCounts(clock)
  const shared: Sharing = { name: 'test', counts, isAway: () => false, untold }
  const process = (): Rate => new Rate({ points, windowMs, shared }, clock)
  return { clock, counts, shared, process }
}

describe('a rate in one process', () => {
  it('LI2 each key has its own window, and what is over it is told how long to wait', async () => {
    const clock = new ManualClock()
    const rate = new Rate({ points: 3, windowMs: 60_000 }, clock)
    expect(await takeAll(rate, 'a', 4)).toEqual(['in', 'in', 'in', 60])
    expect(await take(rate, 'b')).toBe('in')
    expect(await take(rate, '__proto__')).toBe('in')
    clock.advance(59_000)
    expect(await take(rate, 'a')).toBe(1)
    clock.advance(1_000)
    expect(await take(rate, 'a')).toBe('in')
  })

  it('LI2 no more than 100,000 keys are counted: beyond them it forgets', async () => {
    const rate = new Rate({ points: 1 }, new ManualClock())
    expect([rate.take('a'), rate.take('a')]).toEqual([true, false])
    for (let count = 0; count < 100_000; count++) rate.take(`key ${count}`)
    expect(rate.take('a')).toBe(true)
  })

  it('LI10 a rate that could not hold is refused', () => {
    const { shared } = rig(1)
    for (const wrong of [
      { shared: { ...shared, name: 'A/b' } },
      { points: 0 },
      { windowMs: 10 },
      { points: Number.NaN },
    ])
      expect(() => new Rate({ points: 1, shared, ...wrong }, new ManualClock())).toThrow(
        'Expected a rate',
      )
  })
})

describe('a rate of all processes', () => {
  it('LI10 processes count together to the last one, and each key for itself', async () => {
    const { process, clock, counts } = rig(4)
    const [a, b] = [process(), process()]
    const taken = [await take(a, 'x'), await take(b, 'x'), await take(a, 'x'), await take(b, 'x')]
    expect(taken).toEqual(['in', 'in', 'in', 'in'])
    clock.advance(20_000)
    expect([await take(a, 'x'), await take(b, 'x')]).toEqual([40, 40])
    expect(await take(b, 'y')).toBe('in')
    const { length } = counts.calls
    expect(await takeAll(a, 'x', 10)).toEqual(Array.from({ length: 10 }, () => 40))
    expect(counts.calls.length, 'who is known to be over costs no write').toBe(length)
    clock.advance(40_000)
    expect(await take(a, 'x')).toBe('in')
  })

  it('LI10 what gathers while the store is asked is one addition, and each is told its own answer', async () => {
    const { process, counts } = rig(10)
    const rate = process()
    let open = (): void => {}
    counts.gate = new Promise((resolve) => void (open = resolve))
    const taken = Array.from({ length: 10 }, () => take(rate, 'x'))
    const others = Array.from({ length: 20 }, (_, index) => take(rate, `other ${index}`))
    await settle()
    expect(counts.calls, 'four keys are asked about at once').toHaveLength(4)
    counts.gate = null
    open()
    expect(await Promise.all(taken)).toEqual(Array.from({ length: 10 }, () => 'in'))
    await Promise.all(others)
    expect(counts.calls.filter(([key]) => key === 'test/x')).toEqual([
      ['test/x', 1],
      ['test/x', 9],
    ])
    expect(await take(rate, 'x')).toBe(60)
  })

  it('LI10 a key that comes seldom is not told; with the first one that is, all of its window are', async () => {
    const { process, counts } = rig(20, { untold: untoldOf(20) })
    const [a, b] = [process(), process()]
    expect(await takeAll(a, 'x', 2)).toEqual(['in', 'in'])
    expect(counts.calls).toEqual([])
    expect(await takeAll(a, 'x', 2)).toEqual(['in', 'in'])
    expect(counts.calls.map(([, count]) => count)).toEqual([3, 1])
    const taken = await takeAll(b, 'x', 20)
    expect(taken.filter((each) => each === 'in')).toHaveLength(16)
  })

  it.each([
    ['fails', (counts: FakeCounts) => void (counts.isAway = true)],
    ['does not answer', (counts: FakeCounts) => void (counts.gate = new Promise(() => {}))],
  ])(
    'LI13 while the store %s each process counts for itself, and soon waits no longer',
    async (_, goAway) => {
      const { process, counts, clock } = rig(4)
      const rate = process()
      goAway(counts)
      const first = take(rate, 'x')
      await settle()
      clock.advance(500)
      expect(await first).toBe('in')
      expect(await takeAll(rate, 'x', 4)).toEqual(['in', 'in', 'in', 60])
      expect(counts.calls, 'it is not asked again for a while').toHaveLength(1)
      counts.isAway = false
      counts.gate = null
      clock.advance(60_000)
      expect(await takeAll(process(), 'x', 3)).toEqual(['in', 'in', 'in'])
      expect(await takeAll(rate, 'x', 2)).toEqual(['in', 60])
    },
  )

  it('LI13 a store that is known to be away is not asked', async () => {
    const { shared, clock, counts } = rig(2)
    const rate = new Rate({ points: 2, shared: { ...shared, isAway: () => true } }, clock)
    expect(await takeAll(rate, 'x', 3)).toEqual(['in', 'in', 1])
    expect(counts.calls).toEqual([])
  })

  it('LI10 a window of a process whose clock is ahead keeps nobody out for longer than a window', async () => {
    const { shared, clock } = rig(2)
    const counts = { take: () => Promise.resolve({ count: 9, msLeft: 3_600_000 }) }
    const rate = new Rate({ points: 2, windowMs: 1_000, shared: { ...shared, counts } }, clock)
    expect(await take(rate, 'x')).toBe(1)
  })

  it('LI10 what waits for the store is bounded: beyond it the process counts alone', async () => {
    const { process, counts, clock } = rig(1)
    const rate = process()
    counts.gate = new Promise(() => {})
    const waiting = Array.from({ length: 10_004 }, (_, index) => take(rate, `key ${index}`))
    const beyond = await Promise.all(
      Array.from({ length: 50 }, (_, index) => take(rate, `z${index}`)),
    )
    expect(beyond.every((each) => each === 'in')).toBe(true)
    clock.advance(500)
    await Promise.all(waiting)
    expect(counts.calls).toHaveLength(4)
  })
})

describe('wrong keys and tokens', () => {
  const limit = (points: number, counts: SharedCounts, clock: ManualClock): GuessLimit => {
    const shared: Sharing = { name: 'guesses', counts, isAway: () => false, untold: 0 }
    return new GuessLimit([
      new AddressRate({ points: 10 }, clock),
      new AddressRate({ points, windowMs: 60_000, shared }, clock),
    ])
  }

  it('LI11 an address over the limit of all processes is kept out until its window is over', async () => {
    const clock = new ManualClock()
    const counts = { take: () => Promise.resolve({ count: 4, msLeft: 30_000 }) }
    const guesses = limit(3, counts, clock)
    guesses.checkLeft('10.0.0.1')
    guesses.take('10.0.0.1')
    await settle()
    expect(() => guesses.checkLeft('10.0.0.1')).toThrow(
      expect.objectContaining({ code: 'too_many_requests', retryAfterSeconds: 30 }),
    )
    guesses.checkLeft('10.0.0.2')
    clock.advance(30_000)
    guesses.checkLeft('10.0.0.1')
  })

  it('LI11 a store that does not answer holds nobody up', async () => {
    const clock = new ManualClock()
    const guesses = limit(3, { take: () => Promise.reject(new Error('away')) }, clock)
    for (let count = 0; count < 2; count++) guesses.take('10.0.0.1')
    await settle()
    guesses.checkLeft('10.0.0.1')
  })
})

describe.skipIf(!(await hasMongo()))('rates in MongoDB', () => {
  const mongo = useMongo()

  it('LI10 two processes count together, also when both begin at once', async () => {
    const { databaseName: database } = mongo.database('shared-rates')
    const stores = [1, 2].map(() => new MongoStore({ uri: mongo.uri(), database }))
    const clock = new ManualClock()
    try {
      await Promise.all(stores.map((store) => store.open()))
      const [first, second] = stores.map(({ rates }) => {
        const shared = { name: 'test', counts: rates, isAway: () => false, untold: 0 }
        return new Rate({ points: 3, windowMs: 60_000, shared }, clock)
      }) as [Rate, Rate]
      const taken = await Promise.all(
        [first, second, first, second, first, second].map((rate) => take(rate, '10.0.0.1')),
      )
      expect(taken.filter((each) => each === 'in')).toHaveLength(3)
      for (const each of taken)
        if (each !== 'in') expect(each).toSatisfy((left) => Number(left) > 50 && Number(left) <= 60)
      expect(await take(first, '10.0.0.2')).toBe('in')
      const indexes = await mongo.database('shared-rates').collection('rates').indexes()
      expect(indexes.map(({ expireAfterSeconds }) => expireAfterSeconds)).toContain(0)
    } finally {
      await Promise.all(stores.map((store) => store.close()))
    }
  }, 60_000)
})
