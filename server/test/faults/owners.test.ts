import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasMongo, startMongo } from '../support/mongo.ts'
import type { TestMongo } from '../support/mongo.ts'
import { fightForRoom, killWriters } from './owners.ts'
import { ROUNDS } from './rounds.ts'

describe.skipIf(!(await hasMongo()))('owners of one room', () => {
  let mongo: TestMongo
  beforeAll(async () => {
    mongo = await startMongo(1)
  }, 120_000)
  afterAll(() => mongo.stop(), 60_000)

  test(
    `OB2 OB3 OB4 kill -9 between numbers and write, ${ROUNDS} times: the room goes on without a gap`,
    async () => {
      const { faults } = await killWriters(mongo.uri, ROUNDS)
      expect(faults).toEqual([])
    },
    30_000 + ROUNDS * 20_000,
  )

  test(`OB4 two owners that take the room from each other: one log, nobody writes over it`, async () => {
    const { faults } = await fightForRoom(mongo.uri, ROUNDS * 4)
    expect(faults).toEqual([])
  }, 60_000)
})
