// Dispatch, broadcast and memory beside bare uWebSockets.js, side by side in one run. Server and
// generator are processes of their own; the tables compare work per second of the server's CPU time.
import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const ROUND_MS = Number(process.env.BENCH_ROUND_MS ?? 1200)
const WARM_UP_MS = 400

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

async function withServer(kind, use) {
  const server = fork(at('./parts/echo-server.mjs'), [kind], { execArgv: ['--expose-gc'] })
  const load = fork(at('./parts/echo-load.mjs'))
  try {
    const { port } = await new Promise((resolve, reject) => {
      server.once('message', resolve)
      server.once('exit', () => reject(new Error(`The ${kind} server ended`)))
    })
    return await use({ server, load, port })
  } finally {
    server.disconnect()
    load.disconnect()
  }
}

/** Messages received so far. @throws Error when a connection was closed, or answered with something else. */
async function countOf(load) {
  const { received, fault } = await ask(load, 'count')
  if (fault) throw new Error(fault)
  return received
}

/** Measures messages per second of the server's CPU time, and per second. */
async function measure({ server, load }, ms) {
  const cpuBefore = (await ask(server, 'cpu')).cpu
  const before = await countOf(load)
  const startedAt = performance.now()
  await sleep(ms)
  const after = await countOf(load)
  const { cpu } = await ask(server, 'cpu')
  const seconds = (performance.now() - startedAt) / 1000
  const cpuSeconds = (cpu.user - cpuBefore.user + cpu.system - cpuBefore.system) / 1e6
  return { perCpuSecond: (after - before) / cpuSeconds, perSecond: (after - before) / seconds }
}

async function echo(kind, order) {
  return withServer(kind, async (parts) => {
    await ask(parts.load, { ...order, port: parts.port })
    await sleep(WARM_UP_MS)
    const result = await measure(parts, ROUND_MS)
    return result.perCpuSecond
  })
}

const LISTENERS = 250
const BROADCAST = { turns: 150, perTurn: 32, everyMs: 5 }

async function broadcast(kind) {
  return withServer(kind, async ({ server, load, port }) => {
    // The payload has 32 bytes, as the echo's has.
    await ask(load, { port, connections: LISTENERS, inFlight: 0, payload: Array(32).fill(0) })
    await ask(server, { broadcast: { ...BROADCAST, turns: 50 } })
    const cpuBefore = (await ask(server, 'cpu')).cpu
    const before = await countOf(load)
    await ask(server, { broadcast: BROADCAST })
    await sleep(200)
    const { cpu } = await ask(server, 'cpu')
    const count = (await countOf(load)) - before
    const expected = BROADCAST.turns * BROADCAST.perTurn * LISTENERS
    if (count < expected * 0.99) throw new Error(`Expected ${expected} deliveries, got ${count}`)
    return count / ((cpu.user - cpuBefore.user + cpu.system - cpuBefore.system) / 1e6)
  })
}

const IDLE = 4_000

/** Measures bytes of resident memory per idle connection. */
async function memory(kind) {
  return withServer(kind, async ({ server, load, port }) => {
    await ask(load, { port, connections: 500, inFlight: 0 })
    const before = (await ask(server, 'memory')).rss
    await ask(load, { port, connections: IDLE, inFlight: 0 })
    await sleep(300)
    await countOf(load)
    return ((await ask(server, 'memory')).rss - before) / IDLE
  })
}

/** Alternates bare and ours, so that other work of the machine hits both. */
async function compare(name, bar, once) {
  const ours = []
  const bare = []
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await once('bare'))
    ours.push(await once('ours'))
  }
  const row = { name, ours: median(ours), bare: median(bare), bar }
  return { ...row, ratio: row.ours / row.bare }
}

/** Measures all rows: {name, ours, bare, ratio, bar}. */
export async function run() {
  const { typedPayload } = await import('./parts/typed-game.mjs')
  const raw = { id: 1, payload: Array(32).fill(7) }
  const kept = { ...raw, id: 3 }
  const typed = { id: 2, payload: Array.from(typedPayload) }
  const busy = { connections: 50, inFlight: 32 }
  const rows = [
    await compare('dispatch raw, 50 x 32 in flight, messages per CPU s', '>= 0.86', (kind) =>
      echo(kind, { ...raw, ...busy }),
    ),
    await compare('dispatch raw, another array, 50 x 32, messages per CPU s', '>= 0.80', (kind) =>
      echo(kind, { ...kept, ...busy }),
    ),
    await compare('dispatch typed, 4 fields, 50 x 32, messages per CPU s', '>= 0.70', (kind) =>
      echo(kind, { ...typed, ...busy }),
    ),
    await compare('dispatch raw, 200 x 1, messages per CPU s', '>= 0.96', (kind) =>
      echo(kind, { ...raw, connections: 200, inFlight: 1 }),
    ),
    await compare('broadcast to 250, 32 a turn, deliveries per CPU s', '>= 0.95', broadcast),
  ]
  const idle = await compare('memory per idle session, bytes', '<= 1500 above bare', memory)
  return [...rows, { ...idle, ratio: idle.ours - idle.bare }]
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.table(await run())
