// The long fault runs: a real replica set that is killed, stopped, cut off and filled up, and the simulation with
// many seeds. Each part writes its section of docs/results/faults.md as soon as it is done.
// Usage: npm run faults [-- options]
//   --divide 10      a tenth of the rounds
//   --seeds 20000    of the simulation
//   --only wire      only parts whose title holds the text; the other sections stay as they are
//   --fault SIGSTOP  only faults whose name holds the text, for a look: nothing is written
//   --out <file>     instead of docs/results/faults.md
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values } = parseArgs({
  options: {
    divide: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '20000' },
    only: { type: 'string', default: '' },
    fault: { type: 'string', default: '' },
    out: { type: 'string', default: join(root, 'docs', 'results', 'faults.md') },
  },
})
const divisor = Number(values.divide)
const seedCount = Number(values.seeds)
if (!(divisor >= 1)) fail(`Expected --divide from 1, got ${values.divide}`)
if (!Number.isSafeInteger(seedCount) || seedCount < 1)
  fail(`Expected --seeds from 1, got ${values.seeds}`)

const introduction = [
  '# Fault runs',
  '',
  'Written by `npm run faults`. On a real replica set ten rooms of two processes write 500 events a second while the',
  'fault happens. What was acknowledged to them is compared with what their tails and the one of a third process',
  'showed, with the log read by pages, and, once everyone is back, with what is stored: nothing may be missing,',
  'doubled or out of order. A round counts only if the fault can be seen to have struck (an election, bytes that were',
  'swallowed, a mongod that could not write, numbers without an event) and events were written before, during and after',
  'it. The stall is the longest time in which any reader was shown nothing new; the longest wait is that of an event',
  'from its acceptance until every reader was shown it, the time to catch up included.',
]

const realScript = join('server', 'test', 'faults', 'main.ts')
const simulation = join('server', 'test', 'simulation')
/** The parts in the order of the file. `runs`: processes beside each other. `note`: a hint to readers of the numbers. */
const parts = [
  {
    title: 'Replica set of three',
    runs: [[realScript, '--part', 'three']],
    note:
      'Elections are after 2 s without a heartbeat (`electionTimeoutMillis`); the default of MongoDB is 10 s. After\n' +
      'the fault most of a stall is MongoDB: a stopped primary from which the other secondary goes on copying for some\n' +
      'seconds after the election, members that start again after a kill and roll back before there is a majority.',
  },
  {
    title: 'Wire',
    runs: [[realScript, '--part', 'wire']],
    note:
      'Between game process and a member of one, where everything through the wire is lost while it is cut or half open:\n' +
      'the stall cannot be shorter than that. Where new connections work, leaving the dead ones is up to the process.',
  },
  { title: 'Game processes', runs: [[realScript, '--part', 'processes']] },
  { title: 'Full disk', runs: [[realScript, '--part', 'disks']] },
  { title: 'Simulation', runs: simulationRuns(), isLast: true },
  { title: 'Mutations', runs: [[join(simulation, 'mutations.ts')]], isLast: true },
]

const wanted = parts.filter(({ title, isLast }) => {
  const isNamed = title.toLowerCase().includes(values.only.toLowerCase())
  // A fault with a name is one of the real replica set's.
  return isNamed && !(values.fault !== '' && isLast)
})
if (wanted.length === 0) fail(`No part is called '${values.only}'`)

const children = new Set()
let stoppedBy = null
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    stoppedBy = signal
    for (const child of children) endGroup(child)
  })

const sections = values.fault === '' ? sectionsOf(values.out) : new Map()
const failed = []
let hasPlayed = false
for (const part of wanted) {
  if (stoppedBy) break
  process.stderr.write(`\n${part.title}\n`)
  const { text, out, problems } = await play(part)
  if (stoppedBy) break
  if (problems.length > 0) failed.push(part.title)
  hasPlayed ||= out !== ''
  if (values.fault !== '') {
    if (out !== '') console.log(out)
    continue
  }
  sections.set(part.title, text)
  write(values.out)
}

if (stoppedBy)
  process.stderr.write(`\nfaults: ended by ${stoppedBy}; parts that were done are kept\n`)
for (const title of failed) process.stderr.write(`faults: FAILED: ${title}\n`)
if (!hasPlayed && !stoppedBy && failed.length === 0) fail(`No fault is called '${values.fault}'`)
process.exitCode = stoppedBy ? 130 : failed.length > 0 ? 1 : 0

/** A child and all that it has started. */
function endGroup(child) {
  try {
    process.kill(-child.pid, 'SIGTERM')
  } catch {
    // The process has ended.
  }
}

function fail(text) {
  process.stderr.write(`faults: ${text}\n`)
  process.exit(2)
}

/** Starts one process for each core, two at most, each with its share of the seeds. */
function simulationRuns() {
  const count = Math.min(2, availableParallelism(), seedCount)
  const share = Math.ceil(seedCount / count)
  return Array.from({ length: count }, (_, index) => {
    const from = 1 + index * share
    const seeds = Math.min(share, seedCount - from + 1)
    return [join(simulation, 'run.ts'), '--seeds', String(seeds), '--from', String(from)]
  }).filter(([, , seeds]) => Number(seeds) > 0)
}

/** Plays one part; its section holds all that it printed, however it ended. */
async function play({ title, runs, note }) {
  const startedAt = performance.now()
  const from = origin()
  const results = await Promise.all(runs.map(run))
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1)
  const problems = results.flatMap(({ problem }) => (problem ? [problem] : []))
  const command = ['npm run faults', ...(divisor === 1 ? [] : [`--divide ${values.divide}`])]
  if (title === 'Simulation' && seedCount !== 20_000) command.push(`--seeds ${seedCount}`)
  if (command.length > 1) command.splice(1, 0, '--')
  const lines = [`## ${title}`, '', `${from}, \`${command.join(' ')}\`, ${minutes} min.`, '']
  for (const problem of problems) lines.push(`**Failed: ${problem}.**`, '')
  const outs = results.map(({ out }) => out).filter(Boolean)
  for (const out of outs) lines.push(out, '')
  if (note) lines.push(note, '')
  return { text: lines.join('\n').trimEnd(), out: outs.join('\n'), problems }
}

/** Runs one script from source; its stdout belongs to the section, its stderr to the person who waits. */
async function run([script, ...args]) {
  const flags = ['--conditions=source', '--import', 'tsx']
  const isReal = script === realScript
  const more = isReal ? [`--divide=${values.divide}`, `--fault=${values.fault}`] : []
  const child = spawn(process.execPath, [...flags, script, ...args, ...more], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    // It leads a group of its own, so that its children end with it.
    detached: true,
  })
  children.add(child)
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text
    process.stderr.write(text)
  })
  const end = await Promise.race([
    once(child, 'close'),
    once(child, 'error').then(([error]) => [`could not be started: ${error.message}`, null]),
  ])
  children.delete(child)
  const [code, signal] = end
  // Progress of the simulation is for the person who waits.
  const lines = out.split('\n').filter((line) => !/^\d+ of \d+ seeds/.test(line))
  const problem = code === 0 ? null : `${script} ended with ${code ?? signal}`
  return { out: lines.join('\n').trim(), problem }
}

/** Tells machine, time and commit, for each section may be of another run. */
function origin() {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' })
  const [cpu] = cpus()
  const machine = `${cpus().length} x ${cpu?.model.trim() ?? 'unknown'}`
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`
  const date = new Date().toISOString().slice(0, 10)
  // A run of sources that are not committed says so.
  const changes = ['status', '--porcelain', '--', 'protocol/src', 'server/src', 'server/test']
  const isChanged = spawnSync('git', changes, { cwd: root, encoding: 'utf8' }).stdout?.trim()
  const hash = (commit.stdout?.trim() || 'unknown') + (isChanged ? ' with changes' : '')
  return `${date}, commit ${hash}, ${machine}, ${memory}, Node.js ${process.versions.node}`
}

/** Reads the sections of a file, by title. */
function sectionsOf(path) {
  const found = new Map()
  if (!existsSync(path)) return found
  for (const text of readFileSync(path, 'utf8')
    .split(/^(?=## )/m)
    .slice(1))
    found.set(text.slice(3, text.indexOf('\n')).trim(), text.trimEnd())
  return found
}

/** Writes the whole file, with the parts in their order; under another name first, so that nobody reads half of it. */
function write(path) {
  const texts = parts.flatMap(({ title }) => sections.get(title) ?? [])
  const bad = parts.filter(({ title }) => sections.get(title)?.includes('\n**Failed: '))
  const verdict = bad.map(({ title }) => title).join(', ')
  const head = [...introduction, ...(verdict ? ['', `**Failed: ${verdict}.**`] : [])]
  mkdirSync(dirname(resolve(path)), { recursive: true })
  const half = `${path}.part`
  writeFileSync(half, `${[head.join('\n'), ...texts].join('\n\n')}\n`)
  renameSync(half, path)
}
