import { RunFailure } from '../failure.ts'
import { Metric } from './metric.ts'
import type { MetricRecord, MetricType, Tags } from './metric.ts'

/** Metrics and parts of metrics of a run. A name made of data (one for each player) would grow without end. */
const MAX_METRICS = 1_000

/** A set as it goes from a worker to the process that merges. */
export interface MetricSetRecord {
  readonly metrics: readonly {
    readonly name: string
    readonly isTime: boolean
    readonly values: MetricRecord
  }[]
  readonly checks: readonly CheckCount[]
}

/** How often a check of a scenario was met. */
export interface CheckCount {
  readonly name: string
  passes: number
  fails: number
}

/** The part of a metric whose values have these tags: `http_req_duration{scenario:chat}`. */
interface Part {
  readonly metric: Metric
  readonly tags: readonly (readonly [name: string, value: string])[]
}

const BUILT_IN: readonly (readonly [string, MetricType, boolean])[] = [
  ['checks', 'rate', false],
  ['data_received', 'counter', false],
  ['data_sent', 'counter', false],
  ['dropped_iterations', 'counter', false],
  ['http_req_blocked', 'trend', true],
  ['http_req_connecting', 'trend', true],
  ['http_req_duration', 'trend', true],
  ['http_req_failed', 'rate', false],
  ['http_req_receiving', 'trend', true],
  ['http_req_sending', 'trend', true],
  ['http_req_tls_handshaking', 'trend', true],
  ['http_req_waiting', 'trend', true],
  ['http_reqs', 'counter', false],
  ['iteration_duration', 'trend', true],
  ['iterations', 'counter', false],
  ['vus', 'gauge', false],
  ['vus_max', 'gauge', false],
  ['ws_connecting', 'trend', true],
  ['ws_msgs_received', 'counter', false],
  ['ws_msgs_sent', 'counter', false],
  ['ws_ping', 'trend', true],
  ['ws_session_duration', 'trend', true],
  ['ws_sessions', 'counter', false],
]

/** All metrics of a run in one process: k6's own, and those of the scenario. */
export class MetricSet {
  readonly #metrics = new Map<string, Metric>()
  readonly #parts = new Map<string, Part[]>()
  readonly #checks = new Map<string, CheckCount>()

  constructor() {
    for (const [name, type, isTime] of BUILT_IN) this.declare(name, type, isTime)
  }

  /** @throws RunFailure when the name is taken by a metric of another kind, as in k6, or there are too many. */
  declare(name: string, type: MetricType, isTime = false): Metric {
    if (!/^[A-Za-z_]\w{0,127}$/.test(name))
      throw new RunFailure(`Expected a metric's name like 'join_ms', got '${name}'`)
    const known = this.#metrics.get(name)
    if (!known) return this.#put(new Metric(name, type, isTime))
    if (known.type === type && known.isTime === isTime) return known
    throw new RunFailure(`The metric '${name}' is declared already, as another kind`)
  }

  /**
   * Gathers the values with these tags by themselves from here on: `name{tag:value,...}`, as in a threshold.
   * @throws RunFailure when the metric is not there or the text is none of those.
   */
  part(key: string): Metric {
    const known = this.#metrics.get(key)
    if (known) return known
    const [, name = '', inside = ''] = /^(\w+)\{(.+)\}$/.exec(key) ?? []
    const whole = this.#metrics.get(name)
    if (!whole) throw new RunFailure(`A threshold names the metric '${key}', which is not there`)
    const tags = inside.split(',').map((pair) => {
      const at = pair.indexOf(':')
      if (at < 1) throw new RunFailure(`Expected a tag like 'name:value' in '${key}'`)
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()] as const
    })
    const metric = this.#put(new Metric(key, whole.type, whole.isTime))
    this.#parts.set(name, [...(this.#parts.get(name) ?? []), { metric, tags }])
    return metric
  }

  #put(metric: Metric): Metric {
    if (this.#metrics.size >= MAX_METRICS)
      throw new RunFailure(
        `Expected at most ${MAX_METRICS} metrics, got one more: '${metric.name}'`,
      )
    this.#metrics.set(metric.name, metric)
    return metric
  }

  get(name: string): Metric | null {
    return this.#metrics.get(name) ?? null
  }

  get all(): readonly Metric[] {
    return [...this.#metrics.values()]
  }

  get checks(): readonly Readonly<CheckCount>[] {
    return [...this.#checks.values()]
  }

  add(name: string, value: number, tags: Tags): void {
    this.#metrics.get(name)?.add(value)
    const parts = this.#parts.get(name)
    if (!parts) return
    for (const { metric, tags: wanted } of parts)
      if (wanted.every(([tag, text]) => tags[tag] === text)) metric.add(value)
  }

  addCheck(name: string, isMet: boolean, tags: Tags): void {
    this.add('checks', isMet ? 1 : 0, { ...tags, check: name })
    const known = this.#checks.get(name) ?? this.#addCheckName(name)
    if (isMet) known.passes++
    else known.fails++
  }

  #addCheckName(name: string): CheckCount {
    if (this.#checks.size >= MAX_METRICS)
      throw new RunFailure(`Expected at most ${MAX_METRICS} checks, got one more: '${name}'`)
    const count = { name, passes: 0, fails: 0 }
    this.#checks.set(name, count)
    return count
  }

  record(): MetricSetRecord {
    const metrics = this.all.map((metric) => ({
      name: metric.name,
      isTime: metric.isTime,
      values: metric.record(),
    }))
    return { metrics, checks: [...this.#checks.values()] }
  }

  merge(record: MetricSetRecord): void {
    for (const { name, isTime, values } of record.metrics) {
      const metric = this.#metrics.get(name) ?? this.#put(new Metric(name, values.type, isTime))
      metric.merge(values)
    }
    for (const { name, passes, fails } of record.checks) {
      const count = this.#checks.get(name) ?? this.#addCheckName(name)
      count.passes += passes
      count.fails += fails
    }
  }
}
