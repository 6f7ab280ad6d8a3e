// Events without a room, from `server.publish` and from `POST /feed/broadcast` to the readers of their topic, on a log in
// MongoDB: how many a second, how long until one is durable, how long until a reader has it. Beside them bare inserts of
// one document each, which a majority acknowledges: as many at once, and in the very same windows.
import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { MongoClient } from 'mongodb'
import { withSet } from './durable.mjs'
import { Windows, now } from './parts/windows.mjs'

const READERS = 50
const IN_FLIGHT = 64
const FLOOD_MS = 3_000
const WARM_UP_MS = 2_000
const WINDOWS = 3
const WINDOW_MS = 2_000
const PAUSE_MS = 10
const API_KEY = 'bench-key-of-more-than-16-characters'

const at = (path) => new URL(path, import.meta.url)
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

export async function run() {
  const rows = []
  await withSet(async (uri) => {
    const client = await MongoClient.connect(uri)
    const options = { writeConcern: { w: 'majority', journal: true } }
    const bare = client.db('bench-publish-bare').collection('bare', options)
    const server = fork(at('./parts/publish-server.mjs'), [uri, 'bench-publish', API_KEY])
    const { port } = await ask(server, null)
    // Readers and publisher are two, for the one must not be late because of the other.
    const readers = fork(at('./parts/publish-load.mjs'))
    const publisher = fork(at('./parts/publish-load.mjs'))
    try {
      await ask(readers, { port, readers: READERS })
      const ways = [
        { how: 'code', child: server, order: {} },
        { how: 'HTTP', child: publisher, order: { port, apiKey: API_KEY } },
      ]
      for (const { how, child, order } of ways) {
        rows.push(
          await floods(how, bare, () =>
            ask(child, { ...order, inFlight: IN_FLIGHT, ms: FLOOD_MS }),
          ),
        )
        for (const rate of [100, 1_000])
          rows.push(
            ...(await steady({
              how,
              rate,
              bare,
              readers,
              publish: (plan) => ask(child, { ...order, rate, plan }),
            })),
          )
      }
    } finally {
      for (const child of [server, readers, publisher]) if (child.connected) child.disconnect()
      await client.close()
    }
  })
  return rows
}

/** Sends a question to a child and resolves with its answer. */
function ask(child, question) {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('A process of the benchmark ended early'))
    child.once('exit', ended)
    child.once('message', (answer) => {
      child.off('exit', ended)
      resolve(answer)
    })
    if (question !== null) child.send(question)
  })
}

async function floods(how, bare, publish) {
  const { perSecond } = await publish()
  const begun = now()
  let count = 0
  const lane = async () => {
    for (; now() - begun < FLOOD_MS; count++) await bare.insertOne(documentOf(count))
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  const theirs = count / ((now() - begun) / 1_000)
  return {
    name: `published by ${how}, ${IN_FLIGHT} under way, events/s`,
    ours: perSecond,
    bare: theirs,
    ratio: perSecond / theirs,
    bar: '',
  }
}

async function steady({ how, rate, bare, readers, publish }) {
  const plan = { from: now() + WARM_UP_MS, windowMs: WINDOW_MS, count: WINDOWS }
  const [seen, durable, inserts] = await Promise.all([
    ask(readers, { plan }),
    publish(plan),
    probe(bare, plan),
  ])
  const expected = (rate * READERS * WINDOW_MS * WINDOWS) / 1_000
  const count = seen.windows.reduce((sum, window) => sum + window.count, 0)
  if (Math.abs(count / expected - 1) > 0.1)
    throw new Error(`Expected ${expected} deliveries by ${how} at ${rate}/s, got ${count}`)
  const of = (windows, key) => median(windows.map((window) => window[key]))
  const row = (what, windows, key, bar = '') => {
    const [ours, theirs] = [of(windows, key), of(inserts, key)]
    return {
      name: `by ${how}, ${rate}/s, ${what} ${key} ms`,
      ours,
      bare: theirs,
      ratio: ours / theirs,
      bar,
    }
  }
  return [
    row('durable', durable.windows, 'p50'),
    row('durable', durable.windows, 'p99'),
    row(`to ${READERS} readers`, seen.windows, 'p50'),
    row(`to ${READERS} readers`, seen.windows, 'p99', '<= 50 ms'),
  ]
}

/** Times single inserts. */
async function probe(bare, plan) {
  const windows = new Windows(plan)
  for (let count = 0; now() < windows.end; count++) {
    const begun = now()
    await bare.insertOne(documentOf(count))
    windows.add(begun, now() - begun)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  return windows.results()
}

function documentOf(count) {
  return { type: 'mark', data: JSON.stringify({ t: count, pad: 'x'.repeat(64) }) }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.table(await run())
