import type { GameContract, Schema } from '@ringside/protocol'
import { Dispatcher } from './call/dispatcher.ts'
import { rpcRoute } from './call/json-rpc/http-route.ts'
import { RpcOverSocket } from './call/json-rpc/over-socket.ts'
import { RpcCalls } from './call/json-rpc/rpc-calls.ts'
import { SystemClock } from './process/clock.ts'
import { FeedPart } from './feed/part.ts'
import type { RoomDirectory } from './feed/audience/directory.ts'
import { GameServer } from './game-server.ts'
import { createKeyCheck } from './auth/api-key.ts'
import { readJsonObject } from './http/json-body.ts'
import { AddressCount } from './limit/address-count.ts'
import { AddressRate } from './limit/address-rate.ts'
import type { Route } from './http/contract.ts'
import { Router } from './http/router.ts'
import { randomId } from './process/ids.ts'
import { checkLimits, withRateLimit } from './process/limits.ts'
import { silentLogger } from './process/logger.ts'
import { matchmakeRoutes } from './matchmake/routes.ts'
import { MadeRooms } from './matchmake/made-rooms.ts'
import { Matchmaker } from './matchmake/matchmaker.ts'
import { TicketOffice } from './matchmake/ticket.ts'
import { PrometheusMetrics } from './process/metrics.ts'
import type { Part } from './process/part.ts'
import { checkNodeName, checkSeed, checkTicketSecret, pickLimits } from './options.ts'
import { createOutbox } from './outbox/create-outbox.ts'
import { logPart } from './outbox/part.ts'
import { MemoryStore } from './outbox/stores/memory/store.ts'
import { createRandom, createSeeds } from './process/random.ts'
import type { RoomType } from './room/type.ts'
import { createHost } from './host/create-host.ts'
import { roomsPart } from './host/part.ts'
import type { StateMaker } from './host/tenancy.ts'
import { checkFullLogPolicy } from './room/type.ts'
import type { Server } from './server-types.ts'
import type { ServerOptions } from './options.ts'
import { CommandRegistry } from './call/command-table.ts'
import { createOriginCheck } from './limit/origin.ts'
import { statusPart } from './status.ts'
import type { ServerStatus } from './status.ts'
import { SessionTable } from './session/session-table.ts'
import type { SessionHooks } from './session/session-table.ts'
import { compileState } from './state/codegen/compile.ts'
import { createStateTracker, restoreStateTracker } from './state/tracker.ts'
import { createClientAddress } from './transport/client-address.ts'
import { MemoryTransport } from './transport/memory/transport.ts'
import { UwsTransport } from './transport/uws/transport.ts'
import { withLoopback } from './transport/memory/with-loopback.ts'

/** uWebSockets.js and the in-process sockets take frames of a payload and its 4-byte id. */
const FRAME_BYTES = 4
/** The list of rooms stands still once the oldest event that is not durable is older, in ms (FE32). */
const LIST_LAG_MS = 1_000

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
  const limits = withRateLimit(checkLimits(pickLimits(options)), options.rateLimit)
  const clock = options.clock ?? new SystemClock()
  const logger = options.logger ?? silentLogger
  const newId = options.newId ?? randomId
  const nodeName = checkNodeName(options.nodeName ?? 'node-1')
  const apiKey = options.apiKey ?? null
  const isOriginAllowed = createOriginCheck(options)
  const metrics = new PrometheusMetrics()
  const status: ServerStatus = { phase: 'new' }

  // Step 1: sockets and HTTP.
  const sockets = {
    maxMessageBytes: limits.maxPayloadBytes + FRAME_BYTES,
    maxBufferedBytes: limits.maxQueuedBytes,
    idleTimeoutMs: limits.idleTimeoutMs,
    clientAddress: createClientAddress(options.trustedProxies),
  }
  const network = options.transport ?? new UwsTransport(sockets)
  const isInProcess = network instanceof MemoryTransport
  const loopback = isInProcess ? network : new MemoryTransport(sockets)
  const transport = isInProcess ? network : withLoopback(network, loopback)

  // Step 7: the log.
  const store = options.store ?? new MemoryStore({ clock })
  const types = new Map<string, RoomType>()
  const outbox = createOutbox(store, limits, {
    clock,
    logger,
    randomId: newId,
    onGivenUp: (cause) => options.onDead?.(cause),
    maxDelayMs: () => Math.max(0, ...[...types.values()].map(({ delayMs }) => delayMs)),
  })

  // Steps 5 and 6: rooms and their state.
  const seedOf = createSeeds(checkSeed(options.seed))
  const host = createHost(types, {
    outbox,
    maxRooms: limits.maxRooms,
    settleMs: limits.settleMs,
    isLogAway: () => outbox.stats.isReadAway || outbox.stats.isWriteAway,
    seedOf,
    trackerOf: (type) => statesOf(type.definition.state),
    context: {
      clock,
      logger,
      newId,
      hookTimeoutMs: limits.hookTimeoutMs,
      publish: (topic, frame) => transport.publish(topic, frame),
      observeTickLag: (ms) => metrics.observeTickLag(ms),
    },
  })
  const office = new TicketOffice(checkTicketSecret(options.ticketSecret))
  const { ticketTtlMs } = limits
  const unclaimed = new AddressCount(limits.maxUnclaimedPerIp)
  const made = new MadeRooms(limits.maxRoomsPerIp)
  host.onChange((roomId) => {
    if (!host.rooms.has(roomId)) made.forget(roomId)
  })
  const matchmaker = new Matchmaker({
    host,
    office,
    clock,
    nodeName,
    ticketTtlMs,
    newId,
    unclaimed,
    made,
  })

  // Steps 2 to 4: sessions.
  const registry = new CommandRegistry(game.commands)
  const dispatcher = new Dispatcher({ limits, clock, logger, metrics })
  const calls = new RpcCalls({ registry, dispatcher, metrics })
  const hooks: { -readonly [K in keyof SessionHooks]: SessionHooks[K] } = {
    onConnect: null,
    onDisconnect: null,
  }
  const sessions = new SessionTable({
    limits,
    clock,
    logger,
    metrics,
    registry,
    dispatcher,
    rpc: new RpcOverSocket(calls),
    hooks,
    isOriginAllowed,
    desk: matchmaker,
    publish: (topic, frame) => transport.publish(topic, frame),
  })

  // HTTP.
  const checkKey = createKeyCheck(apiKey)
  const router = new Router({ logger, metrics, isOriginAllowed, checkKey })
  const isDevelopment = options.isDevelopment ?? false

  // Steps 8 and 9: the feed.
  const directory: RoomDirectory = {
    list: (spectatorsOf) => host.list(spectatorsOf),
    find: (roomId) => host.find(roomId),
    ids: () => host.ids(),
    onChange: (listener) => host.onChange(listener),
  }
  const { authorizeSpectator: authorize } = options
  // No room has this id.
  const spread = createRandom(seedOf('/feed'))
  const feed = new FeedPart({
    outbox,
    directory,
    clock,
    limits,
    logger,
    now: () => store.clock.now(),
    isBehind: () => outbox.stats.lagMs > LIST_LAG_MS,
    isAway: () => outbox.stats.isReadAway,
    drainMs: limits.drainMs,
    random: () => spread.next(),
    newId,
    ...(authorize ? { authorize } : {}),
  })

  // Everything starts and drains in this order, and stops in reverse.
  const partsWith = (listening: Part<Route>): Part<Route>[] => [
    statusPart({ status, outbox, metrics, maxLagMs: limits.maxOutboxLagMs, isDevelopment }),
    listening,
    sessions,
    {
      name: 'json-rpc',
      routes: [
        rpcRoute({
          calls,
          maxBodyBytes: limits.maxBodyBytes,
          rate: new AddressRate(limits.rpcPerSecondPerIp, clock),
        }),
      ],
    },
    {
      name: 'matchmaking',
      routes: matchmakeRoutes({
        matchmaker,
        readJson: (request) => readJsonObject(request, limits.maxBodyBytes),
        joins: new AddressRate(limits.joinsPerSecondPerIp, clock),
      }),
    },
    logPart(outbox),
    roomsPart(host, outbox),
    feed,
  ]

  const server = new GameServer({
    game,
    limits,
    logger,
    apiKey,
    transport,
    loopback,
    types,
    host,
    matchmaker,
    registry,
    sessions,
    hooks,
    router,
    metrics,
    status,
    partsWith,
    isOpenToFloods: options.rateLimit === false && !isDevelopment,
    whenLogIsFull: checkFullLogPolicy(options.whenLogIsFull),
  })
  // The class serves any contract; the types of this one are checked at the calls.
  return server as unknown as Server<G, Data>
}

/** Compiles a state's classes once per schema, however many rooms use it. */
const compiledStates = new WeakMap<Schema, ReturnType<typeof compileState>>()

function statesOf(schema: Schema): StateMaker {
  const compiled = compiledStates.get(schema) ?? compileState(schema)
  compiledStates.set(schema, compiled)
  return {
    track: (initial) => createStateTracker(compiled, initial as never),
    restore: (publicState, hiddenState) => restoreStateTracker(compiled, publicState, hiddenState),
  }
}
