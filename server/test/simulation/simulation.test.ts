import { describe, expect, it } from 'vitest'
import { Simulation } from './simulation.ts'

const SEEDS = 200

describe('the log under a simulated replica set, with crashes, takeovers and retention', () => {
  const totals: Record<string, number> = {}

  it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
    'OB1-OB7 FE1 hold for seed %i',
    async (seed) => {
      const { failure, operations, counts } = await new Simulation(seed).run()
      expect(failure, `seed ${seed}\n${operations.join('\n')}`).toBeNull()
      for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count
    },
  )

  it('the seeds above met what they are meant to meet', () => {
    for (const [name, count] of Object.entries(totals))
      expect(count, name).toBeGreaterThan(SEEDS / 2)
    expect(totals['events']).toBeGreaterThan(SEEDS * 200)
    expect(totals['delivered']).toBeGreaterThan(SEEDS * 1_000)
  })

  it('the same seed is the same run', async () => {
    const [first, second] = [await new Simulation(7).run(), await new Simulation(7).run()]
    expect(second).toEqual(first)
  })
})
