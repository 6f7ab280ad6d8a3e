// Many spectators of rooms whose log is in MongoDB: how late events come to 1,000 streams, what 10,000 that wait cost,
// and what a few that do not read cost the others. The memory of a stream is beside that of bare uWebSockets.js.
import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { deliveries, withSet } from './durable.mjs'

const ROOMS = 100
const WAITING = 10_000
const WARM = 2_500
const READERS = 10
const SLOW = 10
const RATE = 100
/** A slow reader is given up 8 s after it last took something (`maxBehindMs`). */
const SLOW_MS = 15_000
const IDLE_MS = 3_000

const at = (path) => new URL(path, import.meta.url)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// The young generation gets a fixed size: it grows by megabytes with any work, and is no stream's memory.
const NODE_FLAGS = ['--expose-gc', '--min-semi-space-size=8', '--max-semi-space-size=8']

export async function run() {
  const rows = []
  await withSet(async (uri) => {
    const order = { rate: 500, where: 'same process', streams: 1_000, p95Bar: '< 100 ms' }
    rows.push(...(await deliveries(uri, order)))
  })
  await withSet(async (uri) => rows.push(...(await waiting(uri))))
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

async function withServer(part, args, use) {
  const server = fork(at(`./parts/${part}.mjs`), args, { execArgv: NODE_FLAGS })
  const load = fork(at('./parts/idle-load.mjs'))
  try {
    return await use({ server, load, ...(await ask(server, null)) })
  } finally {
    for (const child of [server, load]) if (child.connected) child.disconnect()
  }
}

async function cpuSecondsOf(server) {
  const { cpu } = await ask(server, 'cpu')
  return (cpu.user + cpu.system) / 1e6
}

/** Opens streams that wait; resolves with the bytes of resident memory of each. */
async function open({ server, load, port, paths }) {
  await ask(load, { port, paths, streams: WARM })
  const before = (await ask(server, 'memory')).rss
  await ask(load, { port, paths, streams: WAITING - WARM })
  await sleep(500)
  return ((await ask(server, 'memory')).rss - before) / (WAITING - WARM)
}

/** The share of a core that the server takes for a while, in per cent. */
async function cpuPercent(server, ms) {
  const before = { cpu: await cpuSecondsOf(server), at: performance.now() }
  await sleep(ms)
  const seconds = (performance.now() - before.at) / 1_000
  return (((await cpuSecondsOf(server)) - before.cpu) / seconds) * 100
}

async function waiting(uri) {
  const bare = await withServer('fanout-server', ['bare'], async (parts) => ({
    bytes: await open({ ...parts, paths: ['/'] }),
    percent: await cpuPercent(parts.server, IDLE_MS),
  }))
  return withServer('idle-server', [uri, 'bench-idle', String(ROOMS)], async (parts) => {
    const { server, load, port, rooms } = parts
    await sleep(IDLE_MS)
    const none = await cpuPercent(server, IDLE_MS)
    const [busy, ...quiet] = rooms.map((id) => `/rooms/${id}/feed`)
    const bytes = await open({ ...parts, paths: quiet })
    const percent = await cpuPercent(server, IDLE_MS)
    await ask(load, { port, paths: [busy], streams: READERS })
    await ask(server, { rate: RATE })
    await sleep(2_000)
    await ask(load, 'late')
    await sleep(SLOW_MS / 3)
    const without = await ask(load, 'late')
    await ask(load, { port, paths: [busy], streams: SLOW, isSlow: true })
    await sleep(1_000)
    await ask(load, 'late')
    await sleep(SLOW_MS / 3)
    const among = await ask(load, 'late')
    await sleep(SLOW_MS)
    // A socket that is not read from shows its own end to nobody.
    const { streams } = await ask(server, 'streams')
    const ended = await ask(load, 'ended')
    await ask(server, { rate: 0 })
    if (ended.others > 0) throw new Error(`${ended.others} streams that read were closed`)
    if (among.count === 0) throw new Error('Expected deliveries, got none')
    return [
      {
        name: `memory of each of ${WAITING} idle streams, bytes`,
        ours: bytes,
        bare: bare.bytes,
        ratio: bytes - bare.bytes,
        bar: '<= 1024 above bare',
      },
      {
        name: `CPU with ${WAITING} idle streams of ${ROOMS} quiet rooms, % of a core (bare: before they opened)`,
        ours: percent,
        bare: none,
        ratio: percent - none,
        bar: '<= 2 above bare',
      },
      {
        name: `event to reader, ${SLOW} that do not read among ${READERS} (bare: without them), p95 ms`,
        ours: among.p95,
        bare: without.p95,
        ratio: among.p95 / without.p95,
        bar: '',
      },
      {
        name: `of ${SLOW} that do not read, ended ${(SLOW_MS * 4) / 3_000 + 1} s later (bare: all)`,
        ours: WAITING + READERS + SLOW - streams,
        bare: SLOW,
        ratio: (WAITING + READERS + SLOW - streams) / SLOW,
        bar: '1',
      },
    ]
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.table(await run())
