import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startReplicaSet } from '../../../scripts/replica-set.mjs'
import { hasMongod } from '../support/mongo.ts'
import { ROUNDS } from './rounds.ts'
import { killPrimary, loseMajority, stopPrimary } from './scenarios.ts'
import type { ReplicaSet } from './members.ts'

describe.skipIf(!(await hasMongod()))('a replica set of three', () => {
  let set: ReplicaSet
  beforeAll(async () => {
    set = await startReplicaSet({ count: 3 })
  }, 120_000)
  afterAll(() => set.stop(), 60_000)

  for (let round = 1; round <= ROUNDS; round++) {
    test(`OB1 OB2 OB5 kill -9 of the primary under load loses, doubles and reorders nothing (${round})`, async () => {
      const { faults, stallMs } = await killPrimary(set)
      expect(faults).toEqual([])
      expect(stallMs).toBeLessThan(20_000)
    }, 120_000)
  }

  for (let round = 1; round <= ROUNDS; round++) {
    test(`OB1 OB2 OB5 a primary that stands still for 15 s loses, doubles and reorders nothing (${round})`, async () => {
      const { faults, stallMs } = await stopPrimary(set)
      expect(faults).toEqual([])
      expect(stallMs).toBeLessThan(25_000)
    }, 120_000)
  }

  test('OB1 OB2 OB3 a majority that is lost, and a primary that is rolled back: nothing acknowledged is, nothing else was shown', async () => {
    const { faults, stallMs } = await loseMajority(set)
    expect(faults).toEqual([])
    expect(stallMs).toBeLessThan(90_000)
  }, 240_000)
})
