// Dispatch, broadcast and memory beside bare uWebSockets.js. Server and generator are processes of their own; the
// tables compare work per second of the server's CPU time.
//
// Both servers stand at once and work in turns of a tenth of a second, and a row's ratio is the median of the ratios of
// such pairs: a machine is faster or slower from one second to the next by more than what is looked for here.
import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'

/** So many times both processes are started anew: what the compiler makes of them differs from start to start. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
const TURNS = 16
const TURN_MS = 100
/** The queues of a generator that goes on fill again in this time. */
const SETTLE_MS = 20
const WARM_UP_MS = 600

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
    return await use({ kind, server, load, port })
  } finally {
    server.disconnect()
    load.disconnect()
  }
}

const withBoth = (use) =>
  withServer('bare', (bare) => withServer('ours', (ours) => use({ bare, ours })))

/** Messages received so far. @throws Error when a connection was closed, or answered with something else. */
async function countOf(load) {
  const { received, fault } = await ask(load, 'count')
  if (fault) throw new Error(fault)
  return received
}

async function cpuSecondsOf(server) {
  const { cpu } = await ask(server, 'cpu')
  return (cpu.user + cpu.system) / 1e6
}

/** One turn of one server: messages per second of its CPU time. */
async function echoTurn({ server, load }) {
  await ask(load, 'resume')
  await sleep(SETTLE_MS)
  const before = { count: await countOf(load), cpuSeconds: await cpuSecondsOf(server) }
  await sleep(TURN_MS)
  const count = (await countOf(load)) - before.count
  const cpuSeconds = (await cpuSecondsOf(server)) - before.cpuSeconds
  await ask(load, 'pause')
  await sleep(SETTLE_MS)
  return count / cpuSeconds
}

const echo = (order) => ({
  async prepare({ load, port }) {
    await ask(load, { ...order, port })
    await sleep(WARM_UP_MS)
    await ask(load, 'pause')
  },
  turn: echoTurn,
})

const LISTENERS = 250
const BROADCAST = { turns: 24, perTurn: 32, everyMs: 5 }

const broadcast = {
  async prepare({ server, load, port }) {
    // The payload has 32 bytes, as the echo's has.
    await ask(load, { port, connections: LISTENERS, inFlight: 0, payload: Array(32).fill(0) })
    await ask(server, { broadcast: { ...BROADCAST, turns: 50 } })
    await sleep(SETTLE_MS)
  },
  async turn({ server, load }) {
    const before = { count: await countOf(load), cpuSeconds: await cpuSecondsOf(server) }
    await ask(server, { broadcast: BROADCAST })
    const expected = BROADCAST.turns * BROADCAST.perTurn * LISTENERS
    let count = 0
    for (let look = 0; look < 100 && count < expected; look++) {
      await sleep(SETTLE_MS)
      count = (await countOf(load)) - before.count
    }
    if (count !== expected) throw new Error(`Expected ${expected} deliveries, got ${count}`)
    return count / ((await cpuSecondsOf(server)) - before.cpuSeconds)
  },
}

/** So many that what the heap holds in reserve, some MB in all, is not taken for theirs. */
const IDLE = 8_000

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

/** Both work in turns, in another order each time. */
async function compare(name, bar, { prepare, turn }) {
  const figures = { bare: [], ours: [] }
  const ratios = []
  for (let round = 0; round < ROUNDS; round++)
    await withBoth(async (both) => {
      for (const parts of Object.values(both)) await prepare(parts)
      for (let index = 0; index < TURNS; index++) {
        const order = index % 2 === 0 ? ['bare', 'ours'] : ['ours', 'bare']
        const figure = {}
        for (const kind of order) figure[kind] = await turn(both[kind])
        for (const kind of order) figures[kind].push(figure[kind])
        ratios.push(figure.ours / figure.bare)
      }
    })
  const row = { name, ours: median(figures.ours), bare: median(figures.bare), bar }
  return { ...row, ratio: median(ratios) }
}

async function compareMemory(name, bar) {
  const figures = { bare: [], ours: [] }
  for (let round = 0; round < ROUNDS; round++)
    for (const kind of ['bare', 'ours']) figures[kind].push(await memory(kind))
  const row = { name, ours: median(figures.ours), bare: median(figures.bare), bar }
  return { ...row, ratio: row.ours - row.bare }
}

/** Measures all rows: {name, ours, bare, ratio, bar}. */
export async function run() {
  const { typedPayload } = await import('./parts/typed-game.mjs')
  const raw = { id: 1, payload: Array(32).fill(7) }
  const kept = { ...raw, id: 3 }
  const typed = { id: 2, payload: Array.from(typedPayload) }
  const busy = { connections: 50, inFlight: 32 }
  return [
    await compare(
      'dispatch raw, 50 x 32 in flight, messages per CPU s',
      '>= 0.86',
      echo({ ...raw, ...busy }),
    ),
    await compare(
      'dispatch raw, another array, 50 x 32, messages per CPU s',
      '>= 0.80',
      echo({ ...kept, ...busy }),
    ),
    await compare(
      'dispatch typed, 4 fields, 50 x 32, messages per CPU s',
      '>= 0.70',
      echo({ ...typed, ...busy }),
    ),
    await compare(
      'dispatch raw, 200 x 1, messages per CPU s',
      '>= 0.96',
      echo({ ...raw, connections: 200, inFlight: 1 }),
    ),
    await compare('broadcast to 250, 32 a turn, deliveries per CPU s', '>= 0.95', broadcast),
    await compareMemory('memory per idle session, bytes', '<= 1500 above bare'),
  ]
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.table(await run())
