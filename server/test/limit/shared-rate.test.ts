import { describe, expect, it } from 'vitest'
import { AddressRate } from '../../src/limit/address-rate.ts'
import { GuessLimit } from '../../src/limit/guess-limit.ts'
import { SharedRate } from '../../src/limit/shared-rate.ts'
import type { SharedCounts } from '../../src/limit/shared-rate.ts'
import { MongoStore } from '../../src/mongo.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { settle } from '../../src/testing/index.ts'
import { hasMongo } from '../support/mongo.ts'
import { useMongo } from '../support/use-mongo.ts'

const rule = { name: 'test', points: 3, durationMs: 60_000 }

/** `in`, or the seconds to wait. */
const take = (rate: SharedRate, key: string): Promise<string | number> =>
  rate.take(key).then(
    () => 'in',
    (error: unknown) => (error as { retryAfterSeconds: number }).retryAfterSeconds,
  )

async function takeAll(rate: SharedRate, key: string, count: number): Promise<unknown[]> {
  const taken: unknown[] = []
  for (let each = 0; each < count; each++) taken.push(await take(rate, key))
  return taken
}

describe('a shared rate', () => {
  it('LI10 each key has its own, and what is over it is told how long to wait', async () => {
    const rate = new SharedRate({ ...rule, counts: null })
    expect(await takeAll(rate, 'a', 4)).toEqual(['in', 'in', 'in', 60])
    expect(await take(rate, 'b')).toBe('in')
    expect(await take(rate, '__proto__')).toBe('in')
  })

  it('LI10 what the store counts decides, and while it is away the process counts for itself', async () => {
    let isAway = false
    const keys: string[] = []
    const counts: SharedCounts = {
      take(key) {
        if (isAway) return Promise.reject(new Error('away'))
        keys.push(key)
        return Promise.resolve({ count: keys.length, msLeft: 1_500 })
      },
    }
    const rate = new SharedRate({ ...rule, counts })
    expect(await takeAll(rate, 'a', 4)).toEqual(['in', 'in', 'in', 2])
    expect(keys[0]).toBe('test/a')
    isAway = true
    expect(await takeAll(rate, 'a', 4)).toEqual(['in', 'in', 'in', 60])
  })

  it('LI10 in memory no more than 100,000 keys are counted: beyond them it forgets', async () => {
    const rate = new SharedRate({ ...rule, points: 1, counts: null })
    expect(await takeAll(rate, 'a', 2)).toEqual(['in', 60])
    for (let count = 0; count < 100_000; count++) await rate.take(`key ${count}`)
    expect(await take(rate, 'a')).toBe('in')
  })

  it('LI10 a rate that could not hold is refused', () => {
    for (const wrong of [
      { name: 'A/b' },
      { points: 0 },
      { durationMs: 10 },
      { points: Number.NaN },
    ])
      expect(() => new SharedRate({ ...rule, ...wrong, counts: null })).toThrow('Expected a rate')
  })
})

describe('wrong keys and tokens', () => {
  it('LI11 an address over the limit of all processes is kept out until its window is over', async () => {
    const clock = new ManualClock()
    const counts = { take: () => Promise.resolve({ count: 4, msLeft: 30_000 }) }
    const perSecond = new AddressRate(10, clock)
    const limit = new GuessLimit({ perSecond, shared: new SharedRate({ ...rule, counts }), clock })
    limit.checkLeft('10.0.0.1')
    limit.take('10.0.0.1')
    await settle()
    expect(() => limit.checkLeft('10.0.0.1')).toThrow(
      expect.objectContaining({ code: 'too_many_requests', retryAfterSeconds: 30 }),
    )
    limit.checkLeft('10.0.0.2')
    clock.advance(30_000)
    limit.checkLeft('10.0.0.1')
  })

  it('LI11 a store that does not answer holds nobody up', async () => {
    const clock = new ManualClock()
    const counts = { take: () => Promise.reject(new Error('away')) }
    const perSecond = new AddressRate(10, clock)
    const limit = new GuessLimit({ perSecond, shared: new SharedRate({ ...rule, counts }), clock })
    for (let count = 0; count < 3; count++) limit.take('10.0.0.1')
    await settle()
    limit.checkLeft('10.0.0.1')
  })
})

describe.skipIf(!(await hasMongo()))('rates in MongoDB', () => {
  const mongo = useMongo()

  it('LI10 two processes count together, also when both begin at once', async () => {
    const { databaseName: database } = mongo.database('shared-rates')
    const stores = [1, 2].map(() => new MongoStore({ uri: mongo.uri(), database }))
    try {
      await Promise.all(stores.map((store) => store.open()))
      const rates = stores.map((store) => new SharedRate({ ...rule, counts: store.rates }))
      const taken = await Promise.all(
        [0, 1, 0, 1, 0, 1].map((process) => take(rates[process] as SharedRate, '10.0.0.1')),
      )
      expect(taken.filter((each) => each === 'in')).toHaveLength(3)
      for (const each of taken)
        if (each !== 'in') expect(each).toSatisfy((left) => Number(left) > 50 && Number(left) <= 60)
      expect(await take(rates[0] as SharedRate, '10.0.0.2')).toBe('in')
      const indexes = await mongo.database('shared-rates').collection('rates').indexes()
      expect(indexes.map(({ expireAfterSeconds }) => expireAfterSeconds)).toContain(0)
    } finally {
      await Promise.all(stores.map((store) => store.close()))
    }
  }, 60_000)
})
