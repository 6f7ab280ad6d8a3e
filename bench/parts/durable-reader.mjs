// Serves the spectators of rooms that another process owns: it knows no type of room, so it takes none over.
// node durable-reader.mjs <uri> <database>
import { defineGame } from '@ringside/protocol'
import { createServer } from '@ringside/server'
import { MongoStore } from '@ringside/server/mongo'

const [uri, database] = process.argv.slice(2)
const game = defineGame({ commands: {}, rooms: {} })
const server = createServer(game, {
  store: new MongoStore({ uri, database }),
  // All spectators of a benchmark come from one address.
  maxStreamsPerIp: 1_000,
  readsPerSecondPerIp: 10_000,
})
console.log(JSON.stringify({ port: await server.listen({ port: 0 }) }))
