import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from '../../src/index.ts'
import { MongoStore } from '../../src/mongo.ts'
import { hasMongo, startMongo } from '../support/mongo.ts'
import type { TestMongo } from '../support/mongo.ts'
import { arenaHandlers, testGame } from '../support/test-game.ts'
import { runUntilKilled } from './child.ts'

const CHILD = fileURLToPath(new URL('./doomed-server.ts', import.meta.url))

/** Runs a server until it kills itself, and returns the id of its room. */
async function liveOnce(args: readonly string[]): Promise<string> {
  const out = await runUntilKilled(CHILD, args)
  const room = /room (\S+)/.exec(out)?.[1]
  if (!room) throw new Error(`Expected the id of a room, got '${out}'`)
  return room
}

describe.skipIf(!(await hasMongo()))('kill -9 of a server right after', () => {
  let mongo: TestMongo
  beforeAll(async () => {
    mongo = await startMongo(1)
  }, 120_000)
  afterAll(() => mongo.stop(), 60_000)

  test.each([
    ['join', 0],
    ['join', 3],
    ['join', 20],
    ['leave', 0],
    ['leave', 3],
    ['leave', 20],
  ])(
    'OB25 a %s, by %i ms: a seat and its player are there, or neither',
    async (what, delayMs) => {
      const database = `fault-seat-${process.pid}-${Date.now()}`
      const { uri } = mongo
      const roomId = await liveOnce([uri, database, what, String(delayMs)])
      const server = createServer(testGame, { store: new MongoStore({ uri, database }) })
      let seats: string[] = []
      let players: string[] = []
      server.room('arena', {
        ...arenaHandlers(),
        onTick: () => {},
        onRestore(room) {
          seats = [...room.sessions.keys()]
          players = Object.keys(room.state.players)
        },
      })
      try {
        await server.listen({ port: 0 })
        expect(server.rooms.map(({ id }) => id)).toEqual([roomId])
        expect(seats).toEqual(players)
      } finally {
        await server.close()
      }
    },
    60_000,
  )
})
