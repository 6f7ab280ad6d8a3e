import { MAX_PAYLOAD_BYTES_LIMIT, gotName } from '@ringside/protocol'
import { invalid, shownNumber } from './argument.ts'

const MIB = 1024 * 1024

/** A number's default, and the range within which it must lie. */
type Rule = readonly [fallback: number, min: number, max: number]

/** Every number of a server, and the only list of them: their type, their defaults and their check follow from it. */
const rules = {
  /**
   * Largest payload of a message in bytes, 64 - 10 MiB. Beyond it: close 1009. Every connection may hold so much of a
   * message that it has not ended (LI4). Default 65,536.
   */
  maxPayloadBytes: [65_536, 64, MAX_PAYLOAD_BYTES_LIMIT],
  /**
   * Largest text of JSON-RPC in bytes, 1,024 - 10 MiB and at most `maxPayloadBytes`; over HTTP `maxBodyBytes` bounds it as
   * well. Beyond it: -32600 and a strike, over HTTP 413. Default 65,536.
   */
  maxRpcBytes: [65_536, 1_024, MAX_PAYLOAD_BYTES_LIMIT],
  /** Bytes that answers and broadcasts may have queued for one client; beyond it: close `slow`. Default 1 MiB. */
  maxQueuedBytes: [MIB, 4096, 256 * MIB],
  /**
   * A socket, stream or answer that has bytes waiting and takes nothing for this long is closed (a socket with `slow`),
   * in ms, 1,000-60,000; so is one that takes less than `minBytesPerSecond`, averaged over it. Default 8,000.
   */
  maxBehindMs: [8_000, 1_000, 60_000],
  /**
   * Whoever takes so many bytes a second while some wait is served, however long it takes, 1 - 1 MiB. Less than the
   * slowest modem still in use, more than somebody who only wants to hold memory would care to take. Default 2,048.
   */
  minBytesPerSecond: [2_048, 1, MIB],
  /** A peer of which nothing is heard for this long is dead, in ms, 8,000-60,000. Default 60,000. */
  idleTimeoutMs: [60_000, 8_000, 60_000],
  /** Tokens a second of each client's bucket, above 0. Default 100. */
  ratePerSecond: [100, 0.01, 1e9],
  /** Size of the bucket, at least 1. Default 200. */
  rateBurst: [200, 1, 1e9],
  /**
   * A REQUEST or JSON-RPC call whose handler has not settled after this is answered `timeout`, in ms,
   * 100-600,000. Default 10,000.
   */
  handlerTimeoutMs: [10_000, 100, 600_000],
  /**
   * Calls of one client that may wait for their handlers' promises, 1-10,000; a call beyond it of a command
   * that is known to be async is refused with `rate_limited`. Default 100.
   */
  maxPendingCalls: [100, 1, 10_000],
  /** So many dropped messages within 2 s close with 1008. Default 50. */
  maxDrops: [50, 1, 1e6],
  /** So many invalid messages within 10 s close with 1008. Default 20. */
  maxStrikes: [20, 1, 1e6],
  /** WebSocket connections at once. Default 10,000. */
  maxConnections: [10_000, 1, 1e6],
  /**
   * New WebSocket connections a second from one IP, and matchmaking requests: in all processes on one log together where that
   * is in MongoDB (LI12). Defaults 50.
   */
  connectionsPerSecondPerIp: [50, 1, 1e6],
  joinsPerSecondPerIp: [50, 1, 1e6],
  /** Calls of `POST /rpc` a second from one IP: each body is one, and each of its members. Default 200. */
  rpcPerSecondPerIp: [200, 1, 1e6],
  /** WebSocket connections at once from one IP. Default 1,000. */
  maxConnectionsPerIp: [1_000, 1, 1e6],
  /**
   * A WebSocket that has not sent one whole message so long after it opened is closed with `idle`, in ms,
   * 1,000-60,000. Default 10,000.
   */
  firstMessageMs: [10_000, 1_000, 60_000],
  /** WebSockets from one IP that have not sent one whole message yet. Default 32. */
  maxSilentPerIp: [32, 1, 1e6],
  /** WebSocket handshakes from one IP, and from all, that wait for `authorizeConnection` or a token. Defaults 64 and 1,000. */
  maxPendingHandshakesPerIp: [64, 1, 1e6],
  maxPendingHandshakes: [1_000, 1, 1e6],
  /** HTTP bodies on their way from one IP, and from all. Defaults 64 and 1,000. */
  maxBodiesPerIp: [64, 1, 1e6],
  maxBodies: [1_000, 1, 1e6],
  /**
   * Resident memory of the process in bytes above which it takes nothing new. 0, the default: 80 % of what the
   * machine has, or of what its control group allows.
   */
  maxRssBytes: [0, 0, 1e15],
  /** Seats that one IP may hold without a connection: reserved and not taken, or dropped. Default 32. */
  maxUnclaimedPerIp: [32, 1, 1e6],
  /** Streams of spectators at once, those of the lobby included. Default 10,000. */
  maxStreams: [10_000, 0, 1e6],
  /** The same from one IP, and those of feeds of one user or holder of a key. Defaults 1,000 and 100. */
  maxStreamsPerIp: [1_000, 1, 1e6],
  maxStreamsPerUser: [100, 1, 1e6],
  /**
   * Pages, states and new streams that one IP, and one user or holder of a key, may ask for in a second. Defaults 100 and
   * 200.
   */
  readsPerSecondPerIp: [100, 1, 1e6],
  readsPerSecondPerUser: [200, 1, 1e6],
  /**
   * Events that one holder of a key, or user, may publish over HTTP in a second: in all processes on one log together where
   * that is in MongoDB (LI12). Default 1,000.
   */
  publishPerSecond: [1_000, 1, 1e6],
  /**
   * Events that this process writes to the topic `presence` in a second; what is over that is summed up, for each room.
   * Default 100.
   */
  presencePerSecond: [100, 1, 1e6],
  /** Bans and mutes at once, together; beyond it one more is refused. Default 10,000. */
  maxSanctions: [10_000, 1, 1e6],
  /** Rooms at once. Default 1,000. */
  maxRooms: [1_000, 1, 1e6],
  /** Living rooms that were made by requests from one IP. Default 100. */
  maxRoomsPerIp: [100, 1, 1e6],
  /**
   * `onAuth`, `onJoin` and `onLeave` are waited for so long each, in ms, 100-120,000. Whoever asked for a seat, or has
   * come to take it, is refused with `timeout` then; a seat that is given up goes on without the hook. Default 10,000.
   */
  hookTimeoutMs: [10_000, 100, 120_000],
  /**
   * A room keeps so many of its last events, and their bytes, for players who come back: 0-100,000 (0: none) and 1,024 -
   * 16 MiB, of which half of `maxQueuedBytes` counts. Defaults 500 and 131,072.
   */
  replayEvents: [500, 0, 100_000],
  replayBytes: [131_072, 1_024, 16 * MIB],
  /** Lifetime of a ticket and its reserved seat in ms, 1,000-120,000. Default 15,000. */
  ticketTtlMs: [15_000, 1_000, 120_000],
  /**
   * The head of a request (its target and all headers) in bytes, 4,096-65,536; beyond it: 431. uWebSockets.js is told it
   * once, before the first `listen` of the process, and keeps so much for a head that comes in pieces; a worker thread
   * cannot tell it: there `UWS_HTTP_MAX_HEADERS_SIZE` in the environment of the process is the bound. Default 16,384.
   */
  maxHeaderBytes: [16_384, 4_096, 65_536],
  /** HTTP bodies in bytes, 1,024 - 1 MiB. Default 65,536. */
  maxBodyBytes: [65_536, 1_024, MIB],
  /**
   * A quiet stream gets a comment so often, in ms, 1,000-60,000; `listen` warns of more than 15,000 (WHATWG's advice).
   * Default 15,000.
   */
  heartbeatMs: [15_000, 1_000, 60_000],
  /** `retry:` told to EventSource, in ms. Default 2,000. */
  retryMs: [2_000, 100, 60_000],
  /** Longest drain on `close`, in ms. Default 5,000. */
  drainMs: [5_000, 0, 600_000],
  /**
   * Longest wait for the commands and hooks that await in a room that is released (`close` releases all), in ms. A
   * command that has not settled by then is answered with `room_released`. Default 5,000.
   */
  settleMs: [5_000, 0, 60_000],
  /**
   * Events gather for so long before the log writes them, in ms, 0-1,000, while no write is under way: fewer and larger
   * writes, each event later by as much. Default 0 (next turn).
   */
  flushDelayMs: [0, 0, 1_000],
  /** Polling of the log in ms, wake-ups aside. Default 250. */
  pollMs: [250, 5, 10_000],
  /** A hole in the log is filled with tombstones after this, in ms. Default 2,000. */
  holeTimeoutMs: [2_000, 100, 60_000],
  /** A room's snapshot every so many of its events. Default 200. */
  snapshotEvery: [200, 1, 100_000],
  /** Unacknowledged events of a room, and their bytes, before it pauses. Defaults 2,000 and 8 MiB. */
  maxPendingEvents: [2_000, 1, 1e6],
  maxPendingBytes: [8 * MIB, 4096, 1024 * MIB],
  /**
   * Messages that wait to be written, and their bytes; beyond either one more is refused with `too_many_requests`, but
   * one is always taken. Defaults 10,000 and 16 MiB.
   */
  maxPendingMessages: [10_000, 1, 1e6],
  maxPendingMessageBytes: [16 * MIB, 4096, 1024 * MIB],
  /**
   * The bytes of all rooms and messages, 64 KiB - 16 GiB: at it every room pauses and no message is taken, to half of
   * it. Default 256 MiB.
   */
  maxPendingTotalBytes: [256 * MIB, 65_536, 16_384 * MIB],
  /** Age of the oldest unacknowledged event before rooms pause, in ms. Default 30,000. */
  maxOutboxLagMs: [30_000, 100, 600_000],
  /** Encoded size of one event in bytes. Default 1 MiB. */
  maxEventBytes: [MIB, 1024, 15 * MIB],
  /**
   * Age in ms and number of events after which the log may be cut; neither cuts what a room with a delay has
   * yet to show. Defaults 1 h and 200,000.
   */
  retentionMs: [3_600_000, 10_000, 1e12],
  retentionEvents: [200_000, 100, 1e9],
  /**
   * Bytes of events that a log in memory keeps, 1 MiB - 64 GiB; one in a database has no such bound. Default
   * 256 MiB.
   */
  retentionBytes: [256 * MIB, MIB, 65_536 * MIB],
  /**
   * The log waits so long for the archive before it is cut without it, in ms, 0-3,600,000: for one match, and for an
   * archive that fails. Default 60,000.
   */
  archiveHoldMs: [60_000, 0, 3_600_000],
  /** Bytes of recent encoded events the feed keeps for catching up. Default 16 MiB. */
  feedRingBytes: [16 * MIB, 65_536, 4096 * MIB],
} satisfies Readonly<Record<string, Rule>>

/** Their names. */
export const limitNames: readonly string[] = Object.keys(rules)

/** These need not be whole numbers. */
const fractions: ReadonlySet<string> = new Set<keyof typeof rules>(['ratePerSecond', 'rateBurst'])

/** Numbers of the server. Every one has a default; all are checked once, when the server is made. */
export type ServerLimits = { readonly [K in keyof typeof rules]: number }

/**
 * Fills in the defaults and checks every number, together with the relations between them.
 * @throws RingsideError option_invalid that names the option and the value it got.
 */
export function checkLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(rules, name))
      throw invalid(`Expected a known option, ${gotName(name, limitNames)}`)
  const limits = {} as { -readonly [K in keyof ServerLimits]: number }
  for (const [name, [fallback, min, max]] of Object.entries(rules) as [
    keyof ServerLimits,
    Rule,
  ][]) {
    const { [name]: value = fallback } = given
    const isWhole = Number.isInteger(value) || fractions.has(name)
    if (typeof value !== 'number' || !(value >= min && value <= max) || !isWhole)
      throw invalid(
        `Expected ${name} from ${min} to ${max}${fractions.has(name) ? '' : ', a whole number'}, got ${shownNumber(value)}`,
      )
    limits[name] = value
  }
  // The default may well be over it: then `maxPayloadBytes` is the bound.
  if (given.maxRpcBytes !== undefined && limits.maxRpcBytes > limits.maxPayloadBytes)
    throw invalid(
      `Expected maxRpcBytes within maxPayloadBytes, got ${limits.maxRpcBytes} and ${limits.maxPayloadBytes}`,
    )
  if (limits.maxEventBytes > limits.maxPendingBytes)
    throw invalid(
      `Expected maxEventBytes within maxPendingBytes, got ${limits.maxEventBytes} and ${limits.maxPendingBytes}`,
    )
  // This copies, because V8 turns an object that is filled key by key into a hash table, which is slower at each look.
  return Object.freeze({ ...limits })
}

/**
 * The limits as they are, or with a bucket without bottom when the rate limit is switched off.
 * @throws RingsideError option_invalid unless it is true (the default) or false.
 */
export function withRateLimit(limits: ServerLimits, isOn: boolean = true): ServerLimits {
  if (typeof isOn !== 'boolean')
    throw invalid(`Expected rateLimit as true or false, got ${shownNumber(isOn)}`)
  return isOn ? limits : Object.freeze({ ...limits, ratePerSecond: Infinity, rateBurst: Infinity })
}
