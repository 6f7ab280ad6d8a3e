import { isIP } from 'node:net'
import { errorCodes, gotName } from '@ringside/protocol'
import type { Archive } from './archive/create-archive.ts'
import type { Audit, AdminAction } from './admin/audit.ts'
import { serverItself } from './admin/audit.ts'
import type { Fields, Operator } from './admin/operator.ts'
import type { Sanction, SanctionKind, SanctionOrder, SanctionTarget } from './admin/sanction.ts'
import type { CommandDefinition, GameContract, Schema } from '@ringside/protocol'
import { methodOf } from './call/json-rpc/method.ts'
import type { LooseRpcHandler } from './call/json-rpc/method.ts'
import { validateBy, withoutPrototype } from './call/json-rpc/params.ts'
import type { StandardSchema } from './call/json-rpc/params.ts'
import {
  checkBoolean,
  checkFunction,
  checkMembers,
  checkText,
  invalid,
  shownNumber,
  shownText,
} from './process/argument.ts'
import { checkFrame, checkReason } from './call/frame-check.ts'
import { startParts, takeDownParts } from './process/part.ts'
import type { Part } from './process/part.ts'
import type { Published } from './outbox/contract/messages.ts'
import type { PublishOrder } from './publish/publisher.ts'
import { spreadRetryMs } from './process/spread.ts'
import { RingsideError } from './process/errors.ts'
import type { Router } from './http/router.ts'
import type { Logger } from './process/logger.ts'
import type { PrometheusMetrics } from './process/metrics.ts'
import { checkOptions } from './matchmake/join-request.ts'
import type { Matchmaker } from './matchmake/matchmaker.ts'
import type { ServerLimits } from './process/limits.ts'
import { resolveCommands } from './room/turn/commands.ts'
import { checkHandlers } from './room/handler-names.ts'
import type { RoomType } from './room/type.ts'
import type { FullLogPolicy } from './room/definition.ts'
import type { Host } from './host/host.ts'
import { checkDelay, checkRoomType } from './room/type.ts'
import type { DisconnectReason, Session } from './call/public-contract.ts'
import type { Route, RouteHandler } from './http/contract.ts'
import type {
  MatchArchive,
  NoticeLevel,
  RoomSummary,
  RpcOptions,
  SeatRequest,
  Server,
} from './server-types.ts'
import type { ServerStatus } from './status.ts'
import type {
  ListenAddress,
  LoopbackSocket,
  Transport,
  TransportHandlers,
} from './transport/contract.ts'
import { unlessMuted } from './call/command-table.ts'
import type { CommandHandler, CommandRegistry, RawOptions } from './call/command-table.ts'
import type { SessionHooks, SessionTable } from './session/session-table.ts'
import { LOOPBACK_ADDRESS } from './transport/contract.ts'
import type { MemoryTransport } from './transport/memory/transport.ts'
import { fromCode, sendError } from './http/http-error.ts'
import { checkRoute } from './http/route-table.ts'
import { answerStarting } from './http/starting.ts'
import { handshakeWanted } from './http/handshake-wanted.ts'
import { createHostCheck } from './limit/hosts.ts'
import type { HostOptions } from './limit/hosts.ts'

/** The parts of a server, made in server.ts. */
export interface ServerParts {
  readonly game: GameContract
  readonly limits: ServerLimits
  readonly logger: Logger
  readonly apiKey: string | null
  readonly operator: Operator
  readonly audit: Audit
  readonly publish: (event: PublishOrder) => Promise<Published>
  readonly transport: Transport
  readonly loopback: MemoryTransport
  readonly types: Map<string, RoomType>
  readonly host: Host
  /** null: there is none. */
  readonly archive: Archive | null
  readonly matchmaker: Matchmaker
  readonly registry: CommandRegistry
  readonly sessions: SessionTable
  readonly hooks: { -readonly [K in keyof SessionHooks]: SessionHooks[K] }
  readonly router: Router
  readonly metrics: PrometheusMetrics
  readonly status: ServerStatus
  /** They decide which Host headers are answered. */
  readonly hosts: HostOptions
  /** 0 (inclusive) to 1. */
  readonly random: () => number
  /** All parts in the order in which they start and drain, that of the sockets among them. */
  readonly partsWith: (sockets: Part<Route>) => readonly Part<Route>[]
  /** What is unsafe outside development, in sentences that are constant: said at `listen`. */
  readonly warnings: readonly string[]
  /** Rooms that do not say otherwise get this. */
  readonly whenLogIsFull: FullLogPolicy
}

const hostRefusals = { ours: null, foreign: 'misdirected', malformed: 'bad_request' } as const

/** The public face of the parts: registration before `listen`, sessions and rooms after it. */
export class GameServer implements Server {
  readonly #parts: ServerParts
  readonly #routes: (readonly [method: string, path: string, handler: RouteHandler])[] = []
  #all: readonly Part<Route>[] = []
  #port = 0
  #listening: Promise<number> | null = null
  #takingDown: Promise<void> | null = null
  #closing: Promise<void> | null = null

  constructor(parts: ServerParts) {
    this.#parts = parts
  }

  command(target: number | CommandDefinition, handler: CommandHandler, options?: RawOptions): void {
    const { registry } = this.#parts
    // The contract says what its commands cost, and which of them are chat.
    const known = typeof target === 'number' ? ['cost', 'chat'] : []
    if (options !== undefined) checkMembers('an option of a command', options, known)
    const given = typeof target === 'number' ? options : (target as RawOptions | null)
    const { cost, chat = false } = given ?? {}
    checkBoolean('chat', chat)
    const guarded = chat ? unlessMuted(handler) : handler
    if (typeof target === 'number') registry.addRaw(target, guarded, cost)
    else registry.addTyped(target, guarded)
  }

  rpc(
    name: string,
    ...[first, second, third]:
      | [handler: LooseRpcHandler, options?: RpcOptions | undefined]
      | [
          validator: Schema | StandardSchema,
          handler: LooseRpcHandler,
          options?: RpcOptions | undefined,
        ]
  ): void {
    // A validator may be a function too, so only what follows tells the two apart.
    const [method, options] =
      typeof second === 'function'
        ? [methodOf(name, validateBy(first as Schema | StandardSchema), second), third]
        : [methodOf(name, withoutPrototype, first as LooseRpcHandler), second]
    if (options !== undefined) checkMembers('an option of a method', options, ['cost'])
    this.#parts.registry.addMethod({ ...method, ...options })
  }

  room(name: string, handlers: unknown): void {
    const { types, game, limits, archive } = this.#parts
    this.#assertNew()
    const definition = Object.hasOwn(game.rooms, name) ? game.rooms[name] : undefined
    if (!definition)
      throw new RingsideError(
        'not_in_contract',
        `Expected a room of the contract, ${gotName(name, Object.keys(game.rooms))}`,
      )
    if (types.has(name))
      throw new RingsideError('registered_twice', `Expected room type '${name}' once`)
    checkHandlers(name, handlers)
    const commands = resolveCommands(game.commands, handlers.commands)
    const { whenLogIsFull = this.#parts.whenLogIsFull } = handlers
    const type = { ...checkRoomType(name, definition, { ...handlers, whenLogIsFull }), commands }
    checkDelay(type, limits.retentionMs)
    if (type.archiveMs !== null && !archive)
      throw invalid(`Expected the option archive of the server for room '${name}', got none`)
    types.set(name, type)
  }

  onConnect(handler: (session: Session) => void): void {
    this.#assertNew()
    checkFunction('the handler of onConnect', handler)
    this.#parts.hooks.onConnect = handler
  }

  onDisconnect(handler: (session: Session, reason: DisconnectReason) => void): void {
    this.#assertNew()
    checkFunction('the handler of onDisconnect', handler)
    this.#parts.hooks.onDisconnect = handler
  }

  route(method: string, path: string, handler: RouteHandler): void {
    this.#assertNew()
    checkRoute(method, path, handler)
    this.#routes.push([method, path, handler])
  }

  broadcast(commandId: number, payload?: Uint8Array): void {
    checkFrame(commandId, payload)
    this.#parts.sessions.broadcast(commandId, payload)
  }

  kick(sessionId: string, reason?: string): boolean {
    checkText('the id of a session', sessionId)
    checkReason(reason)
    try {
      this.#parts.operator.kick({ sessionId, reason })
    } catch (error) {
      this.#audit('kick', { sessionId, reason }, error)
      if (error instanceof RingsideError && error.code === 'not_found') return false
      throw error
    }
    this.#audit('kick', { sessionId, reason })
    return true
  }

  ban(order: SanctionOrder): Promise<Sanction> {
    return this.#impose('ban', order)
  }

  mute(order: SanctionOrder): Promise<Sanction> {
    return this.#impose('mute', order)
  }

  unban(target: SanctionTarget | { readonly id: string }): Promise<boolean> {
    return this.#lift('ban', target)
  }

  unmute(target: SanctionTarget | { readonly id: string }): Promise<boolean> {
    return this.#lift('mute', target)
  }

  bans(): Sanction[] {
    return this.#parts.operator.all('ban')
  }

  mutes(): Sanction[] {
    return this.#parts.operator.all('mute')
  }

  closeRoom(roomId: string, reason?: string): void {
    this.#act('close', { roomId, reason }, (fields) => this.#parts.operator.closeRoom(fields))
  }

  message(roomId: string, text: string, options: { readonly level?: NoticeLevel } = {}): void {
    const { level } = options
    const fields = { roomId, text, ...(level === undefined ? {} : { level }) }
    this.#act('message', fields, (given) => this.#parts.operator.message(given))
  }

  async #impose(kind: SanctionKind, order: SanctionOrder): Promise<Sanction> {
    const { operator, audit } = this.#parts
    const fields = fieldsOf(order)
    return audit.run(kind, fields, [serverItself, () => operator.impose(kind, fields)])
  }

  async #lift(kind: SanctionKind, target: object): Promise<boolean> {
    const { operator, audit } = this.#parts
    const fields = fieldsOf(target)
    const act = (): Promise<void> => operator.lift(kind, fields)
    try {
      await audit.run(kind === 'ban' ? 'unban' : 'unmute', fields, [serverItself, act])
      return true
    } catch (error) {
      if (error instanceof RingsideError && error.code === 'not_found') return false
      throw error
    }
  }

  #act(action: AdminAction, fields: Fields, act: (fields: Fields) => void): void {
    try {
      act(fields)
    } catch (error) {
      this.#audit(action, fields, error)
      throw error
    }
    this.#audit(action, fields)
  }

  #audit(action: AdminAction, fields: Fields, error?: unknown): void {
    const code = error instanceof RingsideError ? error.code : 'internal'
    const result = error === undefined ? 'done' : code
    this.#parts.audit.tell(action, fields, [serverItself, result])
  }

  async publish(event: PublishOrder): Promise<Published> {
    if (this.#parts.status.phase === 'new' || this.#parts.status.phase === 'starting')
      throw new RingsideError('unavailable', 'Expected a server that listens')
    return this.#parts.publish(event)
  }

  sessions(): Session[] {
    return this.#parts.sessions.list()
  }

  get sessionCount(): number {
    return this.#parts.sessions.count
  }

  async createRoom(type: string, options?: unknown): Promise<string> {
    checkText('the type of a room', type)
    try {
      const room = await this.#parts.host.create(type, checkOptions(options))
      return room.id
    } catch (error) {
      // The server's own code may know what was wrong.
      throw error instanceof RingsideError ? (error.cause ?? error) : error
    }
  }

  async reserveSeat(
    roomId: string,
    request: SeatRequest,
  ): Promise<{ sessionId: string; ticket: string }> {
    checkText('the id of a room', roomId)
    checkMembers('a member of a seat request', request, ['name', 'options'])
    const { name, options } = request
    const wish = { name, options, remoteAddress: LOOPBACK_ADDRESS, request: null, gone: null }
    return this.#parts.matchmaker.joinById(roomId, wish)
  }

  retakeSeat(roomId: string, sessionId: string): { sessionId: string; ticket: string } {
    return this.#parts.matchmaker.retake(roomId, sessionId)
  }

  get archive(): MatchArchive | null {
    return this.#parts.archive?.pins ?? null
  }

  get rooms(): readonly RoomSummary[] {
    return Array.from(this.#parts.host.rooms.values(), (room) => ({
      id: room.id,
      type: room.type.name,
      clients: room.clientCount,
      maxClients: room.maxClients,
      isLocked: room.profile.isLocked,
      tickLagP99Ms: room.tickLagP99Ms,
    }))
  }

  get apiKey(): string | null {
    return this.#parts.apiKey
  }

  loopback(): LoopbackSocket {
    return this.#parts.loopback.loopback()
  }

  listen(address: { port?: number; host?: string; plainPort?: number } = {}): Promise<number> {
    this.#assertNew()
    checkListenAddress(address)
    this.#parts.status.phase = 'starting'
    this.#parts.registry.seal()
    this.#listening = this.#listen(address)
    return this.#listening
  }

  /**
   * The part of the sockets comes before the log's: a second server on the port must fail before it takes the rooms
   * of the first. Until all parts have started, requests are answered 503.
   */
  async #listen({
    host = '127.0.0.1',
    port = 8080,
    plainPort,
  }: {
    port?: number
    host?: string
    plainPort?: number
  }): Promise<number> {
    const { partsWith, status, router, metrics, logger } = this.#parts
    this.#all = partsWith(
      this.#sockets({ host, port, ...(plainPort === undefined ? {} : { plainPort }) }),
    )
    try {
      await startParts(this.#all, (part) => {
        if (this.#closing) throw new RingsideError('draining', 'The server was closed meanwhile')
        router.addAll(part.routes ?? [])
        metrics.show(part)
      })
      router.addAll(handshakeWanted)
      // The game's routes come after the built-in ones, which win.
      for (const [method, path, handler] of this.#routes) router.add(method, path, handler)
      status.phase = 'listening'
      logger.info(
        { host, port: this.#port, ...(plainPort === undefined ? {} : { plainPort }) },
        'server listens',
      )
      for (const warning of this.#parts.warnings) logger.warn({}, warning)
      return this.#port
    } catch (error) {
      status.phase = 'failed'
      // Failures of the close are logged, for the caller wants to know why nothing was begun.
      await this.#takeDown().catch(() => {})
      status.phase = 'closed'
      throw error
    }
  }

  /** The transport as a part. It is told where to listen only now. */
  #sockets(address: ListenAddress): Part<Route> {
    const { transport } = this.#parts
    let binding: Promise<number> | null = null
    return {
      name: 'sockets',
      start: async () => {
        binding = transport.listen(address, this.#handlers(address.host))
        this.#port = await binding
      },
      stop: async () => {
        await binding?.catch(() => {})
        await transport.close()
      },
    }
  }

  /**
   * The transport calls these; players and requests wait outside unless everything is there. Whoever asks for another
   * host gets no further (HT14).
   */
  #handlers(listenHost: string): TransportHandlers {
    const { sessions, router, status, hosts, metrics } = this.#parts
    const checkHost = createHostCheck(hosts, listenHost)
    const { retryMs } = this.#parts.limits
    const awayMs = (): number => spreadRetryMs(retryMs, retryMs, this.#parts.random)
    const isOpen = (): boolean => status.phase === 'listening' || status.phase === 'draining'
    return {
      ...sessions.handlers,
      upgrade: (request) => {
        const isOwn = request.remoteAddress === LOOPBACK_ADDRESS
        const refused = isOwn ? null : hostRefusals[checkHost(request.header('host'))]
        if (refused === null && isOpen()) return sessions.handlers.upgrade(request)
        metrics.counters.connectionsRefused++
        const code = refused ?? 'unavailable'
        return { accept: false, status: errorCodes[code].status, code }
      },
      malformed: (what) => {
        if (what === 'request') metrics.counters.httpRequests++
        else metrics.counters.connectionsRefused++
      },
      http: (request, response) => {
        const isFreed = request.isHostless ?? false
        const refused = isFreed ? null : hostRefusals[checkHost(request.header('host'))]
        if (refused !== null) {
          metrics.counters.httpRequests++
          sendError(response, fromCode(refused))
          return
        }
        if (isOpen() || request.path.startsWith('/health/')) router.handle(request, response)
        else answerStarting(request, router.headed(request, response), awayMs())
      },
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { status, logger } = this.#parts
    try {
      if (status.phase === 'listening') {
        status.phase = 'draining'
        logger.info({}, 'server drains')
        await this.#takeDown()
      } else if (this.#listening) {
        // The start waits for the log; it hears of this and takes back what it has begun.
        const taken = this.#takeDown()
        await Promise.allSettled([taken, this.#listening])
        await taken
      }
    } finally {
      status.phase = 'closed'
      logger.info({}, 'server closed')
    }
  }

  /** Takes the parts down once, however often it is asked for. @throws RingsideError as Outbox.stop. */
  #takeDown(): Promise<void> {
    this.#takingDown ??= takeDownParts(this.#all, this.#parts.logger)
    return this.#takingDown
  }

  /**
   * The rooms of this process, one by one: for the tests of moving them. Not part of Server: where a room runs is
   * decided by the server, and a room that is released with nobody to adopt it stands still.
   */
  get host(): Host {
    return this.#parts.host
  }

  #assertNew(): void {
    const { phase } = this.#parts.status
    if (phase === 'new') return
    throw new RingsideError(
      'already_listening',
      phase === 'closed' || phase === 'failed'
        ? 'Expected registration before listen, got a server that was closed: make a new one'
        : 'Expected registration before listen, and listen once',
    )
  }
}

const MAX_PORT = 65_535

/** @throws RingsideError option_invalid for an address that no socket could have (HT20). */
function checkListenAddress(address: unknown): void {
  checkMembers('a member of the address to listen at', address, ['port', 'host', 'plainPort'])
  const { host, ...ports } = address as { readonly [key: string]: unknown }
  for (const [name, port] of Object.entries(ports))
    if (
      port !== undefined &&
      !(Number.isInteger(port) && Number(port) >= 0 && Number(port) <= MAX_PORT)
    )
      throw invalid(
        `Expected ${name} as a whole number from 0 to ${MAX_PORT}, got ${shownNumber(port)}`,
      )
  if (host !== undefined && (typeof host !== 'string' || !isHost(host)))
    throw invalid(`Expected host as a name or address like '127.0.0.1', got ${shownText(host)}`)
}

/** A name or address alone: without a scheme, a port or brackets. */
function isHost(host: string): boolean {
  return isIP(host) !== 0 || /^[^\s/[\]@?#:]{1,255}$/.test(host)
}

/** @throws RingsideError bad_request for what is no object. */
function fieldsOf(given: object): Fields {
  if (typeof given !== 'object' || given === null)
    throw new RingsideError('bad_request', 'Expected an object')
  return { ...given }
}
