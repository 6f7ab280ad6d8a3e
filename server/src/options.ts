import { kindOf } from '@ringside/protocol'
import type { CookieOptions } from './auth/cookie.ts'
import type { JwtOptions } from './auth/token-check.ts'
import type { AuthorizeSpectator } from './feed/audience/access.ts'
import type { ArchiveStore } from './archive/contract.ts'
import type { AuditEntry } from './admin/audit.ts'
import type { LogStore } from './outbox/contract/store.ts'
import type { Clock } from './process/clock.ts'
import {
  checkBoolean,
  checkFunction,
  checkMembers,
  checkMethods,
  checkText,
  invalid,
  shownNumber,
  shownText,
} from './process/argument.ts'
import { limitNames } from './process/limits.ts'
import type { ServerLimits } from './process/limits.ts'
import type { Logger } from './process/logger.ts'
import type { Tracer } from './http/tracing.ts'
import type { FullLogPolicy } from './room/definition.ts'
import type { AuthorizeConnection } from './session/doorkeeper.ts'
import type { Transport } from './transport/contract.ts'

/** The options of a server that are no numbers; the table `settings` says how each is checked. */
export interface ServerSettings {
  /** Default: nothing is logged. */
  readonly logger?: Logger
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /**
   * Makes the randomness of all rooms repeatable: a room's own seed derives from it and the room's id. A secret
   * of 32 characters or more; a number is for tests only, because who tries them all can tell every draw.
   * Default: each room has a seed of its own from the system's randomness.
   */
  readonly seed?: number | string
  /**
   * The operator's key for `X-API-Key`, which may do everything, 16 characters or more. Without it nobody may make keys.
   */
  readonly apiKey?: string
  /** Tokens (JWT) that are believed, in `Authorization: Bearer`. Default: none. */
  readonly jwt?: JwtOptions
  /** A cookie that carries a token of `jwt`, for pages of this host and of `allowedOrigins` (but `*`). Default: none. */
  readonly cookie?: CookieOptions
  /**
   * Takes a token or key in the query (`?token=`, `?apikey=`), where browsers' EventSource and WebSocket can set no
   * header. Addresses are kept in histories and in the logs of proxies. Default false.
   */
  readonly allowQueryToken?: boolean
  /**
   * Decides on every WebSocket handshake, seats or no seats; it may wait, up to `hookTimeoutMs`. What it returns is
   * `session.auth`; `false` refuses, as do `throw reject(code)` (403, or the status of a code of ours: `unauthorized` is 401)
   * and an error. `request.principal` is who comes, by key, token or cookie. The server's own connections are not asked
   * about. Default: everybody may connect.
   */
  readonly authorizeConnection?: AuthorizeConnection
  /**
   * Topics that everybody reads, as patterns (`news.*`); `GET /feed` follows them where it names none. Default
   * `['public']`.
   */
  readonly publicTopics?: readonly string[]
  /**
   * Tells in the topic `presence` who comes and goes: players who join, leave, drop and come back, rooms that are opened
   * and end, of private rooms in `presence.private`. Both are read by the scopes that name them; `presence` by everybody
   * where `publicTopics` lists it. Default false.
   */
  readonly presence?: boolean
  /**
   * Origins (`https://example.com`, `http://localhost:5173`) that may connect besides the server's own host.
   * `https://*.example.com` means every subdomain at any depth, but not `https://example.com`; `*` allows all, of which
   * `listen` warns unless `isDevelopment`.
   */
  readonly allowedOrigins?: readonly string[]
  /**
   * Host headers that are answered, 421 for any other: names (`example.com`), all names below one (`*.example.com`),
   * addresses, `*` for any. Default: any; with `isDevelopment` `localhost`, the names below it, loopback addresses and
   * the address that the server listens on.
   */
  readonly allowedHosts?: readonly string[]
  /** Refuses WebSocket handshakes without an Origin header (not from a browser). Default false. */
  readonly requireOrigin?: boolean
  /**
   * Addresses (`10.0.0.7`) and networks (`10.0.0.0/8`) of proxies whose X-Forwarded-For is believed. Without
   * them everybody behind a proxy shares its address, and the limits that go by address. Default: none.
   */
  readonly trustedProxies?: readonly string[]
  /**
   * Answers routes by the names that other servers have for them (`/api/sse/connect`, `/sse/events`,
   * `/api/sse/broadcast` and so on, see docs/publishing.md), too. Default false.
   */
  readonly aliasRoutes?: boolean
  /**
   * A tracer of OpenTelemetry (`trace.getTracer('ringside')` of `@opentelemetry/api`): each HTTP request becomes a span,
   * a child of its `traceparent`. Messages over sockets make none. Default: none; `traceparent` is handed on as it came.
   */
  readonly tracer?: Tracer
  /** Opens `/metrics` without a key, to those who ask for this machine by its own name. Default false. */
  readonly isDevelopment?: boolean
  /**
   * False switches the rate limit of messages off, for load tests and closed networks; `listen` then warns
   * unless `isDevelopment`. The other limits hold. Default true.
   */
  readonly rateLimit?: boolean
  /** Source of ids and tokens; for tests that need the same ones twice. Default: the system's randomness. */
  readonly newId?: () => string
  /** Resident memory of the process in bytes, for `maxRssBytes`; for tests. Default: the process's own. */
  readonly readRss?: () => number
  /** Name of this node in tickets and listings. Default `node-1`. */
  readonly nodeName?: string
  /** Secret that signs tickets, 32 characters or more. Default random: tickets end with the process. */
  readonly ticketSecret?: string
  /** Rooms do this when the log takes no more; a room may say otherwise. Default `pause`. */
  readonly whenLogIsFull?: FullLogPolicy
  /**
   * Is called once when the server can do its work no longer: its log was given up (`cause` says how many events are
   * lost), its rooms are stopped, `/health/live` is 503. Only a new process goes on: close, and end this one.
   */
  readonly onDead?: (cause: Error) => void
  /**
   * What becomes of an error that code of the game throws where nobody calls it: in a `setTimeout` of its own, or in a
   * promise that it does not wait for. `log` tells of it, by the room and hook that began it where that is known, and the
   * process goes on with all its rooms; `crash` leaves it to Node.js, which ends the process. It holds while the server
   * listens, for the whole process. Default `log`.
   */
  readonly whenUncaught?: 'log' | 'crash'
  /** Default: uWebSockets.js. */
  readonly transport?: Transport
  /** Default: in memory. */
  readonly store?: LogStore
  /** Where the matches of room types with `archive` are kept: `folderArchive(path)`, or `mongoArchive(...)`. Default: nowhere. */
  readonly archive?: ArchiveStore
  /**
   * Decides who may watch a room: pages, states and streams. It is called at the opening of a stream and again
   * for every event it would be shown, synchronously; anything but `true` is a no. `request` has the facts of the
   * request for the stream, as `authorizeConnection` has those of a handshake, and may be kept. Default: everybody watches every room that is not private.
   */
  readonly authorizeSpectator?: AuthorizeSpectator
  /**
   * Is called with every act of an operator, done or refused, synchronously; what it throws is logged and undoes
   * nothing. Default: the acts are in the log only.
   */
  readonly audit?: (entry: AuditEntry) => unknown
  /**
   * Names the user, of the result of a room's `onAuth`, for bans and mutes by `userId`; null: nobody in particular. It is
   * synchronous. Default: the `userId` of an object, where that is text.
   */
  readonly userIdOf?: (auth: unknown) => string | null
}

/** Everything a server can be given. */
export interface ServerOptions extends Partial<ServerLimits>, ServerSettings {}

/** Checks one option by its name and value. @throws RingsideError option_invalid. */
type Check = (name: string, value: unknown) => void

const methods =
  (...names: readonly string[]): Check =>
  (name, value) =>
    checkMethods(name, value, names)

/** The compiler holds this table to {@link ServerSettings}. */
const settings = {
  logger: methods('debug', 'info', 'warn', 'error'),
  clock: methods('now', 'after', 'soon'),
  seed: (_, value) => checkSeed(value as string),
  apiKey: checkText,
  // createAuth says what is wrong with them.
  jwt: () => {},
  cookie: () => {},
  allowQueryToken: checkBoolean,
  authorizeConnection: checkFunction,
  // createAuth as well.
  publicTopics: checkList,
  presence: checkBoolean,
  // createOriginCheck says of each entry what is wrong with it.
  allowedOrigins: checkList,
  // createHostCheck as well.
  allowedHosts: checkList,
  requireOrigin: checkBoolean,
  // createClientAddress as well.
  trustedProxies: checkList,
  isDevelopment: checkBoolean,
  aliasRoutes: checkBoolean,
  tracer: methods('startSpan'),
  rateLimit: checkBoolean,
  newId: checkFunction,
  readRss: checkFunction,
  nodeName: (_, value) => checkNodeName(value as string),
  ticketSecret: (_, value) => checkTicketSecret(value as string),
  // checkFullLogPolicy says which there are.
  whenLogIsFull: () => {},
  onDead: checkFunction,
  whenUncaught: (_, value) => checkUncaught(value as 'log'),
  transport: methods('listen', 'publish', 'close'),
  store: methods('open', 'close'),
  archive: methods('open', 'find', 'begin'),
  authorizeSpectator: checkFunction,
  audit: checkFunction,
  userIdOf: checkFunction,
} satisfies { readonly [K in keyof Required<ServerSettings>]: Check }

const settingNames = Object.keys(settings) as (keyof ServerSettings)[]

/**
 * Checks everything of a server's options but the ranges of its numbers: their names, and what each must be able to do.
 * @throws RingsideError option_invalid that names the option, and the known one that is most like an unknown (RM61).
 */
export function checkSettings(options: unknown): void {
  checkMembers('an option of a server', options, [...settingNames, ...limitNames])
  for (const name of settingNames) {
    const value = (options as ServerSettings)[name]
    if (value !== undefined) settings[name](name, value)
  }
}

function checkList(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw invalid(`Expected ${name} as a list, got ${kindOf(value)}`)
}

/** @throws RingsideError option_invalid unless it is a contract, as defineGame makes one. */
export function checkContract(game: unknown): void {
  const { commands, rooms } = (game ?? {}) as { readonly [key: string]: unknown }
  for (const part of [commands, rooms])
    if (typeof part !== 'object' || part === null)
      throw invalid(`Expected a contract of defineGame, got ${kindOf(game)}`)
}

/** Picks the numbers among a server's options; unknown ones are left in, for `checkLimits` to refuse. */
export function pickLimits(options: object): Partial<ServerLimits> {
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) => !Object.hasOwn(settings, name) && value !== undefined,
    ),
  )
}

const NODE_NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/

/** @throws RingsideError option_invalid unless the name fits a URL's path and a host name. */
export function checkNodeName(name: string): string {
  if (typeof name !== 'string' || !NODE_NAME.test(name))
    throw invalid(`Expected a nodeName like 'node-1', got ${shownText(name)}`)
  return name
}

const MIN_SECRET_CHARACTERS = 32

/** @throws RingsideError option_invalid for a short secret; null when none is given. */
export function checkTicketSecret(secret: string | undefined): string | null {
  if (secret === undefined) return null
  checkText('ticketSecret', secret)
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
  if (typeof seed !== 'number') checkText('seed', seed)
  if (typeof seed === 'number' ? !Number.isFinite(seed) : seed.length < MIN_SECRET_CHARACTERS)
    throw invalid(
      `Expected a seed of ${MIN_SECRET_CHARACTERS} characters or more, or a number for tests, got ${
        typeof seed === 'number' ? shownNumber(seed) : `${seed.length} characters`
      }`,
    )
  return String(seed)
}

/** @throws RingsideError option_invalid unless it is 'log' (the default) or 'crash'. */
export function checkUncaught(policy: 'log' | 'crash' = 'log'): 'log' | 'crash' {
  if (policy === 'log' || policy === 'crash') return policy
  throw invalid(`Expected whenUncaught as 'log' or 'crash', got ${shownText(policy)}`)
}
