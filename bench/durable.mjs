// The log in MongoDB: durable appends beside a bare insertMany of the same documents, and the time from an event to
// the spectators' sockets beside that of one bare insert in the very same windows: when the disk stalls, both show
// it. node bench/durable.mjs (on dist, with a real replica set of three).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { MongoClient } from 'mongodb'
import { SystemClock, silentLogger } from '@ringside/server'
import { MongoStore } from '@ringside/server/mongo'
import { startReplicaSet } from '../scripts/replica-set.mjs'
import { randomId } from '../server/dist/process/ids.js'
import { checkLimits } from '../server/dist/process/limits.js'
import { createOutbox } from '../server/dist/outbox/create-outbox.js'
import { collectionsOf } from '../server/dist/outbox/stores/mongo/collections.js'
import { toDocument } from '../server/dist/outbox/stores/mongo/documents.js'
import { now } from './parts/windows.mjs'

const ROOMS = 100
const BATCH = 1_000
const ROUND_EVENTS = 10_000
const ROUNDS = 5
const STREAMS = 200
const WARM_UP_MS = 6_000
const WINDOWS = 7
const WINDOW_MS = 2_000

export async function run() {
  const rows = [await withSet(appends)]
  // The set is new: a checkpoint of what the appends have left would take hundreds of ms.
  await withSet(async (uri) => {
    for (const rate of [100, 1_000])
      for (const where of ['same process', 'another process'])
        rows.push(...(await deliveries(uri, { rate, where, streams: STREAMS })))
  })
  return rows
}

/** Runs `use` with the URI of a new replica set of three. */
export async function withSet(use) {
  const set = await startReplicaSet({ count: 3 })
  try {
    return await use(set.uri)
  } finally {
    await set.stop()
  }
}

/** Measures events per second that a majority acknowledges: through the log, and as bare inserts. */
async function appends(uri) {
  const clock = new SystemClock()
  const store = new MongoStore({ uri, database: 'bench-ours', clock })
  const limits = checkLimits({ maxPendingEvents: ROUND_EVENTS })
  const outbox = createOutbox(store, limits, { clock, logger: silentLogger, randomId })
  await outbox.start()
  const kept = []
  outbox.onSealed((events) => {
    if (kept.length < ROUND_EVENTS) kept.push(...events)
  })
  const nothing = () => {}
  const handlers = {
    onFenced: nothing,
    onGivenUp: nothing,
    onWritable: nothing,
    onRefused: nothing,
    onSnapshotDue: nothing,
  }
  const logs = []
  while (logs.length < ROOMS)
    logs.push(await outbox.openRoom(randomId().slice(0, 12), { ...handlers }))
  const bare = new MongoStore({ uri, database: 'bench-bare', clock })
  await bare.open()
  const client = await MongoClient.connect(uri)
  const { events } = collectionsOf(client.db('bench-bare'))

  const ours = async () => {
    const begun = performance.now()
    for (let index = 0; index < ROUND_EVENTS; index++)
      logs[index % ROOMS].append({ type: 'mark', data: dataOf(index) })
    await Promise.all(logs.map((log) => log.durable()))
    return (ROUND_EVENTS / (performance.now() - begun)) * 1_000
  }
  let seq = await bare.events.allocate(1)
  let n = 0
  const theirs = async () => {
    // These are the very documents of our first round, under numbers of their own.
    const documents = kept.slice(0, ROUND_EVENTS).map((event) => {
      return toDocument({ ...event, seq: ++seq, n: ++n })
    })
    const begun = performance.now()
    for (let from = 0; from < documents.length; from += BATCH)
      await events.insertMany(documents.slice(from, from + BATCH), { ordered: true })
    return (ROUND_EVENTS / (performance.now() - begun)) * 1_000
  }
  await ours()
  while (kept.length < ROUND_EVENTS) await new Promise((resolve) => setTimeout(resolve, 50))
  await theirs()
  const pairs = []
  for (let round = 0; round < ROUNDS; round++) pairs.push([await ours(), await theirs()])
  await outbox.stop()
  await bare.close()
  await client.close()
  const [our, their] = [0, 1].map((side) => median(pairs.map((pair) => pair[side])))
  return {
    name: 'durable append, events/s, beside insertMany of the same documents',
    ours: our,
    bare: their,
    ratio: median(pairs.map(([a, b]) => a / b)),
    bar: '>= 0.70',
  }
}

/** Measures the ms from an event in a room to the spectators' sockets; `p95Bar` is one for a row of the 95th percentile. */
export async function deliveries(uri, { rate, where, streams, p95Bar }) {
  const database = `bench-${rate}-${streams}-${where.replace(' ', '-')}`
  const children = []
  const start = async (part, ...args) => {
    const path = fileURLToPath(new URL(`parts/${part}.mjs`, import.meta.url))
    const child = spawn(process.execPath, [path, ...args.map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    children.push(child)
    return createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }
  const line = async (lines) => {
    const { value, done } = await lines.next()
    if (done) throw new Error('A process of the benchmark ended early')
    return JSON.parse(value)
  }
  try {
    const { port, rooms } = await line(await start('durable-server', uri, database, rate, ROOMS))
    const other = where === 'same process' ? null : await start('durable-reader', uri, database)
    const feedPort = other ? (await line(other)).port : port
    const load = await start('durable-load', feedPort, streams, ...rooms)
    const probe = await start('durable-probe', uri, `${database}-bare`)
    await Promise.all([line(load), line(probe)])
    const plan = { from: now() + WARM_UP_MS, windowMs: WINDOW_MS, count: WINDOWS }
    for (const child of children.slice(-2)) child.stdin.write(`${JSON.stringify(plan)}\n`)
    const [ours, bare] = await Promise.all([line(load), line(probe)])
    const expected = (rate * streams * WINDOW_MS) / 1_000 / ROOMS
    const count = ours.reduce((sum, window) => sum + window.count, 0)
    if (Math.abs(count / (expected * WINDOWS) - 1) > 0.1)
      throw new Error(`Expected ${expected * WINDOWS} deliveries, got ${count}`)
    // A machine that is so busy measures itself.
    if ([...ours, ...bare].some((window) => window.count < 2))
      throw new Error('Expected deliveries and inserts in each window')
    const name = `event to spectator, ${rate}/s over ${ROOMS} rooms, ${streams} streams, ${where}`
    const bar = where === 'same process' ? '<= 50 ms' : '<= 150 ms'
    return [
      lateness(`${name}: p50 ms`, ours, bare, 'p50'),
      ...(p95Bar ? [{ ...lateness(`${name}: p95 ms`, ours, bare, 'p95'), bar: p95Bar }] : []),
      { ...lateness(`${name}: p99 ms`, ours, bare, 'p99'), bar: p95Bar ? '' : bar },
      lateness(`${name}: longest ms`, ours, bare, 'longest'),
    ]
  } finally {
    for (const child of children) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }
}

/** Takes the medians over the windows; `longest` is that of them all. */
function lateness(name, ours, bare, key) {
  const of = (windows) => {
    const values = windows.map((result) => result[key])
    return key === 'longest' ? Math.max(...values) : median(values)
  }
  return { name, ours: of(ours), bare: of(bare), ratio: of(ours) / of(bare) }
}

function dataOf(index) {
  return JSON.stringify({ players: { abcdef123456: { x: index + 0.5, y: 12.25, angle: 1.5 } } })
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.table(await run())
