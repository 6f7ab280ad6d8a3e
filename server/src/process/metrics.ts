import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { createActivity } from './loop-watch.ts'
import type { Activity } from './loop-watch.ts'
import type { LabelledReading, Reading } from './part.ts'

/**
 * Counters that are added to with each message, connection or request: plain numbers, read when somebody scrapes
 * ({@link counterHelp} has their names and help texts). They are passed to whoever counts. A count of anything rarer
 * is a field of its owner, and shows by the `counters` of its part.
 */
export interface Counters {
  messagesHandled: number
  messagesDropped: number
  messagesOverBudget: number
  messagesInvalid: number
  messagesUnknown: number
  messagesFailed: number
  messagesTimedOut: number
  bytesIn: number
  connectionsOpened: number
  connectionsRefused: number
  connectionsCut: number
  closedSlow: number
  closedRateLimited: number
  closedInvalid: number
  httpRequests: number
  httpFailures: number
  joins: number
  joinsRefused: number
}

const counterHelp: { readonly [K in keyof Counters]: readonly [name: string, help: string] } = {
  messagesHandled: ['messages_handled_total', 'Messages that reached a handler'],
  messagesDropped: ['messages_dropped_total', 'Messages over the rate limit'],
  messagesOverBudget: [
    'messages_over_budget_total',
    'Commands over the budget of their room (maxMessagesPerSecond)',
  ],
  messagesInvalid: ['messages_invalid_total', 'Messages that did not decode or validate'],
  messagesUnknown: ['messages_unknown_total', 'Messages with an unknown command'],
  messagesFailed: ['messages_failed_total', 'Messages whose handler threw unexpectedly'],
  messagesTimedOut: ['messages_timed_out_total', 'Messages whose handler did not settle in time'],
  bytesIn: ['message_bytes_in_total', 'Bytes of messages received'],
  connectionsOpened: ['connections_opened_total', 'WebSocket connections accepted'],
  connectionsRefused: ['connections_refused_total', 'WebSocket handshakes refused'],
  connectionsCut: [
    'connections_cut_total',
    'Connections that ended without a close frame: lost, broken frames, far over the limit',
  ],
  closedSlow: ['closed_slow_total', 'Connections closed because they could not keep up'],
  closedRateLimited: ['closed_rate_limited_total', 'Connections closed for flooding'],
  closedInvalid: ['closed_invalid_total', 'Connections closed for invalid messages'],
  httpRequests: ['http_requests_total', 'HTTP requests'],
  httpFailures: ['http_failures_total', 'HTTP requests that ended in an unexpected error'],
  joins: ['joins_total', 'Seats taken with a ticket'],
  joinsRefused: ['joins_refused_total', 'Tickets that gave no seat'],
}

/** Parts report here. It is made once per server; nothing here is global. */
export interface Metrics {
  readonly counters: Counters
  /** Whoever runs code of the game says here what it is, before it does. */
  readonly activity: Activity
  /** Records the lateness of one tick's beginning, in ms. */
  observeTickLag(ms: number): void
}

function createCounters(): Counters {
  const counters = {} as Counters
  for (const name of Object.keys(counterHelp) as (keyof Counters)[]) counters[name] = 0
  // A copy, because V8 turns an object that is filled key by key into a hash table, and this one is on the hot path.
  return { ...counters }
}

/** Counts, but shows nothing; a part that is made alone gets this by default. */
export function createMetrics(): Metrics {
  return { counters: createCounters(), activity: createActivity(), observeTickLag() {} }
}

type Shown = {
  readonly gauges?: readonly (Reading | LabelledReading)[]
  readonly counters?: readonly Reading[]
}

const FEED_LATENCY_BUCKETS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]
const TICK_LAG_BUCKETS_MS = [1, 2, 5, 10, 17, 33, 50, 100, 250, 1000]

/** Metrics with Prometheus text, in a registry of their own. */
export class PrometheusMetrics implements Metrics {
  readonly counters = createCounters()
  readonly activity = createActivity()
  readonly #registry = new Registry()
  readonly #tickLag: Histogram
  readonly #feedLatency: Histogram

  constructor() {
    const { counters } = this
    const registers = [this.#registry]
    for (const key of Object.keys(counterHelp) as (keyof Counters)[]) {
      const [name, help] = counterHelp[key]
      this.#addCounter({ name, help, read: () => counters[key] })
    }
    this.#tickLag = new Histogram({
      name: 'ringside_tick_lag_ms',
      help: 'How late ticks of rooms began, in ms',
      buckets: TICK_LAG_BUCKETS_MS,
      registers,
    })
    this.#feedLatency = new Histogram({
      name: 'ringside_feed_latency_ms',
      help: 'Time from an event of the log to the sockets of live streams, in ms, without the delay of rooms',
      buckets: FEED_LATENCY_BUCKETS_MS,
      registers,
    })
    this.#processGauges()
  }

  /** Media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** Shows the values of a part. @throws Error when a name is shown already. */
  show({ gauges = [], counters = [] }: Shown): void {
    for (const gauge of gauges)
      if ('label' in gauge) this.#addLabelled(gauge)
      else this.#addGauge(gauge)
    for (const counter of counters) this.#addCounter(counter)
  }

  observeTickLag(ms: number): void {
    this.#tickLag.observe(ms)
  }

  /** Records how long an event took from its `at` to the sockets, in ms. */
  observeFeedLatency(ms: number): void {
    this.#feedLatency.observe(ms)
  }

  /** Resolves with everything in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #processGauges(): void {
    const processGauges = [
      ['heap_bytes', 'Heap in use', () => process.memoryUsage().heapUsed],
      ['resident_bytes', 'Resident memory', () => process.memoryUsage.rss()],
      ['cpu_seconds', 'CPU time used by the process', cpuSeconds],
      ['uptime_seconds', 'Age of the process', () => process.uptime()],
    ] as const
    for (const [name, help, read] of processGauges) this.#addGauge({ name, help, read })
  }

  #addGauge({ name, help, read }: Reading): void {
    const metric = new Gauge({
      name: `ringside_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read())
      },
    })
    void metric
  }

  #addLabelled({ name, help, label, readAll }: LabelledReading): void {
    const metric = new Gauge({
      name: `ringside_${name}`,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        for (const [value, count] of Object.entries(readAll())) this.set({ [label]: value }, count)
      },
    })
    void metric
  }

  #addCounter({ name, help, read }: Reading): void {
    const metric = new Counter({
      name: `ringside_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
    void metric
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
