import { describe, expect, it } from 'vitest'
import { Simulation } from './simulation.ts'

const SEEDS = 200

/** For each fix, the first seed of the simulation that goes red when the fix is taken out. */
const found = [
  { rule: 'OB6', seed: 26, what: 'a state is never made of a log with gaps' },
  { rule: 'OB6', seed: 135, what: 'what is young is not cut, however much there is' },
  { rule: 'OB6', seed: 4, what: 'a tail behind the floor goes on at the floor' },
  { rule: 'FE1', seed: 18, what: 'no read shows less than one before it, whatever fails over' },
  { rule: 'OB4', seed: 1108, what: 'prev is the last patch, however far the log is cut' },
  {
    rule: 'OB4',
    seed: 845,
    what: 'an owner that slept through two takeovers and a cut is still fenced',
  },
  {
    rule: 'OB4',
    seed: 11_289,
    what: 'a marker that waited for numbers is not sent when it is too old',
  },
  { rule: 'OB2', seed: 1390, what: 'a refusal in a transaction takes no event before it' },
  { rule: 'FE1', seed: 651, what: 'a ring with a gap holds nothing from before it' },
]

describe('the log under a simulated replica set, with crashes, takeovers and retention', () => {
  const totals: Record<string, number> = {}

  it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
    'OB1 OB2 OB3 OB4 OB5 OB6 OB7 OB41 OB65 OB67 FE1 hold for seed %i',
    async (seed) => {
      const { failure, operations, counts } = await new Simulation(seed).run()
      expect(failure, `seed ${seed}\n${operations.join('\n')}`).toBeNull()
      for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count
    },
  )

  it.each(found)('$rule $what (seed $seed)', async ({ seed }) => {
    const { failure } = await new Simulation(seed).run()
    expect(failure).toBeNull()
  })

  it.each([
    { rule: 'OB102', seed: 205, what: 'a room without its first event is not believed' },
    {
      rule: 'OB102 OB104',
      seed: 229,
      what: 'a void snapshot says nothing, and all given up is void',
    },
    { rule: 'OB104', seed: 537, what: 'what is void stays so below the floor' },
  ])('$rule $what (seed $seed, with restores)', async ({ seed }) => {
    const { failure } = await new Simulation(seed, { isRestored: true }).run()
    expect(failure).toBeNull()
  })

  it('the seeds above met what they are meant to meet', () => {
    for (const [name, count] of Object.entries(totals))
      expect(count, name).toBeGreaterThan(SEEDS / 10)
    expect(totals['events']).toBeGreaterThan(SEEDS * 100)
    expect(totals['delivered']).toBeGreaterThan(SEEDS * 500)
  })

  const restoredTotals: Record<string, number> = {}

  it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
    'OB102 OB103 OB104 OB105 hold for seed %i, in which the log is restored now and then',
    async (seed) => {
      const { failure, operations, counts } = await new Simulation(seed, { isRestored: true }).run()
      expect(failure, `seed ${seed}\n${operations.join('\n')}`).toBeNull()
      for (const [name, count] of Object.entries(counts))
        restoredTotals[name] = (restoredTotals[name] ?? 0) + count
    },
  )

  it('the seeds with restores met what they are meant to meet', () => {
    for (const name of ['restores', 'left', 'void', 'resets', 'delivered'])
      expect(restoredTotals[name], name).toBeGreaterThan(SEEDS / 2)
  })

  const publishedTotals: Record<string, number> = {}

  it.each(Array.from({ length: SEEDS / 2 }, (_, index) => index + 1))(
    'OB107 OB109 hold for seed %i, with publishers that repeat themselves',
    async (seed) => {
      const options = { isPublished: true, isRestored: seed % 4 === 0 }
      const { failure, operations, counts } = await new Simulation(seed, options).run()
      expect(failure, `seed ${seed}\n${operations.join('\n')}`).toBeNull()
      for (const [name, count] of Object.entries(counts))
        publishedTotals[name] = (publishedTotals[name] ?? 0) + count
    },
  )

  it('the seeds with publishers met what they are meant to meet', () => {
    for (const name of ['published', 'duplicates', 'unknown'])
      expect(publishedTotals[name], name).toBeGreaterThan(SEEDS * 10)
  })

  it('the same seed is the same run', async () => {
    const [first, second] = [await new Simulation(7).run(), await new Simulation(7).run()]
    expect(second).toEqual(first)
  })
})
