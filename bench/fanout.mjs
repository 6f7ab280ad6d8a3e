// SSE fan-out beside a bare uWebSockets.js loop, side by side in one run. Server and readers are processes of
// their own; the table compares deliveries per second of the server's CPU time.
import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const ROUND_MS = Number(process.env.BENCH_ROUND_MS ?? 2000)
const WARM_UP_MS = 700

const at = (path) => new URL(path, import.meta.url)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]

/** Sends a question to a child and resolves with its answer. */
function ask(child, question) {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('A process of the benchmark ended early'))
    child.once('exit', ended)
    child.once('message', (answer) => {
      child.off('exit', ended)
      resolve(answer)
    })
    child.send(question)
  })
}

// The young generation gets a fixed size: it grows by megabytes with any work, and is no stream's memory.
const NODE_FLAGS = ['--expose-gc', '--min-semi-space-size=8', '--max-semi-space-size=8']

async function withServer(kind, streams, use) {
  const server = fork(at('./parts/fanout-server.mjs'), [kind], { execArgv: NODE_FLAGS })
  const load = fork(at('./parts/fanout-load.mjs'))
  try {
    const { port } = await new Promise((resolve, reject) => {
      server.once('message', resolve)
      server.once('exit', () => reject(new Error(`The ${kind} server ended`)))
    })
    await ask(load, { port, streams })
    await checkOpen(server, streams)
    return await use({ server, load, port })
  } finally {
    server.disconnect()
    load.disconnect()
  }
}

async function checkOpen(server, streams) {
  const open = (await ask(server, 'streams')).streams
  if (open !== streams) throw new Error(`Expected ${streams} streams, got ${open}`)
}

/** Measures deliveries per second of the server's CPU time, deliveries per second, and lateness. */
async function deliver(kind, { streams, perTurn }) {
  return withServer(kind, streams, async ({ server, load }) => {
    await ask(server, { perTurn })
    await sleep(WARM_UP_MS)
    const cpuBefore = (await ask(server, 'cpu')).cpu
    const before = (await ask(load, 'count')).received
    const startedAt = performance.now()
    await sleep(ROUND_MS)
    const { cpu } = await ask(server, 'cpu')
    const { received, p99 } = await ask(load, 'count')
    const seconds = (performance.now() - startedAt) / 1000
    const cpuSeconds = (cpu.user - cpuBefore.user + cpu.system - cpuBefore.system) / 1e6
    const count = received - before
    await checkOpen(server, streams)
    if (count === 0) throw new Error('Expected deliveries, got none')
    return { perCpuSecond: count / cpuSeconds, perSecond: count / seconds, p99 }
  })
}

const IDLE = 5_000

/** Measures bytes of resident memory per idle stream, once the heap has grown to what opening many at once needs. */
async function memory(kind) {
  return withServer(kind, 2_500, async ({ server, load, port }) => {
    const before = (await ask(server, 'memory')).rss
    await ask(load, { port, streams: IDLE })
    await sleep(300)
    // Earlier streams stay open.
    await checkOpen(server, 2_500 + IDLE)
    return ((await ask(server, 'memory')).rss - before) / IDLE
  })
}

/** Alternates bare and ours, so that other work of the machine hits both. */
async function rounds(once, count = ROUNDS) {
  const results = { ours: [], bare: [] }
  for (let round = 0; round < count; round++) {
    results.bare.push(await once('bare'))
    results.ours.push(await once('ours'))
  }
  return results
}

function compare(name, bar, { ours, bare }) {
  const row = { name, ours: median(ours), bare: median(bare), bar }
  return { ...row, ratio: row.ours / row.bare }
}

const pick = ({ ours, bare }, key) => ({
  ours: ours.map((result) => result[key]),
  bare: bare.map((result) => result[key]),
})

/** Measures all rows: {name, ours, bare, ratio, bar}. */
export async function run() {
  const steady = await rounds((kind) => deliver(kind, { streams: 500, perTurn: 1 }))
  const ceiling = await rounds((kind) => deliver(kind, { streams: 1_000, perTurn: 3 }))
  const idle = compare(
    'memory per idle stream, bytes',
    '<= 1000 above bare',
    await rounds(memory, 3),
  )
  return [
    compare('SSE 500 x 100/s, deliveries per CPU s', '>= 0.90', pick(steady, 'perCpuSecond')),
    compare('SSE 500 x 100/s, p99 ms', '', pick(steady, 'p99')),
    compare('SSE 1,000 x 300/s, deliveries per s', '', pick(ceiling, 'perSecond')),
    compare('SSE 1,000 x 300/s, deliveries per CPU s', '>= 1.5', pick(ceiling, 'perCpuSecond')),
    compare('SSE 1,000 x 300/s, p99 ms', '<= 50 (ours)', pick(ceiling, 'p99')),
    { ...idle, ratio: idle.ours - idle.bare },
  ]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.table(await run())
