// Measures reading and writing as history grows, on one standalone mongod: a log of 10 thousand to 5 million
// events, in rooms of 1,000. It takes some minutes and 1 GB of disk, so it runs only when it is named:
// npm run bench -- flat (BENCH_FLAT_SIZES=10000,100000 for other sizes, multiples of 10,000).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { MongoClient } from 'mongodb'
import { MongoStore } from '@ringside/server/mongo'
import {
  ABREAST,
  BEFORE_SNAPSHOT,
  EVENT_EVERY_MS,
  ROOM_EVENTS,
  fillHistory,
} from './parts/flat-history.mjs'
import { appendAlone, appendTogether, openRooms, takeovers, withLog } from './parts/flat-log.mjs'
import { startMongod } from './parts/flat-mongod.mjs'
import { ask, watch } from './parts/flat-reader.mjs'

const SIZES = (process.env.BENCH_FLAT_SIZES ?? '10000,100000,1000000,5000000')
  .split(',')
  .map(Number)
/** Each round has a server that is ended by SIGKILL; the first round of each kind warms up. */
const ROUNDS = 10
const WARM_UP_ROUNDS = 2
/** Readers begin so many events back, which is no page of the feed, for a server keeps the pages that it has read. */
const BACK = 400
const PAGE = 100
const CACHE_GB = 1
/** A cost is called flat when the medians at the largest and at the smallest size differ by no more. */
const FLAT = 1.5

/** The titles of this table's columns. */
export const columns = [
  `median ms, events in the log:`,
  ...SIZES.map((size) => size.toLocaleString('en-US')),
  'last / first',
  'bar',
  'keys and documents read, first -> last',
]

/** Measures rows {name, values, ratio, bar, notes}. */
export async function run() {
  for (const size of SIZES)
    if (!(size > 0 && size % (ROOM_EVENTS * ABREAST) === 0))
      throw new Error(`Expected sizes in multiples of ${ROOM_EVENTS * ABREAST}, got ${size}`)
  const mongo = await startMongod({ cacheGb: CACHE_GB })
  const end = () => void mongo.stop().finally(() => process.exit(1))
  process.once('SIGINT', end).once('SIGTERM', end)
  const client = await MongoClient.connect(mongo.uri)
  try {
    const logs = []
    for (const size of SIZES) logs.push(await fill(client, mongo.uri, size))
    // The sizes take turns, so that other work of the machine hits every one.
    for (let round = 0; round < ROUNDS; round++) for (const log of logs) await measure(log, round)
    const results = logs.map(({ samples }) => samples.byName)
    return Object.keys(results[0]).map((name) => rowOf(name, results))
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
    await client.close()
    await mongo.stop()
  }
}

function rowOf(name, results) {
  const values = results.map((result) => median(result[name].times))
  // Polling and retention look at the log now and then, so the operation itself needs the least of them.
  const reads = results.map((result) => Math.min(...result[name].reads))
  // Halving looks at log2(size) places.
  const bar = name.includes('log2') ? '<= 2' : `<= ${FLAT}`
  const notes = [`${Math.round(reads[0])} -> ${Math.round(reads.at(-1))}`]
  return { name, values, ratio: values.at(-1) / values[0], bar, notes }
}

/** Makes a log of this size in a database of its own. */
async function fill(client, uri, size) {
  const database = `flat-${size}`
  const store = new MongoStore({ uri, database })
  await store.open()
  const begun = performance.now()
  const history = await fillHistory(store, client.db(database), size)
  await store.close()
  const seconds = (performance.now() - begun) / 1_000
  console.error(`flat: ${size} events put in within ${seconds.toFixed(1)} s`)
  return { client, address: [uri, database], history, samples: new Samples(client) }
}

/** Measures one round of one size. */
async function measure(log, round) {
  const { client, address, history } = log
  const samples = round < WARM_UP_ROUNDS ? new Samples(client) : log.samples
  // A server remembers its reads, and the rooms of the second kind may be those of the first.
  const isNewest = round % 2 === 0
  await withServer(samples, address, (server) => readAll(server, history, { samples, isNewest }))
  const living = history.rooms.filter((room) => room.isLive)
  await withLog(address, async (outbox) => {
    await samples.take('takeover of a room with 1,000 events', () => takeovers(outbox, living))
    const logs = await openRooms(outbox)
    await samples.take('durable append, 1,000 events together', () => appendTogether(logs, outbox))
    await samples.take('durable append, one event alone', () => appendAlone(logs))
  })
}

class Samples {
  byName = {}
  #client

  constructor(client) {
    this.#client = client
  }

  /** `work` gives the ms of each time it was done; the documents that MongoDB looked at are shared among them. */
  async take(name, work) {
    const before = await this.#readCount()
    const times = await work()
    const reads = ((await this.#readCount()) - before) / times.length
    const of = (this.byName[name] ??= { times: [], reads: [] })
    of.times.push(...times)
    of.reads.push(reads)
  }

  /** Counts keys of indexes and documents that queries have looked at so far, which do not depend on the machine. */
  async #readCount() {
    const { metrics } = await this.#client.db('admin').command({ serverStatus: 1 })
    return metrics.queryExecutor.scanned + metrics.queryExecutor.scannedObjects
  }
}

/** Asks all that a spectator asks, of one server that has not been asked before. */
async function readAll({ port }, { rooms, endedAt }, { samples, isNewest }) {
  const time = (name, some, read) =>
    samples.take(name, async () => {
      const times = []
      for (const room of some) times.push(await read(room))
      return times
    })
  const newest = rooms.slice(-ABREAST)
  const living = newest.filter((room) => room.isLive)
  const feed = (room) => `/rooms/${room.id}/feed`
  await time('join live, first of a room', living, (room) => watch(port, feed(room), 0))
  await time('join live, again', living, (room) => watch(port, feed(room), 0))
  await time('join live, all rooms', living, () => watch(port, '/feed', 0))
  await time(`catch-up, ${BACK} events back`, living, (room) => {
    const checkpoint = room.seqOf(ROOM_EVENTS - BACK)
    return watch(port, `${feed(room)}?checkpoint=${checkpoint}`, BACK)
  })
  await time('join 5 s back in the log (log2 of its size)', living, (room) => {
    // Each room has 50 events; nobody knows so exactly what the newest second holds.
    const back = Math.round((Date.now() - endedAt) / 1_000) + 5
    const about = (5_000 / EVENT_EVERY_MS / ABREAST) * 0.8
    return watch(port, `${feed(room)}?from=-${back}s`, Math.floor(about))
  })
  const where = isNewest ? 'a newest room' : 'any room of the log'
  const some = isNewest ? newest : anyOf(rooms)
  await time(`state?at, ${where}`, some, (room) => {
    const path = `/rooms/${room.id}/state?at=${room.seqOf(BEFORE_SNAPSHOT)}`
    const isRight = (view) => view.n === BEFORE_SNAPSHOT && view.state.players.p9 !== undefined
    return ask(port, path, isRight)
  })
  await time(`page of ${PAGE} events, ${where}`, some, (room) => {
    const path = `/rooms/${room.id}/events?after=${room.seqOf(300)}&limit=${PAGE}`
    return ask(port, path, (page) => page.events.length === PAGE && page.sealed)
  })
  await time(`replay of 1,000 events from the start, ${where}`, some, (room) =>
    watch(port, `${feed(room)}?from=start`, ROOM_EVENTS),
  )
}

/** Draws rooms at random over the whole history, ten or as many as there are. */
function anyOf(rooms) {
  return Array.from({ length: ABREAST }, (_, part) => {
    const at = (part + Math.random()) / ABREAST
    return rooms[Math.floor(at * rooms.length)]
  })
}

/** Starts a server, calls `use` with the line that it prints, and kills it. */
async function withServer(samples, args, use) {
  const path = fileURLToPath(new URL('parts/flat-server.mjs', import.meta.url))
  let child = null
  try {
    let server = null
    await samples.take(
      'restart: until the server listens, its 5 rooms back, records of all rooms read',
      async () => {
        child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
        const { value, done } = await lines.next()
        if (done) throw new Error('The server of the benchmark ended early')
        server = JSON.parse(value)
        return [server.ms]
      },
    )
    if (server.rooms !== ABREAST / 2) throw new Error(`Expected 5 rooms, got ${server.rooms}`)
    await use(server)
  } finally {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.table(await run())
