import type { Metric } from './metrics/metric.ts'
import type { CheckCount, MetricSet } from './metrics/metric-set.ts'
import type { Threshold } from './metrics/threshold.ts'
import type { RunOptions } from './options.ts'

/** What `handleSummary` gets, in k6's form. */
export interface Summary {
  readonly metrics: Readonly<Record<string, MetricSummary>>
  readonly root_group: { readonly name: ''; readonly checks: readonly CheckCount[] }
  readonly state: { readonly testRunDurationMs: number }
}

export interface MetricSummary {
  readonly type: Metric['type']
  readonly contains: 'time' | 'default'
  readonly values: Readonly<Record<string, number>>
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>
}

export interface SummaryParts {
  readonly metrics: MetricSet
  readonly thresholds: readonly {
    readonly metric: Metric
    readonly conditions: readonly Threshold[]
  }[]
  readonly durationMs: number
  readonly options: RunOptions
}

/** Makes the summary of a run. Metrics without a value are left out unless a threshold names them, as in k6. */
export function summaryOf({ metrics, thresholds, durationMs, options }: SummaryParts): Summary {
  const stats = options.summaryTrendStats
  const entries: [string, MetricSummary][] = []
  for (const metric of metrics.all) {
    const conditions = thresholds.find((entry) => entry.metric === metric)?.conditions
    const values = metric.values(durationMs)
    if (!conditions && !hasValues(metric, values)) continue
    const shown = metric.histogram
      ? Object.fromEntries(stats.map((stat) => [stat, values[stat] ?? percentile(metric, stat)]))
      : values
    entries.push([
      metric.name,
      {
        type: metric.type,
        contains: metric.isTime ? 'time' : 'default',
        values: shown,
        ...(conditions ? { thresholds: verdicts(metric, conditions, durationMs) } : {}),
      },
    ])
  }
  entries.sort(([left], [right]) => (left < right ? -1 : 1))
  return {
    metrics: Object.fromEntries(entries),
    root_group: { name: '', checks: metrics.checks },
    state: { testRunDurationMs: durationMs },
  }
}

function hasValues(metric: Metric, values: Readonly<Record<string, number>>): boolean {
  return metric.type === 'rate'
    ? (values['passes'] ?? 0) + (values['fails'] ?? 0) > 0
    : Object.values(values).some((value) => value !== 0)
}

function percentile(metric: Metric, stat: string): number {
  return metric.histogram?.percentile(Number(/\((.+)\)/.exec(stat)?.[1] ?? 0)) ?? 0
}

function verdicts(
  metric: Metric,
  conditions: readonly Threshold[],
  durationMs: number,
): Record<string, { ok: boolean }> {
  return Object.fromEntries(
    conditions.map((condition) => [condition.source, { ok: condition.holds(metric, durationMs) }]),
  )
}

/** The summary for people: one line for each metric, threshold and check. */
export function textSummary({ metrics, root_group: { checks }, state }: Summary): string {
  const lines = [`${(state.testRunDurationMs / 1000).toFixed(1)} s`]
  for (const { name, passes, fails } of checks)
    lines.push(`  ${fails === 0 ? 'ok  ' : 'FAIL'} ${name}: ${passes} of ${passes + fails}`)
  const width = Math.max(0, ...Object.keys(metrics).map((name) => name.length))
  for (const [name, metric] of Object.entries(metrics)) {
    const values = Object.entries(metric.values).map(([key, value]) => `${key}=${short(value)}`)
    lines.push(`  ${name.padEnd(width)} ${values.join(' ')}`)
    for (const [source, { ok }] of Object.entries(metric.thresholds ?? {}))
      lines.push(`    ${ok ? 'ok  ' : 'FAIL'} ${source}`)
  }
  return lines.join('\n')
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4)
}
