import type { GameContract } from '@ringside/protocol'
import { createAdmin } from './admin/create-admin.ts'
import { createArchive } from './archive/create-archive.ts'
import type { Archive } from './archive/create-archive.ts'
import { Sanctions } from './admin/sanctions.ts'
import { checkUserIdOf } from './admin/user-id.ts'
import { Dispatcher } from './call/dispatcher.ts'
import { createRpc } from './call/json-rpc/create-rpc.ts'
import { SystemClock } from './process/clock.ts'
import { FeedPart } from './feed/create-feed.ts'
import { GameServer } from './game-server.ts'
import { createAuth } from './auth/create-auth.ts'
import { ServerSecret } from './auth/server-secret.ts'
import type { Route } from './http/contract.ts'
import { createPublish } from './publish/create-publish.ts'
import { Router } from './http/router.ts'
import { Tracing, tracingPart } from './http/tracing.ts'
import { traceLogger } from './process/trace-log.ts'
import { randomId } from './process/ids.ts'
import { checkLimits, withRateLimit } from './process/limits.ts'
import { silentLogger } from './process/logger.ts'
import { createMatchmaking } from './matchmake/create-matchmaking.ts'
import { FailureLog } from './process/failure-log.ts'
import { LoopWatch } from './process/loop-watch.ts'
import { uncaughtPart } from './process/uncaught.ts'
import { PrometheusMetrics } from './process/metrics.ts'
import type { Part } from './process/part.ts'
import {
  checkContract,
  checkNodeName,
  checkSeed,
  checkSettings,
  checkTicketSecret,
  checkUncaught,
  pickLimits,
} from './options.ts'
import { createOutbox } from './outbox/create-outbox.ts'
import type { LogStore } from './outbox/contract/store.ts'
import type { Outbox } from './outbox/contract/outbox.ts'
import { logReadings } from './outbox/readings.ts'
import { MemoryStore } from './outbox/stores/memory/store.ts'
import { createRandom, createSeeds } from './process/random.ts'
import type { RoomType } from './room/type.ts'
import { createHost } from './host/create-host.ts'
import { SealedTokens } from './room/seats/reconnect-token.ts'
import { checkFullLogPolicy } from './room/type.ts'
import type { Server } from './server-types.ts'
import type { ServerOptions } from './options.ts'
import { CommandRegistry } from './call/command-table.ts'
import { AddressRate } from './limit/address-rate.ts'
import { BodyGate } from './limit/body-gate.ts'
import { GuessLimit } from './limit/guess-limit.ts'
import { untoldOf } from './limit/rate.ts'
import type { Sharing } from './limit/rate.ts'
import { checkAllowedHosts } from './limit/hosts.ts'
import { createOriginCheck, createTrustCheck } from './limit/origin.ts'
import { MemoryGuard } from './process/memory-guard.ts'
import { statusPart } from './status.ts'
import type { ServerStatus } from './status.ts'
import { createContractCheck } from './session/contract-check.ts'
import { Doorkeeper } from './session/doorkeeper.ts'
import { refreshMethod } from './session/refresh-method.ts'
import { SessionTable } from './session/session-table.ts'
import type { SessionHooks } from './session/session-table.ts'
import { StateMakers } from './state/state-makers.ts'
import { createClientAddress } from './transport/client-address.ts'
import { MemoryTransport } from './transport/memory/transport.ts'
import { UwsTransport } from './transport/uws/transport.ts'
import { PlainDoor } from './transport/plain/door.ts'
import { withPlainDoor } from './transport/plain/with-plain-door.ts'
import { withLoopback } from './transport/memory/with-loopback.ts'

/** uWebSockets.js and the in-process sockets take frames of a payload and its 4-byte id. */
const FRAME_BYTES = 4
/** Wrong keys and tokens of one address that are looked at in a second. */
const GUESSES_PER_SECOND = 10
/** The same in all processes on one log. */
const GUESSES_OF_ALL = { points: 300, windowMs: 60_000 }
/** The list of rooms stands still once the oldest event that is not durable is older, in ms (FE32). */
const LIST_LAG_MS = 1_000
/** WHATWG HTML, section 9.2.7, advises a comment every 15 s or so. */
const LONGEST_QUIET_MS = 15_000

/**
 * Makes a server for a game's contract. Nothing runs before `listen`.
 *
 * It wires the subsystems and does nothing else; read it from top to bottom to see how they hang together.
 * @throws RingsideError option_invalid when an option is outside its range.
 */
export function createServer<G extends GameContract, Data = Record<string, unknown>>(
  game: G,
  options: ServerOptions = {},
): Server<G, Data> {
  checkContract(game)
  checkSettings(options)
  const limits = withRateLimit(checkLimits(pickLimits(options)), options.rateLimit)
  const clock = options.clock ?? new SystemClock()
  const logger = traceLogger(options.logger ?? silentLogger)
  const newId = options.newId ?? randomId
  const nodeName = checkNodeName(options.nodeName ?? 'node-1')
  const apiKey = options.apiKey ?? null
  const isOriginAllowed = createOriginCheck(options)
  const isTrusted = createTrustCheck(options)
  const isDevelopment = options.isDevelopment ?? false
  const hosts = { allowedHosts: checkAllowedHosts(options.allowedHosts), isDevelopment }
  const { trustedProxies = [] } = options
  const metrics = new PrometheusMetrics()
  const status: ServerStatus = { phase: 'new' }
  const watch = new LoopWatch({ clock, logger, activity: metrics.activity })
  const memory = new MemoryGuard({
    maxRssBytes: limits.maxRssBytes,
    clock,
    readRss: options.readRss ?? (() => process.memoryUsage.rss()),
  })
  const isFull = (): boolean => memory.isOver

  // Step 1: sockets and HTTP.
  const sockets = {
    maxMessageBytes: limits.maxPayloadBytes + FRAME_BYTES,
    maxBufferedBytes: limits.maxQueuedBytes,
    idleTimeoutMs: limits.idleTimeoutMs,
    maxBehindMs: limits.maxBehindMs,
    minBytesPerSecond: limits.minBytesPerSecond,
    maxHeaderBytes: limits.maxHeaderBytes,
    // Without a proxy nobody looks for the header.
    ...(trustedProxies.length > 0 ? { clientAddress: createClientAddress(trustedProxies) } : {}),
  }
  const network = options.transport ?? new UwsTransport(sockets)
  const isInProcess = network instanceof MemoryTransport
  const loopback = isInProcess ? network : new MemoryTransport(sockets)
  const door = new PlainDoor(sockets)
  const transport = isInProcess ? network : withLoopback(withPlainDoor(network, door), loopback)

  // Step 7: the log.
  const store: LogStore = options.store ?? new MemoryStore({ clock })
  const types = new Map<string, RoomType>()
  const outbox: Outbox = createOutbox(store, limits, {
    clock,
    logger,
    randomId: newId,
    onGivenUp: (cause) => options.onDead?.(cause),
    maxDelayMs: () => Math.max(0, ...[...types.values()].map(({ delayMs }) => delayMs)),
    ...(options.archive
      ? { holdCut: async (parts, floor) => archive?.archivist.holdCut(parts, floor) ?? floor }
      : {}),
  })

  // What has left the log, and is kept.
  const archive: Archive | null = options.archive
    ? createArchive({
        store: options.archive,
        outbox,
        clock,
        logger,
        newId,
        keepMsOf: (type) => types.get(type)?.archiveMs ?? null,
        holdMs: limits.archiveHoldMs,
      })
    : null

  // What all processes on one log count together.
  const isLogAway = (): boolean => outbox.stats.isReadAway || outbox.stats.isWriteAway
  const sharing = (name: string, untold: number): Sharing | null =>
    store.rates ? { name, counts: store.rates, isAway: isLogAway, untold } : null
  const guesses = sharing('guesses', 0)

  // Tickets and reconnect tokens.
  const secret = new ServerSecret(checkTicketSecret(options.ticketSecret), () => store.records)
  const keyFor = (purpose: string): Buffer => secret.keyFor(purpose)

  // Who asks.
  const auth = createAuth({
    apiKey,
    jwt: options.jwt,
    cookie: options.cookie,
    allowQueryToken: options.allowQueryToken ?? false,
    publicTopics: options.publicTopics ?? ['public'],
    isTrusted,
    guesses: new GuessLimit(
      [
        { points: GUESSES_PER_SECOND },
        ...(guesses ? [{ ...GUESSES_OF_ALL, shared: guesses }] : []),
      ].map((rule) => new AddressRate(rule, clock)),
    ),
    records: store.records,
    clock,
    logger,
    newId,
    now: () => store.clock.now(),
    isAway: () => outbox.stats.isReadAway,
  })

  // Bans and mutes, which every door asks for.
  const sanctions = new Sanctions({
    records: store.records,
    clock,
    logger,
    now: () => store.clock.now(),
    userIdOf: checkUserIdOf(options.userIdOf, logger),
    maxSanctions: limits.maxSanctions,
    isAway: () => outbox.stats.isReadAway,
  })

  // Steps 5 and 6: rooms and their state.
  const seedOf = createSeeds(checkSeed(options.seed))
  const states = new StateMakers()
  // No room has this id.
  const spread = createRandom(seedOf('/feed'))
  const { host, part: roomsAndLog } = createHost(types, {
    outbox,
    maxRooms: limits.maxRooms,
    settleMs: limits.settleMs,
    onLogStarted: () => secret.load(),
    onEnded: (record) => archive?.archivist.ended(record),
    lastReads: async () => archive?.archivist.drain(),
    isLogAway,
    seedOf,
    statesOf: (type) => states.of(type.definition.state),
    context: {
      clock,
      logger,
      newId,
      hookTimeoutMs: limits.hookTimeoutMs,
      tokens: new SealedTokens({ keyFor, now: () => outbox.now() }),
      // More at once could be too much for a socket.
      replay: {
        maxEvents: limits.replayEvents,
        maxBytes: Math.min(limits.replayBytes, limits.maxQueuedBytes / 2),
      },
      publish: (topic, frame) => transport.publish(topic, frame),
      isMuted: (person) => sanctions.isMuted(person),
      overBudget: () => void metrics.counters.messagesOverBudget++,
      onPresence: options.presence === true ? (note) => publishing.presence?.note(note) : null,
      observeTickLag: (ms) => metrics.observeTickLag(ms),
      enter: (roomId, where) => watch.enter(roomId, where),
      ran: (roomId, where, beganAt) => watch.ran(roomId, where, beganAt),
    },
  })
  const { matchmaker, part: matchmaking } = createMatchmaking({
    host,
    limits,
    clock,
    nodeName,
    ticketKey: () => keyFor('ticket'),
    sharing: sharing('joins', untoldOf(limits.joinsPerSecondPerIp)),
    standing: sanctions,
    newId,
    isFull,
  })

  // Steps 2 to 4: sessions.
  const registry = new CommandRegistry(game.commands)
  const dispatcher = new Dispatcher({ limits, clock, logger, metrics })
  const rpc = createRpc({ registry, dispatcher, metrics, clock, limits, standing: sanctions })
  const hooks: { -readonly [K in keyof SessionHooks]: SessionHooks[K] } = {
    onConnect: null,
    onDisconnect: null,
  }
  const doorkeeper = new Doorkeeper({
    authenticator: auth.authenticator,
    authorize: options.authorizeConnection ?? null,
    clock,
    logger,
    limits,
  })
  const sessions = new SessionTable({
    limits,
    clock,
    logger,
    metrics,
    registry,
    dispatcher,
    rpc: rpc.socketEntry,
    hooks,
    isOriginAllowed,
    doorkeeper,
    desk: matchmaker,
    standing: sanctions,
    contracts: createContractCheck(game, { logger, maxPayloadBytes: limits.maxPayloadBytes }),
    random: () => spread.next(),
    isFull,
    sharing: sharing('connections', untoldOf(limits.connectionsPerSecondPerIp)),
    publish: (topic, frame) => transport.publish(topic, frame),
  })

  if (options.jwt !== undefined) registry.addMethod(refreshMethod(sessions))

  // HTTP.
  const bodies = new BodyGate(limits)
  const tracing = new Tracing(options.tracer ?? null)
  const router = new Router({
    logger,
    metrics,
    isOriginAllowed,
    isTrusted,
    authenticator: auth.authenticator,
    bodies,
    tracing,
    hasAliases: options.aliasRoutes ?? false,
  })

  const { operator, audit, onStream, ...admin } = createAdmin({
    host,
    sessions,
    sanctions,
    now: () => store.clock.now(),
    clock,
    logger,
    audit: (entry) => {
      publishing.audit(entry)
      return options.audit?.(entry)
    },
    keys: auth.keys,
    isOwnKey: (principal) => auth.keyCheck.isOwn(principal),
    maxBodyBytes: limits.maxBodyBytes,
  })

  // Events without a room, and the record of who did what.
  const publishing = createPublish({
    log: outbox,
    logger,
    newId,
    maxBodyBytes: limits.maxBodyBytes,
    identify: (request) => auth.authenticator.authenticate(request),
    clock,
    presence:
      options.presence === true
        ? {
            onSealed: (listener) => outbox.onSealed(listener),
            find: (id) => {
              const room = host.rooms.get(id)
              const facts = room ? room.profile : host.find(id)
              return facts && { isPrivate: facts.isPrivate, isPaused: room?.isPaused ?? false }
            },
            lagMs: () => outbox.stats.lagMs,
            onReleased: (listener) =>
              host.onChange((id) => {
                if (host.isElsewhere(id)) listener(id)
              }),
            perSecond: limits.presencePerSecond,
          }
        : null,
    rate: {
      points: limits.publishPerSecond,
      shared: sharing('publish', untoldOf(limits.publishPerSecond)),
    },
    shownClient: (clientId) => feed.shownClient(clientId),
  })

  // Steps 8 and 9: the feed.
  const { authorizeSpectator: authorize } = options
  const feed: FeedPart = new FeedPart({
    outbox,
    directory: host,
    archive: archive?.reader ?? null,
    clock,
    limits,
    logger,
    keyFor,
    now: () => store.clock.now(),
    isBehind: () => outbox.stats.lagMs > LIST_LAG_MS,
    isAway: () => outbox.stats.isReadAway,
    onStream,
    drainMs: limits.drainMs,
    random: () => spread.next(),
    newId,
    isFull,
    records: store.records,
    publicTopics: options.publicTopics ?? ['public'],
    authenticator: auth.authenticator,
    observeLatency: (ms) => metrics.observeFeedLatency(ms),
    ...(authorize ? { authorize } : {}),
  })

  // Everything starts and drains in this order, and stops in reverse.
  const partsWith = (listening: Part<Route>): Part<Route>[] => [
    watch,
    uncaughtPart(new FailureLog(logger, clock), checkUncaught(options.whenUncaught)),
    statusPart({
      status,
      outbox,
      metrics,
      memory,
      archive: archive?.archivist ?? null,
      maxLagMs: limits.maxOutboxLagMs,
      isDevelopment,
    }),
    tracingPart(tracing, logger),
    listening,
    sessions,
    { name: 'calls', stop: () => dispatcher.stop() },
    rpc.part,
    matchmaking,
    logReadings(outbox),
    auth.part,
    admin.part,
    publishing.part,
    roomsAndLog,
    ...(archive ? [archive.part] : []),
    admin.records,
    auth.records,
    feed,
  ]

  const server = new GameServer({
    game,
    limits,
    logger,
    apiKey,
    operator,
    audit,
    publish: publishing.publish,
    transport,
    loopback,
    types,
    host,
    archive,
    matchmaker,
    registry,
    sessions,
    hooks,
    router,
    metrics,
    status,
    hosts,
    random: () => spread.next(),
    partsWith,
    warnings: isDevelopment
      ? []
      : [
          ...auth.warnings,
          ...(limits.heartbeatMs > LONGEST_QUIET_MS
            ? ['heartbeatMs is over 15,000: proxies and readers take a quiet stream for dead']
            : []),
          ...(options.rateLimit === false
            ? ['rateLimit is off: one client may take all of the server']
            : []),
          ...(options.allowedOrigins?.includes('*')
            ? ["allowedOrigins has '*': pages of every site may connect, as whoever looks at them"]
            : []),
        ],
    whenLogIsFull: checkFullLogPolicy(options.whenLogIsFull),
  })
  // The class serves any contract; the types of this one are checked at the calls.
  return server as unknown as Server<G, Data>
}
