// A server that goes on with the living rooms of a history. Prints its port, the ms until it listened, and how
// many rooms go on. node flat-server.mjs <uri> <database>
import { defineGame, int, map, num, schema } from '@ringside/protocol'
import { createServer } from '@ringside/server'
import { MongoStore } from '@ringside/server/mongo'

const [uri, database] = process.argv.slice(2)
const Player = schema({ x: num(1), y: num(2), angle: num(3), score: int(4) })
const game = defineGame({
  commands: {},
  rooms: { match: { state: schema({ players: map(1, Player), round: int(2) }) } },
})
const server = createServer(game, {
  store: new MongoStore({ uri, database }),
  // Nothing of the history may be cut.
  retentionMs: 1e12,
  retentionEvents: 1e9,
  maxRooms: 100_000,
  // All readers of a benchmark come from one address.
  maxStreamsPerIp: 1_000,
  readsPerSecondPerIp: 1e6,
})
server.room('match', {
  emptyTimeoutMs: null,
  tickHz: 1,
  onCreate: () => ({ players: {}, round: 0 }),
})
const begun = performance.now()
const port = await server.listen({ port: 0 })
const ms = performance.now() - begun
console.log(JSON.stringify({ port, ms, rooms: server.rooms.length }))
