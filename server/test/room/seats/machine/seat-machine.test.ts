import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newSeed } from '../../../host/world.ts'
import { GRACE_MS } from './seat-model.ts'
import type { RoomPlan } from './seat-model.ts'
import { everyOrder, runSeats, walkSeats } from './seat-runs.ts'
import { SeatServers } from './seat-world.ts'

let servers: SeatServers
beforeAll(async () => {
  servers = await SeatServers.start()
})
afterAll(async () => {
  await servers.close()
  expect(servers.clock.pendingCount).toBe(0)
})

const two: RoomPlan = {
  maxClients: 2,
  isAsync: false,
  deeds: {},
  graceMs: GRACE_MS,
  isAsking: false,
}
const twoAsync: RoomPlan = { ...two, isAsync: true }
const alone = ['ask A', 'take A']
const both = [...alone, 'ask B', 'take B']

/** Where every order begins, how far it goes, and how many there are: an action that is lost shows here. */
const ORDERS: readonly [string, RoomPlan, readonly string[], number][] = [
  ['from a player in the only seat', { ...two, maxClients: 1 }, alone, 2],
  ['from a room that asks onAuth', { ...two, isAsking: true }, ['ask A'], 2],
  ['from a player', two, alone, 2],
  ['from a player who is away', two, [...alone, 'break A'], 2],
  ['from a player without grace', { ...two, graceMs: 0 }, alone, 2],
  [
    'from a player who has come back twice',
    two,
    [...alone, 'return A newest', 'return A newest'],
    2,
  ],
  ['from a player whose onDrop ends the room', { ...two, deeds: { onDrop: 'end' } }, alone, 2],
  [
    'from a player whose onReconnect kicks',
    { ...two, deeds: { onReconnect: 'kick' } },
    [...alone, 'break A'],
    2,
  ],
  ['from two players', two, both, 2],
  ['from an onJoin on its way', twoAsync, alone, 2],
  ['from an onLeave on its way', twoAsync, [...alone, 'settle A', 'leave A'], 2],
  ['from two onJoin on their way', twoAsync, both, 2],
]
const WALKS = 60
const STEPS = 60

describe('a room, whatever happens in whatever order', () => {
  it.each(ORDERS)(
    'RM70 RM16 RM1 MM19 is as the documents say, in every order %s',
    async (_from, plan, start, length) => {
      let count = 0
      for (const list of everyOrder(plan, start, length)) {
        await runSeats(servers, plan, (_enabled, step) => list[step] ?? null)
        count++
      }
      expect(count).toBeGreaterThan(100)
    },
    180_000,
  )

  it('RM70 RM16 RM1 MM19 is as the documents say on long walks through rooms of all kinds', async () => {
    const first = newSeed()
    for (let seed = first; seed < first + WALKS; seed++)
      await walkSeats(servers, seed, STEPS).catch((cause: unknown) => {
        throw new Error(`seed ${seed}, again with SEED=${seed}: ${(cause as Error).message}`)
      })
  }, 180_000)
})
