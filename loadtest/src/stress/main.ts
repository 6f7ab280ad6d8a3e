// npm run stress [-- --players 5000,10000] [--seconds 60] [--only chat] [--workers n] [--write]
// Each run has a server of its own, in a process of its own; `--write` puts the table into docs/results/stress.md.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { RunFailure, exitCodes, interruption, textOf } from '../failure.ts'
import type { Summary } from '../summary.ts'
import { SCENARIOS, planOf } from './plan.ts'
import type { PlannedRun } from './plan.ts'
import { startLoadServer } from './server-process.ts'
import type { LoadServer } from './server-process.ts'
import { stressTable } from './table.ts'
import type { ServerUse, StressResult } from './table.ts'

/** Each address has some 28,000 ports for connections to one server. */
const LOCAL_IPS = '127.0.0.1-127.0.0.4'
const SAMPLE_MS = 500

/** Sockets of one worker: a process may open only so many files, and a core serves only so many. */
const PLAYERS_PER_WORKER = 8_000

const abort = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())

try {
  process.exitCode = await main()
} catch (cause) {
  // What ends because of an interruption has reasons of its own.
  const error = abort.signal.aborted ? interruption(cause) : cause
  const isOurs = error instanceof RunFailure
  process.stderr.write(`stress: ${isOurs ? error.message : textOf(error)}\n`)
  process.exitCode = isOurs ? error.exitCode : exitCodes.scriptFailed
}

async function main(): Promise<number> {
  const values = readArguments()
  const runs = planOf({
    players: values.players.split(',').map((text) => count(text, '--players')),
    seconds: count(values.seconds, '--seconds'),
    only: values.only === '' ? [] : values.only.split(',').map(scenarioName),
  })
  const facts = await machineFacts()
  const results: StressResult[] = []
  for (const run of runs) {
    process.stdout.write(`\n${run.scenario}, ${run.players} players: ${run.what}\n`)
    const workers = values.workers
      ? count(values.workers, '--workers')
      : Math.max(availableParallelism() - 1, Math.ceil(run.players / PLAYERS_PER_WORKER))
    results.push(await runOne(run, workers))
  }
  const table = stressTable(results)
  process.stdout.write(`\n${facts.join('\n')}\n\n${table}\n`)
  if (values.write) {
    const settings = process.argv.slice(2).filter((argument) => argument !== '--write')
    writePage([...facts, commandLine(settings)], table)
  }
  return results.some(({ exitCode }) => exitCode !== 0)
    ? exitCodes.thresholdsFailed
    : exitCodes.passed
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        players: { type: 'string', default: '5000,10000' },
        seconds: { type: 'string', default: '60' },
        only: { type: 'string', default: '' },
        workers: { type: 'string' },
        write: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new RunFailure(error instanceof Error ? error.message : String(error))
  }
}

function scenarioName(name: string): PlannedRun['scenario'] {
  const known = SCENARIOS.find((scenario) => scenario === name)
  if (known) return known
  throw new RunFailure(`Expected --only with some of ${SCENARIOS.join(', ')}, got '${name}'`)
}

async function runOne(run: PlannedRun, workers: number): Promise<StressResult> {
  const server = await startLoadServer(abort.signal)
  const folder = mkdtempSync(join(tmpdir(), 'ringside-stress-'))
  try {
    const file = join(folder, 'summary.json')
    const empty = await server.sample()
    const begunAt = performance.now()
    const watch = watchServer(server, run.players)
    const exitCode = await runScenario({ run, workers, file, url: server.url })
    const fullBytes = await watch.stop()
    const { cpuMs } = await server.sample()
    const use: ServerUse = {
      emptyBytes: empty.rssBytes,
      fullBytes,
      cpuShare: (cpuMs - empty.cpuMs) / (performance.now() - begunAt),
    }
    const summary = JSON.parse(readFileSync(file, 'utf8')) as Summary
    return { run, summary, server: use, exitCode }
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await server.stop()
  }
}

/** Looks at the server's memory while every player is in. */
function watchServer(server: LoadServer, players: number): { stop: () => Promise<number> } {
  let fullBytes = 0
  let isStopped = false
  const watching = (async () => {
    while (!isStopped) {
      const sample = await server.sample()
      if (sample.players === players) fullBytes = Math.max(fullBytes, sample.rssBytes)
      await new Promise((resolve) => {
        setTimeout(resolve, SAMPLE_MS)
      })
    }
  })()
  return {
    async stop() {
      isStopped = true
      await watching
      return fullBytes
    },
  }
}

interface ScenarioRun {
  readonly run: PlannedRun
  readonly workers: number
  readonly file: string
  readonly url: string
}

/** A scenario's settings are read when its file is loaded, so that each run is a process of its own. */
async function runScenario({ run, workers, file, url }: ScenarioRun): Promise<number> {
  const main = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url))
  const env = Object.entries({ ...run.env, PLAYERS: String(run.players) })
  const child = fork(main, [
    run.scenario,
    `--url=${url}`,
    `--workers=${workers}`,
    `--local-ips=${LOCAL_IPS}`,
    `--summary-export=${file}`,
    ...env.map(([name, value]) => `--env=${name}=${value}`),
  ])
  const kill = (): void => void child.kill('SIGTERM')
  abort.signal.addEventListener('abort', kill)
  const [code] = (await once(child, 'exit')) as [number | null]
  abort.signal.removeEventListener('abort', kill)
  if (code === exitCodes.passed || code === exitCodes.thresholdsFailed) return code
  throw new RunFailure(`${run.scenario} could not be run`, code ?? exitCodes.interrupted)
}

function count(text: string, name: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= 1e6) return value
  throw new RunFailure(`Expected ${name} as whole numbers from 1, got '${text}'`)
}

function commandLine(settings: readonly string[]): string {
  return `- command: \`npm run stress${settings.length > 0 ? ` -- ${settings.join(' ')}` : ''}\``
}

/** The head that all results have. */
async function machineFacts(): Promise<string[]> {
  const { href } = new URL('../../../bench/parts/report.mjs', import.meta.url)
  const report = (await import(href)) as { machineFacts: () => string[] }
  return report.machineFacts()
}

function writePage(facts: readonly string[], table: string): void {
  const file = fileURLToPath(new URL('../../../docs/results/stress.md', import.meta.url))
  const head = `# Many connections

Written by \`npm run stress -- --write\`. The server is one process, the players come from other processes on the same
machine and share its cores; what the columns mean stands in [load-testing.md](../load-testing.md#what-a-result-means).`
  writeFileSync(file, `${head}\n\n${facts.join('\n')}\n\n${table}\n`)
}
