import { MAX_PAYLOAD_BYTES_LIMIT } from '@ringside/protocol'
import { RingsideError } from './process/errors.ts'

/** Numbers of the server. Every one has a default; all are checked once, when the server is made. */
export interface ServerLimits {
  /** Largest payload of a message in bytes, 64 - 10 MiB. Beyond it: close 1009. Default 1 MiB. */
  readonly maxPayloadBytes: number
  /** Bytes that answers and broadcasts may have queued for one client; beyond it: close `slow`. Default 1 MiB. */
  readonly maxQueuedBytes: number
  /** A socket that takes nothing for this long is closed with `slow`, in ms, 1,000-60,000. Default 8,000. */
  readonly maxBehindMs: number
  /** Nothing heard for this long: the peer is dead, in ms, 8,000-60,000. Default 60,000. */
  readonly idleTimeoutMs: number
  /** Tokens a second of each client's bucket, above 0. Default 100. */
  readonly ratePerSecond: number
  /** Size of the bucket, at least 1. Default 200. */
  readonly rateBurst: number
  /**
   * A REQUEST or JSON-RPC call whose handler has not settled after this is answered `timeout`, in ms,
   * 100-600,000. Default 10,000.
   */
  readonly handlerTimeoutMs: number
  /**
   * Calls of one client that may wait for their handlers' promises, 1-10,000; a call beyond it of a command
   * that is known to be async is refused with `rate_limited`. Default 100.
   */
  readonly maxPendingCalls: number
  /** So many dropped messages within 2 s close with 1008. Default 50. */
  readonly maxDrops: number
  /** So many invalid messages within 10 s close with 1008. Default 20. */
  readonly maxStrikes: number
  /** WebSocket connections at once. Default 10,000. */
  readonly maxConnections: number
  /** New WebSocket connections a second from one IP. Default 50. */
  readonly connectionsPerSecondPerIp: number
  /** Matchmaking requests a second from one IP. Default 50. */
  readonly joinsPerSecondPerIp: number
  /** Calls of `POST /rpc` a second from one IP: each body is one, and each of its members. Default 200. */
  readonly rpcPerSecondPerIp: number
  /** WebSocket connections at once from one IP. Default 1,000. */
  readonly maxConnectionsPerIp: number
  /** Seats that one IP may hold reserved without taking them. Default 32. */
  readonly maxUnclaimedPerIp: number
  /** Streams of spectators at once, those of the lobby included. Default 10,000. */
  readonly maxStreams: number
  /** The same from one IP. Default 1,000. */
  readonly maxStreamsPerIp: number
  /** Pages, states and new streams that one IP may ask for in a second. Default 100. */
  readonly readsPerSecondPerIp: number
  /** Rooms at once. Default 1,000. */
  readonly maxRooms: number
  /** Living rooms that were made by requests from one IP. Default 100. */
  readonly maxRoomsPerIp: number
  /** Lifetime of a ticket and its reserved seat in ms, 1,000-120,000. Default 15,000. */
  readonly ticketTtlMs: number
  /** HTTP bodies in bytes, 1,024 - 1 MiB. Default 65,536. */
  readonly maxBodyBytes: number
  /** SSE comment in a quiet stream, in ms, 1,000-15,000 (WHATWG's advice). Default 15,000. */
  readonly heartbeatMs: number
  /** `retry:` told to EventSource, in ms. Default 2,000. */
  readonly retryMs: number
  /** Longest drain on `close`, in ms. Default 5,000. */
  readonly drainMs: number
  /**
   * Longest wait for what awaits in a room that is released (`close` releases all): async commands, in ms. What
   * has not settled by then is answered with `room_released`. Default 5,000.
   */
  readonly settleMs: number
  /** Flush of the log: longest wait in ms. Default 0 (next turn). */
  readonly flushDelayMs: number
  /** Polling of the log in ms, wake-ups aside. Default 250. */
  readonly pollMs: number
  /** A hole in the log is filled with tombstones after this, in ms. Default 2,000. */
  readonly holeTimeoutMs: number
  /** A room's snapshot every so many of its events. Default 200. */
  readonly snapshotEvery: number
  /** Unacknowledged events of a room, and their bytes, before it pauses. Defaults 2,000 and 8 MiB. */
  readonly maxPendingEvents: number
  readonly maxPendingBytes: number
  /** The same bytes over all rooms, 64 KiB - 16 GiB: at it every room pauses, to half of it. Default 256 MiB. */
  readonly maxPendingTotalBytes: number
  /** Age of the oldest unacknowledged event before rooms pause, in ms. Default 30,000. */
  readonly maxOutboxLagMs: number
  /** Encoded size of one event in bytes. Default 1 MiB. */
  readonly maxEventBytes: number
  /**
   * Age in ms and number of events after which the log may be cut; neither cuts what a room with a delay has
   * yet to show. Defaults 1 h and 200,000.
   */
  readonly retentionMs: number
  readonly retentionEvents: number
  /** Bytes of events that a log in memory keeps, 1 MiB - 64 GiB; one in a database has no such bound. Default 256 MiB. */
  readonly retentionBytes: number
  /** Bytes of recent encoded events the feed keeps for catching up. Default 16 MiB. */
  readonly feedRingBytes: number
}

type Rule = readonly [fallback: number, min: number, max: number]
const MIB = 1024 * 1024

const rules: { readonly [K in keyof ServerLimits]: Rule } = {
  maxPayloadBytes: [MIB, 64, MAX_PAYLOAD_BYTES_LIMIT],
  maxQueuedBytes: [MIB, 4096, 256 * MIB],
  maxBehindMs: [8_000, 1_000, 60_000],
  idleTimeoutMs: [60_000, 8_000, 60_000],
  ratePerSecond: [100, 0.01, 1e9],
  rateBurst: [200, 1, 1e9],
  handlerTimeoutMs: [10_000, 100, 600_000],
  maxPendingCalls: [100, 1, 10_000],
  maxDrops: [50, 1, 1e6],
  maxStrikes: [20, 1, 1e6],
  maxConnections: [10_000, 1, 1e6],
  connectionsPerSecondPerIp: [50, 1, 1e6],
  joinsPerSecondPerIp: [50, 1, 1e6],
  rpcPerSecondPerIp: [200, 1, 1e6],
  maxConnectionsPerIp: [1_000, 1, 1e6],
  maxUnclaimedPerIp: [32, 1, 1e6],
  maxStreams: [10_000, 0, 1e6],
  maxStreamsPerIp: [1_000, 1, 1e6],
  readsPerSecondPerIp: [100, 1, 1e6],
  maxRooms: [1_000, 1, 1e6],
  maxRoomsPerIp: [100, 1, 1e6],
  ticketTtlMs: [15_000, 1_000, 120_000],
  maxBodyBytes: [65_536, 1_024, MIB],
  heartbeatMs: [15_000, 1_000, 15_000],
  retryMs: [2_000, 100, 60_000],
  drainMs: [5_000, 0, 600_000],
  settleMs: [5_000, 0, 60_000],
  flushDelayMs: [0, 0, 1_000],
  pollMs: [250, 5, 10_000],
  holeTimeoutMs: [2_000, 100, 60_000],
  snapshotEvery: [200, 1, 100_000],
  maxPendingEvents: [2_000, 1, 1e6],
  maxPendingBytes: [8 * MIB, 4096, 1024 * MIB],
  maxPendingTotalBytes: [256 * MIB, 65_536, 16_384 * MIB],
  maxOutboxLagMs: [30_000, 100, 600_000],
  maxEventBytes: [MIB, 1024, 15 * MIB],
  retentionMs: [3_600_000, 10_000, 1e12],
  retentionEvents: [200_000, 100, 1e9],
  retentionBytes: [256 * MIB, MIB, 65_536 * MIB],
  feedRingBytes: [16 * MIB, 65_536, 4096 * MIB],
}

/**
 * Fills in the defaults and checks every number, together with the relations between them.
 * @throws RingsideError option_invalid that names the option and the value it got.
 */
export function checkLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(rules, name)) throw invalid(`Expected a known option, got '${name}'`)
  const limits = {} as { -readonly [K in keyof ServerLimits]: number }
  for (const [name, [fallback, min, max]] of Object.entries(rules) as [
    keyof ServerLimits,
    Rule,
  ][]) {
    const value = given[name] ?? fallback
    if (typeof value !== 'number' || !(value >= min && value <= max))
      throw invalid(`Expected ${name} from ${min} to ${max}, got ${String(value)}`)
    limits[name] = value
  }
  if (limits.maxEventBytes > limits.maxPendingBytes)
    throw invalid(
      `Expected maxEventBytes within maxPendingBytes, got ${limits.maxEventBytes} and ${limits.maxPendingBytes}`,
    )
  // A copy, because V8 turns an object that is filled key by key into a hash table (8 ns at each look).
  return Object.freeze({ ...limits })
}

/**
 * The limits as they are, or with a bucket without bottom when the rate limit is switched off.
 * @throws RingsideError option_invalid unless it is true (the default) or false.
 */
export function withRateLimit(limits: ServerLimits, isOn: boolean = true): ServerLimits {
  if (typeof isOn !== 'boolean')
    throw invalid(`Expected rateLimit as true or false, got '${String(isOn)}'`)
  return isOn ? limits : Object.freeze({ ...limits, ratePerSecond: Infinity, rateBurst: Infinity })
}

/** Options of a server that are no numbers, and so are checked where they are used. */
const otherOptions: ReadonlySet<string> = new Set([
  'logger',
  'clock',
  'seed',
  'apiKey',
  'allowedOrigins',
  'requireOrigin',
  'trustedProxies',
  'isDevelopment',
  'rateLimit',
  'newId',
  'nodeName',
  'ticketSecret',
  'transport',
  'store',
  'authorizeSpectator',
  'whenLogIsFull',
  'onDead',
])

/** The numbers among a server's options; what is neither is left in, for `checkLimits` to refuse. */
export function pickLimits(options: object): Partial<ServerLimits> {
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) => !otherOptions.has(name) && value !== undefined,
    ),
  )
}

const NODE_NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/

/** @throws RingsideError option_invalid unless the name fits a URL's path and a host name. */
export function checkNodeName(name: string): string {
  if (!NODE_NAME.test(name)) throw invalid(`Expected a nodeName like 'node-1', got '${name}'`)
  return name
}

const MIN_SECRET_CHARACTERS = 32

/** @throws RingsideError option_invalid for a short secret; null when none is given. */
export function checkTicketSecret(secret: string | undefined): string | null {
  if (secret === undefined) return null
  if (secret.length < MIN_SECRET_CHARACTERS)
    throw invalid(
      `Expected a ticketSecret of ${MIN_SECRET_CHARACTERS} characters or more, got ${secret.length}`,
    )
  return secret
}

/**
 * The text of a server's seed; null when none is given.
 * @throws RingsideError option_invalid for a number that is not finite and for a short text.
 */
export function checkSeed(seed: number | string | undefined): string | null {
  if (seed === undefined) return null
  if (typeof seed === 'number' ? !Number.isFinite(seed) : seed.length < MIN_SECRET_CHARACTERS)
    throw invalid(
      `Expected a seed of ${MIN_SECRET_CHARACTERS} characters or more, or a number for tests, got ${
        typeof seed === 'number' ? String(seed) : `${seed.length} characters`
      }`,
    )
  return String(seed)
}

function invalid(message: string): RingsideError {
  return new RingsideError('option_invalid', message)
}
