// Rooms that emit events at a steady rate into a log in MongoDB, and serve their spectators.
// node durable-server.mjs <uri> <database> <events a second> <rooms>
import { defineGame, event, num, schema } from '@ringside/protocol'
import { createServer } from '@ringside/server'
import { MongoStore } from '@ringside/server/mongo'

const [uri, database, rate, count] = process.argv.slice(2)
const STEP_MS = 5

const game = defineGame({
  commands: {},
  rooms: { marks: { state: schema({ at: num(1) }), events: { mark: event({ t: num(1) }) } } },
})
const server = createServer(game, {
  store: new MongoStore({ uri, database }),
  // All spectators of a benchmark come from one address.
  maxStreamsPerIp: 1_000,
  readsPerSecondPerIp: 1e6,
})
const rooms = []
server.room('marks', {
  emptyTimeoutMs: null,
  tickHz: 1,
  patchHz: 1,
  logHz: 1,
  onCreate: () => ({ at: 0 }),
  onTick(room) {
    if (!rooms.includes(room)) rooms.push(room)
  },
})
const port = await server.listen({ port: 0 })
const ids = []
while (ids.length < Number(count)) ids.push(await server.createRoom('marks'))
while (rooms.length < ids.length) await new Promise((resolve) => setTimeout(resolve, 50))
console.log(JSON.stringify({ port, rooms: ids }))

const begun = performance.now()
let sent = 0
setInterval(() => {
  const due = ((performance.now() - begun) / 1_000) * Number(rate)
  // Ahead of the patch, for which others wait up to a step of the room: it is the log that is measured.
  for (; sent < due; sent++) rooms[sent % rooms.length].emit('mark', { t: now() }, { atOnce: true })
}, STEP_MS)

/** Ms on a clock that is the same for every process of the machine. */
function now() {
  return performance.timeOrigin + performance.now()
}
