import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/**
 * Counters of the hot path: plain numbers that their owners add to, read when somebody scrapes.
 * The comment is the metric's help text, word for word in {@link counterHelp}.
 */
export interface Counters {
  messagesHandled: number
  messagesDropped: number
  messagesInvalid: number
  messagesUnknown: number
  messagesFailed: number
  messagesTimedOut: number
  bytesIn: number
  connectionsOpened: number
  connectionsRefused: number
  closedSlow: number
  closedRateLimited: number
  closedInvalid: number
  httpRequests: number
  httpFailures: number
  joins: number
  feedDeliveries: number
  feedResets: number
  eventsAppended: number
  eventsVoided: number
  roomsFenced: number
}

const counterHelp: { readonly [K in keyof Counters]: readonly [name: string, help: string] } = {
  messagesHandled: ['messages_handled_total', 'Messages that reached a handler'],
  messagesDropped: ['messages_dropped_total', 'Messages over the rate limit'],
  messagesInvalid: ['messages_invalid_total', 'Messages that did not decode or validate'],
  messagesUnknown: ['messages_unknown_total', 'Messages with an unknown command'],
  messagesFailed: ['messages_failed_total', 'Messages whose handler threw unexpectedly'],
  messagesTimedOut: ['messages_timed_out_total', 'Messages whose handler did not settle in time'],
  bytesIn: ['message_bytes_in_total', 'Bytes of messages received'],
  connectionsOpened: ['connections_opened_total', 'WebSocket connections accepted'],
  connectionsRefused: ['connections_refused_total', 'WebSocket handshakes refused'],
  closedSlow: ['closed_slow_total', 'Connections closed because they could not keep up'],
  closedRateLimited: ['closed_rate_limited_total', 'Connections closed for flooding'],
  closedInvalid: ['closed_invalid_total', 'Connections closed for invalid messages'],
  httpRequests: ['http_requests_total', 'HTTP requests'],
  httpFailures: ['http_failures_total', 'HTTP requests that ended in an unexpected error'],
  joins: ['joins_total', 'Seats taken with a ticket'],
  feedDeliveries: ['feed_deliveries_total', 'Events written to feed streams'],
  feedResets: ['feed_resets_total', 'Feed streams told to start over'],
  eventsAppended: ['events_appended_total', 'Events acknowledged by the log'],
  eventsVoided: ['events_voided_total', 'Sequence numbers of the log given up'],
  roomsFenced: ['rooms_fenced_total', 'Rooms that another server has taken'],
}

const gaugeHelp = {
  sessions: 'Open WebSocket sessions',
  rooms: 'Living rooms',
  players: 'Seats taken in rooms',
  streams: 'Open feed streams',
  outbox_lag_ms: 'Age of the oldest event not yet acknowledged, in ms',
  tail_lag_ms: 'Time since the log was last read with success, in ms',
  outbox_pending_events: 'Events not yet acknowledged',
  outbox_lost_events: 'Accepted events that were given up: they are in no log',
  sealed_seq: 'Every event up to this one may be shown',
  feed_ring_bytes: 'Bytes of recent events kept for catching up',
} as const

/** Name of a value that is read when somebody scrapes. */
export type GaugeName = keyof typeof gaugeHelp

/** Where parts report to. Made once per server; nothing here is global. */
export interface Metrics {
  readonly counters: Counters
  /** `read` is called at each scrape; a later call for the same name replaces it. */
  gauge(name: GaugeName, read: () => number): void
  /** `update` is called before each scrape: it writes counters that their owners keep themselves. */
  beforeScrape(update: (counters: Counters) => void): void
  /** How late one tick of a room began, in ms. */
  observeTickLag(ms: number): void
}

function createCounters(): Counters {
  const counters = {} as Counters
  for (const name of Object.keys(counterHelp) as (keyof Counters)[]) counters[name] = 0
  // A copy, because V8 turns an object that is filled key by key into a hash table, and this one is on the hot path.
  return { ...counters }
}

/** Counts, but shows nothing: the default of a part that is made alone. */
export function createMetrics(): Metrics {
  return { counters: createCounters(), gauge() {}, beforeScrape() {}, observeTickLag() {} }
}

const TICK_LAG_BUCKETS_MS = [1, 2, 5, 10, 17, 33, 50, 100, 250, 1000]

/** Metrics with Prometheus text, in a registry of their own. */
export class PrometheusMetrics implements Metrics {
  readonly counters = createCounters()
  readonly #registry = new Registry()
  readonly #gauges = new Map<GaugeName, () => number>()
  readonly #updates: ((counters: Counters) => void)[] = []
  readonly #tickLag: Histogram

  constructor() {
    const { counters } = this
    const registers = [this.#registry]
    for (const key of Object.keys(counterHelp) as (keyof Counters)[]) {
      const [name, help] = counterHelp[key]
      const metric = new Counter({
        name: `ringside_${name}`,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(counters[key])
        },
      })
      void metric
    }
    this.#tickLag = new Histogram({
      name: 'ringside_tick_lag_ms',
      help: 'How late ticks of rooms began, in ms',
      buckets: TICK_LAG_BUCKETS_MS,
      registers,
    })
    this.#processGauges()
  }

  /** Media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType
  }

  gauge(name: GaugeName, read: () => number): void {
    const isNew = !this.#gauges.has(name)
    this.#gauges.set(name, read)
    if (isNew)
      this.#addGauge(`ringside_${name}`, gaugeHelp[name], () => this.#gauges.get(name)?.() ?? 0)
  }

  observeTickLag(ms: number): void {
    this.#tickLag.observe(ms)
  }

  beforeScrape(update: (counters: Counters) => void): void {
    this.#updates.push(update)
  }

  /** Everything in Prometheus' text format. */
  text(): Promise<string> {
    for (const update of this.#updates) update(this.counters)
    return this.#registry.metrics()
  }

  #processGauges(): void {
    this.#addGauge('ringside_heap_bytes', 'Heap in use', () => process.memoryUsage().heapUsed)
    this.#addGauge('ringside_resident_bytes', 'Resident memory', () => process.memoryUsage.rss())
    this.#addGauge('ringside_cpu_seconds', 'CPU time used by the process', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    this.#addGauge('ringside_uptime_seconds', 'Age of the process', () => process.uptime())
  }

  #addGauge(name: string, help: string, read: () => number): void {
    const metric = new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read())
      },
    })
    void metric
  }
}
