import { describe, expect, it } from 'vitest'
import { connect } from '../../../client/src/index.ts'
import { createServer } from '../../src/index.ts'
import type { Server } from '../../src/index.ts'
import { MongoStore } from '../../src/mongo.ts'
import { hasMongo } from '../support/mongo.ts'
import { arenaHandlers, testGame } from '../support/test-game.ts'
import { useMongo } from '../support/use-mongo.ts'

describe.skipIf(!(await hasMongo()))('a log in MongoDB', () => {
  const mongo = useMongo()

  it('CL34 without ticketSecret a seat that was kept is taken back after a restart, twice', async () => {
    const { databaseName: database } = mongo.database('kept-secret')
    const started = async (): Promise<{ server: Server<typeof testGame>; address: string }> => {
      const store = new MongoStore({ uri: mongo.uri(), database })
      const server = createServer(testGame, { store, isDevelopment: true })
      server.room('arena', { ...arenaHandlers(), onTick: () => {}, emptyTimeoutMs: null })
      const port = await server.listen({ port: 0 })
      return { server, address: `http://127.0.0.1:${port}` }
    }
    let { server, address } = await started()
    let room = await connect(testGame, address).joinOrCreate('arena', { name: 'Ada' })
    const { sessionId } = room
    try {
      for (let restart = 0; restart < 2; restart++) {
        room.disconnect()
        await server.close()
        ;({ server, address } = await started())
        room = await connect(testGame, address).reconnect<'arena'>(room.id, room.reconnectToken)
        expect([room.sessionId, room.name]).toEqual([sessionId, 'Ada'])
      }
      await room.leave()
    } finally {
      await server.close()
    }
    const records = mongo.database('kept-secret').collection('records')
    expect(await records.countDocuments({})).toBe(1)
  }, 60_000)
})
