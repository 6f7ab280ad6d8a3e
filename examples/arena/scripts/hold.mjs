// Does one process hold 30 Hz? Starts the arena, fills rooms with bots, follows each room as a spectator
// would, and measures how late the rooms' ticks are. Exit code 1 when the 99th percentile reaches a tick.
//
//   node examples/arena/scripts/hold.mjs [--rooms 20] [--bots 16] [--seconds 60] [--apart]
//
// The bots live in the server's process (as the demo's do) and share its core; with --apart they
// are a second process that connects by WebSocket. It needs the build: node scripts/prepare.mjs arena.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const WARM_UP_MS = 10_000

const { values } = parseArgs({
  options: {
    rooms: { type: 'string', default: '20' },
    bots: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '60' },
    apart: { type: 'boolean', default: false },
  },
})
const rooms = Number(values.rooms)
const bots = Number(values.bots)
const seconds = Number(values.seconds)

/** Follows one room's feed and looks for gaps in its numbers. */
class Spectator {
  patches = 0
  gaps = 0
  #last = 0

  constructor(roomId) {
    this.roomId = roomId
  }

  async follow() {
    const response = await get(`/rooms/${this.roomId}/feed`)
    if (response.status !== 200) throw new Error(`Feed of ${this.roomId}: ${response.status}`)
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of response.body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
      rest = blocks.pop() ?? ''
      blocks.forEach((block) => this.#take(block))
    }
  }

  #take(block) {
    const type = /^event: (.+)$/m.exec(block)?.[1]
    const n = Number(/^data: \{.*?"n":(\d+)/m.exec(block)?.[1])
    if (type === undefined || Number.isNaN(n)) return
    if (type !== 'snapshot' && this.#last > 0 && n !== this.#last + 1) this.gaps += 1
    this.#last = n
    if (type === 'patch') this.patches += 1
  }
}

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const children = []
process.on('exit', () => children.forEach((child) => child.kill()))

const port = await freePort()
const address = `http://127.0.0.1:${port}`
const key = randomBytes(16).toString('hex')
start(here('../dist/server/main.js'), [], { PORT: String(port), API_KEY: key })
await waitFor(async () => (await get('/health/ready')).status === 200)
await post('/demo/stop')

let botProcess = null
let roomIds
if (values.apart) {
  botProcess = start(here('./bots.mjs'), [address, String(rooms), String(bots)], {})
  roomIds = JSON.parse(String((await once(botProcess.stdout, 'data'))[0]))
} else {
  roomIds = (await post('/demo/start', { rooms, bots })).started
}

/** A process that only looks at the lateness of its own timer, which the machine itself adds to every lag. */
const IDLE = `
const lags = []
let due = performance.now()
const tick = () => {
  lags.push(performance.now() - due)
  due = Math.max(due + 1000 / 30, performance.now())
  setTimeout(tick, due - performance.now())
}
tick()
process.on('message', () => {
  lags.sort((a, b) => a - b)
  process.send({ p50: lags[lags.length >> 1], p99: lags[Math.floor(lags.length * 0.99)] })
})`

const spectators = roomIds.map((id) => new Spectator(id))
spectators.forEach((spectator) => void spectator.follow())
await delay(WARM_UP_MS)

const idle = spawn(process.execPath, ['-e', IDLE], {
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
})
children.push(idle)
const before = await sample()
const worst = new Map()
for (let left = seconds; left > 0; left -= 5) {
  await delay(Math.min(5, left) * 1000)
  for (const { roomId, lagMs } of await roomLags())
    worst.set(roomId, Math.max(worst.get(roomId) ?? 0, lagMs))
}
const after = await sample()
idle.send('report')
const [noise] = await once(idle, 'message')
report(before, after)
children.forEach((child) => child.kill())

function report(from, to) {
  const wallSeconds = (to.at - from.at) / 1000
  const share = (a, b) => `${(((b - a) / wallSeconds) * 100).toFixed(0)} % of a core`
  const lags = [...worst.values()].sort((a, b) => a - b)
  const counted = to.buckets.map(([le, count], index) => [le, count - from.buckets[index][1]])
  const p50 = percentile(counted, 0.5)
  const p99 = percentile(counted, 0.99)
  const ticks = counted.at(-1)[1]
  const gaps = spectators.reduce((sum, { gaps }) => sum + gaps, 0)
  const patches = to.patches - from.patches
  print(`${rooms} rooms of ${bots} bots, one spectator each, ${wallSeconds.toFixed(0)} s`)
  print(`bots: ${values.apart ? 'in a second process, by WebSocket' : "in the server's process"}`)
  print(`machine: ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`)
  print(`ticks: ${ticks} (${(ticks / wallSeconds / rooms).toFixed(2)} a second and room)`)
  print(`tick lag, all rooms: p50 <= ${p50} ms, p99 <= ${p99} ms (bounds of the histogram)`)
  if (lags.length > 0)
    print(
      `tick lag p99 over 10 s: best room ${lags[0]?.toFixed(1)} ms, worst ${lags.at(-1)?.toFixed(1)} ms`,
    )
  for (const [roomId, lag] of worst) print(`  ${roomId}  worst p99 ${lag.toFixed(1)} ms`)
  print(
    `an idle process on the same machine, at the same time: p50 ${noise.p50.toFixed(1)} ms, ` +
      `p99 ${noise.p99.toFixed(1)} ms late`,
  )
  print(`players ${to.players}, patches to spectators ${(patches / wallSeconds).toFixed(0)}/s`)
  print(`events of the log missing at a spectator: ${gaps}`)
  print(`CPU: server ${share(from.cpu, to.cpu)}, resident ${(to.rss / 2 ** 20).toFixed(0)} MiB`)
  if (botProcess) print(`CPU: bots ${share(from.botCpu, to.botCpu)}`)
  const isHeld =
    p99 <= 33 &&
    gaps === 0 &&
    patches > 0 &&
    ticks / wallSeconds / rooms > 29.5 &&
    to.players === rooms * bots
  print(isHeld ? 'held' : 'NOT held')
  process.exitCode = isHeld ? 0 : 1
}

/** Upper bound of the bucket that holds the percentile. */
function percentile(buckets, share) {
  const total = buckets.at(-1)[1]
  return buckets.find(([, count]) => count >= total * share)?.[0] ?? Infinity
}

async function sample() {
  const text = await (await get('/metrics')).text()
  const number = (name) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1])
  const buckets = [...text.matchAll(/^ringside_tick_lag_ms_bucket\{le="(.+?)"\} (\d+)$/gm)]
  return {
    at: performance.now(),
    buckets: buckets.map(([, le, count]) => [le === '+Inf' ? Infinity : Number(le), Number(count)]),
    cpu: number('ringside_cpu_seconds'),
    rss: number('ringside_resident_bytes'),
    players: number('ringside_players'),
    patches: spectators.reduce((sum, { patches }) => sum + patches, 0),
    botCpu: botProcess ? cpuSeconds(botProcess.pid) : 0,
  }
}

/** Asks the demo for its rooms' lateness; rooms of others have only the histogram. */
async function roomLags() {
  const status = await (await get('/demo/status')).json()
  return status.rooms.map(({ roomId, tickLagP99Ms }) => ({ roomId, lagMs: tickLagP99Ms }))
}

function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function start(file, args, env) {
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...process.env, NODE_ENV: 'development', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  child.once('exit', (code) => {
    if (process.exitCode !== undefined || code === null) return
    print(`${file} ended with ${code}`)
    process.exit(1)
  })
  child.stdout.resume()
  return child
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port: free } = probe.address()
  probe.close()
  return free
}

async function waitFor(isDone) {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await isDone().catch(() => false)) return
    await delay(100)
  }
  throw new Error('The server did not start in time')
}

function get(path) {
  return fetch(address + path, { headers: { 'x-api-key': key } })
}

async function post(path, body = {}) {
  const response = await fetch(address + path, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`)
  return answer
}

function delay(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

function print(line) {
  process.stdout.write(`${line}\n`)
}
