import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machineClock } from './clock.ts'
import { RunFailure, exitCodes, interruption, textOf } from './failure.ts'
import type { IterationErrors, Order, Report } from './messages.ts'
import { MetricSet } from './metrics/metric-set.ts'
import { Threshold } from './metrics/threshold.ts'
import { readOptions } from './options.ts'
import { installRuntime } from './runtime.ts'
import { loadScenarioFile } from './scenario-file.ts'
import { summaryOf, textSummary } from './summary.ts'
import type { Summary } from './summary.ts'
import { VirtualUser } from './virtual-user.ts'

export interface RunRequest {
  /** The scenario file. */
  readonly path: string
  /** `__ENV` of the scenario. */
  readonly env: Readonly<Record<string, string>>
  /** Processes that make the load, 1-64. */
  readonly workers: number
  /** Source addresses of the load's sockets; none: the system's choice. */
  readonly localAddresses: readonly string[]
  /** Gets each line that is for people. */
  readonly say: (line: string) => void
  /** Ends the run at once, with its workers. */
  readonly signal?: AbortSignal
}

export interface RunResult {
  /** 0, or 99 when a threshold does not hold. */
  readonly exitCode: number
  readonly summary: Summary
  readonly errors: IterationErrors
}

/**
 * Runs a scenario file: `setup` here, its virtual users in worker processes, then `teardown`, the thresholds and
 * `handleSummary` here again. A process runs one file.
 * @throws RunFailure, with k6's exit code for it, when the file cannot be run.
 */
export async function run(request: RunRequest): Promise<RunResult> {
  const { path, env, say, signal } = request
  const metrics = new MetricSet()
  installRuntime({ clock: machineClock, metrics, env })
  const file = await loadScenarioFile(path)
  const options = readOptions(file.options)
  for (const scenario of options.scenarios) file.bodyOf(scenario)
  const thresholds = options.thresholds.map(({ metric, sources }) => {
    const part = metrics.part(metric)
    return { metric: part, conditions: sources.map((source) => new Threshold(source, part)) }
  })

  const host = new VirtualUser({
    id: 0,
    clock: machineClock,
    env,
    tags: {},
    localAddress: request.localAddresses[0] ?? null,
  })
  const call = async (name: string, body: (() => unknown) | null): Promise<unknown> => {
    let answer: unknown
    if (!body) return answer
    const outcome = await host.run(async () => {
      answer = await body()
    })
    if (outcome.kind === 'done') return answer
    const text = outcome.kind === 'failed' ? textOf(outcome.error) : 'interrupted'
    throw new RunFailure(`${name} failed: ${text}`, exitCodes.scriptFailed)
  }

  const workers = new Workers(request)
  const stop = (): void => workers.kill()
  signal?.addEventListener('abort', stop)
  try {
    await workers.ready()
    signal?.throwIfAborted()
    const data = JSON.stringify(await call('setup', file.setup)) as string | undefined
    say(`${basename(path)} runs, workers: ${request.workers}`)
    const begunAt = machineClock.now()
    const reports = await workers.done(data ?? null)
    const durationMs = machineClock.now() - begunAt
    for (const report of reports) metrics.merge(report.metrics)
    const errors = {
      count: reports.reduce((sum, report) => sum + report.errors.count, 0),
      texts: reports.flatMap((report) => report.errors.texts).slice(0, 5),
    }
    const { teardown, handleSummary } = file
    if (teardown) await call('teardown', () => teardown(data ? JSON.parse(data) : undefined))

    const summary = summaryOf({ metrics, thresholds, durationMs, options })
    if (errors.count > 0) say(`${errors.count} iterations failed; the first: ${errors.texts[0]}`)
    const outputs = await call('handleSummary', handleSummary && (() => handleSummary(summary)))
    if (outputs === undefined) say(textSummary(summary))
    else write(outputs, say)
    const areMet = thresholds.every(({ metric, conditions }) =>
      conditions.every((condition) => condition.holds(metric, durationMs)),
    )
    return { exitCode: areMet ? exitCodes.passed : exitCodes.thresholdsFailed, summary, errors }
  } catch (error) {
    if (signal?.aborted) throw interruption(error)
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
    workers.kill()
  }
}

/** What `handleSummary` returns: `stdout` and files by their names. */
function write(outputs: unknown, say: (line: string) => void): void {
  for (const [name, text] of Object.entries(outputs ?? {}))
    if (name === 'stdout' || name === 'stderr') say(String(text))
    else writeFileSync(name, String(text))
}

type DoneReport = Extract<Report, { kind: 'done' }>

/** The worker processes of a run. They end with this one, whatever becomes of it. */
class Workers {
  readonly #children: readonly ChildProcess[]

  constructor({ path, env, workers, localAddresses }: RunRequest) {
    const file = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url))
    this.#children = Array.from({ length: workers }, (_, index) => {
      const child = fork(file, [], {
        serialization: 'advanced',
        env: { PATH: process.env['PATH'] },
      })
      const segment = { index, count: workers }
      tell(child, { kind: 'load', path, env, segment, localAddresses })
      return child
    })
  }

  async ready(): Promise<void> {
    await Promise.all(this.#children.map(reportOf))
  }

  async done(data: string | null): Promise<DoneReport[]> {
    const reports = this.#children.map(async (child): Promise<DoneReport> => {
      const report = reportOf(child)
      tell(child, { kind: 'go', data })
      return (await report) as DoneReport
    })
    return Promise.all(reports)
  }

  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }
}

function tell(child: ChildProcess, order: Order): void {
  // Whoever has ended already is noticed by its exit.
  child.send(order, () => undefined)
}

function reportOf(child: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      child.off('message', onReport).off('exit', onExit)
    }
    const onReport = (report: Report): void => {
      settle()
      if (report.kind === 'failed') reject(new RunFailure(report.message, report.exitCode))
      else resolve(report)
    }
    const onExit = (code: number | null, name: string | null): void => {
      settle()
      reject(new RunFailure(`A worker ended (${code ?? name})`, exitCodes.scriptFailed))
    }
    child.on('message', onReport as (report: unknown) => void).on('exit', onExit)
  })
}
