// Publishes events without a room into a log in MongoDB: `node publish-server.mjs <uri> <database>`. Takes
// { rate, plan } (events a second by `server.publish`, with the windows in which their acknowledgements are noted) and
// { inFlight, ms } (as many as it can), and answers each.
import { defineGame } from '@ringside/protocol'
import { createServer } from '@ringside/server'
import { MongoStore } from '@ringside/server/mongo'
import { Windows, now } from './windows.mjs'

const [uri, database, apiKey] = process.argv.slice(2)
const STEP_MS = 5
const GRACE_MS = 2_000

const game = defineGame({ commands: {}, rooms: {} })
const server = createServer(game, {
  store: new MongoStore({ uri, database }),
  apiKey,
  publishPerSecond: 1e6,
  maxStreamsPerIp: 10_000,
  readsPerSecondPerIp: 1e6,
})
const port = await server.listen({ port: 0 })
process.send({ port })

const publish = () =>
  server.publish({ topic: 'public', type: 'mark', data: { t: now(), pad: 'x'.repeat(64) } })

process.on('message', ({ rate, plan, inFlight, ms }) => {
  void (rate === undefined ? flood(inFlight, ms) : steady(rate, plan)).then((answer) =>
    process.send(answer),
  )
})
process.on('disconnect', () => process.exit(0))

/** As many as it can, so many of them under way at once; events a second. */
async function flood(inFlight, ms) {
  const begun = now()
  let count = 0
  const lane = async () => {
    for (; now() - begun < ms; count++) await publish()
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return { perSecond: count / ((now() - begun) / 1_000) }
}

async function steady(rate, plan) {
  const windows = new Windows(plan)
  const begun = now()
  let sent = 0
  const timer = setInterval(() => {
    for (const due = ((now() - begun) / 1_000) * rate; sent < due; sent++) {
      const at = now()
      void publish().then(() => windows.add(at, now() - at))
    }
  }, STEP_MS)
  await new Promise((resolve) => setTimeout(resolve, windows.end - now()))
  clearInterval(timer)
  await new Promise((resolve) => setTimeout(resolve, GRACE_MS))
  return { windows: windows.results() }
}
