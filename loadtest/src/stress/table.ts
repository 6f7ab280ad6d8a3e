import type { Summary } from '../summary.ts'
import { FAULT_COUNTERS } from './plan.ts'
import type { PlannedRun } from './plan.ts'

/** What the server used in a run. */
export interface ServerUse {
  /** Before the first player, and the most while all were in; 0 when they never were. */
  readonly emptyBytes: number
  readonly fullBytes: number
  /** Time on a core, of the whole time, in parts of 1. */
  readonly cpuShare: number
}

/** A run and what came of it. */
export interface StressResult {
  readonly run: PlannedRun
  readonly summary: Summary
  readonly server: ServerUse
  readonly exitCode: number
}

const COLUMNS = [
  'scenario',
  'players',
  'load',
  'rate',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'max ms',
  'faults',
  'thresholds',
  'server: core',
  'memory',
  'per player',
] as const

/** The columns that are words; all others are numbers and stand at the right. */
const WORDS: readonly string[] = ['scenario', 'load', 'thresholds']

/** A markdown table, one line for each run, as the formatter would leave it. */
export function stressTable(results: readonly StressResult[]): string {
  const rows = results.map(cellsOf)
  const widths = COLUMNS.map((title, at) =>
    Math.max(3, title.length, ...rows.map((row) => row[at]?.length ?? 0)),
  )
  const isWord = COLUMNS.map((title) => WORDS.includes(title))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (isWord[at] ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, at) =>
    isWord[at] ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  return [line(COLUMNS), line(rule), ...rows.map(line)].join('\n')
}

function cellsOf({ run, summary, server, exitCode }: StressResult): string[] {
  const valueOf = (metric: string, value: string): number =>
    summary.metrics[metric]?.values[value] ?? 0
  const faults = FAULT_COUNTERS.reduce((sum, name) => sum + valueOf(name, 'count'), 0)
  const hasFull = server.fullBytes > 0
  return [
    run.scenario,
    whole(run.players),
    run.what,
    rateOf(run, valueOf),
    ...['med', 'p(95)', 'p(99)', 'max'].map((stat) => whole(valueOf(run.trend, stat))),
    whole(faults),
    exitCode === 0 ? 'hold' : 'FAIL',
    `${Math.round(server.cpuShare * 100)} %`,
    hasFull ? `${whole(server.fullBytes / 2 ** 20)} MiB` : '',
    hasFull
      ? `${((server.fullBytes - server.emptyBytes) / run.players / 1024).toFixed(1)} KiB`
      : '',
  ]
}

function rateOf(
  { counted }: PlannedRun,
  valueOf: (metric: string, value: string) => number,
): string {
  if (!counted) return ''
  const { counter, unit, over } = counted
  const seconds = typeof over === 'number' ? over : valueOf(over, 'max') / 1000
  return seconds > 0 ? `${whole(valueOf(counter, 'count') / seconds)} ${unit}/s` : ''
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
