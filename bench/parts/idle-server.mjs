// Rooms on a log in MongoDB whose spectators mostly wait: `node idle-server.mjs <uri> <database> <rooms>`. One room
// alone emits events, when it is told to. Answers the parent's 'cpu', 'memory', 'streams' and {rate}.
import { defineGame, event, num, schema, str } from '@ringside/protocol'
import { createServer } from '@ringside/server'
import { MongoStore } from '@ringside/server/mongo'

const [uri, database, count] = process.argv.slice(2)
const STEP_MS = 5
/** Ahead of the patch, for which others wait up to a step of the room. */
const AT_ONCE = { atOnce: true }
const API_KEY = 'bench-key-of-more-than-16-characters'
/** One event is some 16 KB: the kernel takes megabytes for a reader that takes none. */
const PAD = 'x'.repeat(16_384)

const game = defineGame({
  commands: {},
  rooms: {
    marks: {
      state: schema({ at: num(1) }),
      events: { mark: event({ t: num(1), pad: str(2) }) },
    },
  },
})
const server = createServer(game, {
  store: new MongoStore({ uri, database }),
  apiKey: API_KEY,
  maxStreams: 20_000,
  maxStreamsPerIp: 20_000,
  readsPerSecondPerIp: 1e6,
})
const rooms = new Map()
server.room('marks', {
  emptyTimeoutMs: null,
  tickHz: 0,
  onCreate(room) {
    rooms.set(room.id, room)
    return { at: 0 }
  },
})
const port = await server.listen({ port: 0 })
const ids = []
while (ids.length < Number(count)) ids.push(await server.createRoom('marks'))
process.send({ port, rooms: ids })

let timer = null
process.on('message', (question) => {
  if (question === 'cpu') process.send({ cpu: process.cpuUsage() })
  else if (question === 'memory') {
    for (let round = 0; round < 4; round++) globalThis.gc?.()
    process.send({ rss: process.memoryUsage.rss() })
  } else if (question === 'streams') void streams()
  else if (question.rate !== undefined) {
    clearInterval(timer)
    play(question.rate)
    process.send({ rate: question.rate })
  }
})
process.on('disconnect', () => process.exit(0))

async function streams() {
  const headers = { 'x-api-key': API_KEY }
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text()
  process.send({ streams: Number(/^ringside_streams (\d+)$/m.exec(text)?.[1]) })
}

function play(rate) {
  if (rate === 0) return
  const room = rooms.get(ids[0])
  const begun = performance.now()
  let sent = 0
  timer = setInterval(() => {
    const due = ((performance.now() - begun) / 1_000) * rate
    for (; sent < due; sent++)
      room.emit('mark', { t: performance.timeOrigin + performance.now(), pad: PAD }, AT_ONCE)
  }, STEP_MS)
}
