import { nobodyKnown } from '../auth/principal.ts'
import type { Principal } from '../auth/principal.ts'
import { RingsideError } from '../process/errors.ts'
import { isPromise } from '../process/promise.ts'
import { runFrom } from '../process/uncaught.ts'
import { SUBPROTOCOL, clipText, encodeFrame, encodeSystem } from '@ringside/protocol'
import type { DisconnectReason, Session } from '../call/public-contract.ts'
import { LOOPBACK_ADDRESS } from '../transport/contract.ts'
import type {
  Connection,
  TransportHandlers,
  UpgradeDecision,
  UpgradeRequest,
} from '../transport/contract.ts'
import { networkOf } from '../transport/client-address.ts'
import type { Part, Reading } from '../process/part.ts'
import { AddressCount } from '../limit/address-count.ts'
import { AddressRate } from '../limit/address-rate.ts'
import type { Sharing } from '../limit/rate.ts'
import { nobodyBanned, stranger } from '../limit/standing.ts'
import type { Person, Standing } from '../limit/standing.ts'
import type { OriginCheck } from '../limit/origin.ts'
import type { ContractCheck } from './contract-check.ts'
import type { Admitted, Doorkeeper, Refused } from './doorkeeper.ts'
import { ClientSession, SWEEP_MS } from './session.ts'
import type { SessionContext } from './session.ts'
import { SessionIds } from './session-ids.ts'
import { spreadRetryMs } from '../process/spread.ts'
import { TurnClock } from '../limit/turn-clock.ts'

/** Every open session is subscribed to this topic. */
const EVERYBODY = 'everybody'
/** A close reason is at most 123 bytes (RFC 6455 section 5.5); the transport cuts those. */
const MAX_REASON_CHARACTERS = 123
/** RFC 6455 section 7.1.5: no close frame has it. */
const NO_CLOSE_FRAME = 1006
const PATH = /^\/(?:n\/[A-Za-z0-9._-]{1,64}\/)?ws$/

/** The game is told of connections by these; an error that a hook throws is logged. */
export interface SessionHooks {
  onConnect: ((session: Session) => void) | null
  onDisconnect: ((session: Session, reason: DisconnectReason) => void) | null
}

/** Everything a table is made of. */
export interface SessionTableParts extends Omit<
  SessionContext,
  'broadcast' | 'turn' | 'contracts' | 'spoke' | 'standing' | 'anonymous'
> {
  /** Default: nobody is banned or muted. */
  readonly standing?: Standing
  /** Default null: contracts are not compared. */
  readonly contracts?: ContractCheck | null
  /** They are looked up at each event, so they may be filled in until `listen`. */
  readonly hooks: SessionHooks
  readonly isOriginAllowed: OriginCheck
  /** Default: everybody may come in, and nobody is known. */
  readonly doorkeeper?: Doorkeeper
  /** 0 (inclusive) to 1. */
  readonly random: () => number
  /** True when the process takes nothing new. */
  readonly isFull: () => boolean
  /** How handshakes are counted in all processes. Default: each counts for itself. */
  readonly sharing?: Sharing | null
  /** The transport's `publish`. */
  publish(topic: string, frame: Uint8Array): void
}

/** The WebSocket half of what a transport calls. */
export type SocketHandlers = Omit<TransportHandlers, 'http'>

/** All open sessions of one server, and the handlers that a transport feeds them by. */
export class SessionTable implements Part {
  readonly name = 'sessions'
  readonly gauges: readonly Reading[] = [
    { name: 'sessions', help: 'Open WebSocket sessions', read: () => this.#sessions.size },
  ]
  readonly handlers: SocketHandlers
  readonly #parts: SessionTableParts
  readonly #context: SessionContext
  readonly #ids = new SessionIds()
  readonly #sessions = new Map<string, ClientSession>()
  readonly #handshakes: AddressRate
  readonly #perAddress: AddressCount
  /** The sessions of each address that have not sent one whole message (LI6). */
  readonly #silent: AddressCount
  readonly #standing: Standing
  /** Those that have been let in after a wait and are not open yet, with their networks. */
  readonly #arriving = new Map<unknown, string>()
  /** Of sessions whose principal may end. */
  readonly #watches = new Map<ClientSession, () => void>()
  #isAccepting = true
  #stopSweep: (() => void) | null = null

  constructor(parts: SessionTableParts) {
    this.#parts = parts
    const { limits, clock, logger, metrics, registry, dispatcher, rpc, desk, contracts } = parts
    this.#standing = parts.standing ?? nobodyBanned
    this.#handshakes = new AddressRate(
      { points: limits.connectionsPerSecondPerIp, shared: parts.sharing ?? null },
      clock,
    )
    this.#perAddress = new AddressCount(limits.maxConnectionsPerIp)
    this.#silent = new AddressCount(limits.maxSilentPerIp)
    this.#context = {
      limits,
      clock,
      turn: new TurnClock(clock),
      logger,
      metrics,
      registry,
      dispatcher,
      rpc,
      desk,
      standing: this.#standing,
      anonymous: parts.doorkeeper?.anonymous ?? nobodyKnown,
      contracts: contracts ?? null,
      broadcast: (frame) => parts.publish(EVERYBODY, frame),
      spoke: ({ remoteAddress }) => this.#silent.release(remoteAddress),
    }
    this.handlers = {
      upgrade: (request) => this.#upgrade(request),
      open: (connection) => this.#open(connection),
      message: (connection, message, isBinary) => {
        const session = connection.owner as ClientSession
        // This is the last resort: an error that escapes here would end the process, for everybody.
        try {
          session.receive(message, isBinary)
        } catch (error) {
          session.broke(error)
        }
      },
      drain: (connection) => (connection.owner as ClientSession).drained(),
      dropped: (connection) => (connection.owner as ClientSession).closeSlow(),
      control: (connection) => (connection.owner as ClientSession).control(),
      close: (connection, code, reason) => this.#close(connection, code, reason),
    }
  }

  get count(): number {
    return this.#sessions.size
  }

  /** A copy of the open sessions. */
  list(): Session[] {
    return Array.from(this.#sessions.values(), (session) => session.handle)
  }

  /** Sends to every open session; encoded once. */
  broadcast(commandId: number, payload?: Uint8Array): void {
    this.#context.broadcast(encodeFrame(commandId, payload))
  }

  /** Closes the session with `kicked`, and gives up its seat; false when there is none with this id. */
  kick(sessionId: string, reason?: string): boolean {
    const session = this.#sessions.get(sessionId)
    // Its seat would be kept, and the player be back.
    session?.seat?.kick(reason)
    session?.close('kicked', reason)
    return session !== undefined
  }

  /**
   * Takes a new token for a session, whose principal it replaces: one of the same subject, or of anybody's where nobody
   * was known (AU28).
   * @throws RingsideError unauthorized, token_expired, forbidden for somebody else's; as Doorkeeper.refresh.
   */
  async refresh(sessionId: string, token: string): Promise<Principal> {
    const session = this.#sessions.get(sessionId)
    const { doorkeeper } = this.#parts
    if (!session || !doorkeeper) throw new RingsideError('forbidden')
    const before = session.principal
    const next = await doorkeeper.refresh(before, token, session.remoteAddress)
    // Another one may have been faster, or it has ended meanwhile.
    if (!session.isOpen || session.principal !== before) throw new RingsideError('forbidden')
    this.#admit(session, { principal: next, auth: session.auth })
    return next
  }

  /** The session ends when its principal does (AU36). */
  #admit(session: ClientSession, admitted: Admitted): void {
    this.#unwatch(session)
    session.admitted = admitted
    const { principal } = admitted
    const { doorkeeper } = this.#parts
    if (principal === this.#context.anonymous || !doorkeeper) return
    const look = (): void => {
      if (!principal.isValid) session.close('unauthorized')
    }
    this.#watches.set(session, doorkeeper.watch(principal, look))
    // It may have ended while the handshake waited.
    look()
  }

  #unwatch(session: ClientSession): void {
    this.#watches.get(session)?.()
    this.#watches.delete(session)
  }

  /** Closes with `banned` each session for which there is a reason. */
  ban(reasonFor: (person: Person) => string | null): void {
    for (const session of Array.from(this.#sessions.values())) {
      const { handle, remoteAddress } = session
      const reason = reasonFor({ sessionId: handle.id, auth: undefined, address: remoteAddress })
      if (reason !== null) session.close('banned', clipText(reason, MAX_REASON_CHARACTERS))
    }
  }

  /** Refuses new connections from here on; open ones stay, and each is told when to come back (TR38). */
  drain(): void {
    if (!this.#isAccepting) return
    this.#isAccepting = false
    const { retryMs, drainMs } = this.#context.limits
    for (const session of this.#sessions.values())
      session.send(
        encodeSystem('goingAway', { retryMs: spreadRetryMs(retryMs, drainMs, this.#parts.random) }),
      )
  }

  /** Closes every session; the table is of no use afterwards. */
  stop(): void {
    this.#isAccepting = false
    for (const session of Array.from(this.#sessions.values())) session.close('going_away')
    this.#stopSweep?.()
    this.#stopSweep = null
  }

  #upgrade(request: UpgradeRequest): UpgradeDecision | Promise<UpgradeDecision> {
    const refused = this.#refusalOf(request)
    if (refused) return this.#counted(refused)
    const { doorkeeper } = this.#parts
    const protocol = request.protocols.includes(SUBPROTOCOL) ? SUBPROTOCOL : null
    const { remoteAddress } = request
    if (!doorkeeper || remoteAddress === LOOPBACK_ADDRESS) return { accept: true, protocol }
    const answer = doorkeeper.admit(request)
    if (answer === null) return { accept: true, protocol }
    const decide = (answer: Admitted | Refused): UpgradeDecision =>
      'status' in answer
        ? refusal(answer.status, answer.code)
        : { accept: true, protocol, owner: answer }
    if (!isPromise(answer)) return this.#counted(decide(answer))
    return answer.then((answer) => {
      // Others have come in meanwhile, or the server drains.
      const decision = this.#lackOfRoom(remoteAddress) ?? decide(answer)
      if (decision.accept) this.#arrive(decision.owner, remoteAddress)
      return this.#counted(decision)
    })
  }

  /** Who has waited takes room from here on, though the transport opens it, if it is there still, a bit later. */
  #arrive(owner: unknown, remoteAddress: string): void {
    this.#arriving.set(owner, networkOf(remoteAddress))
    this.#parts.clock.soon(() => this.#arriving.delete(owner))
  }

  #counted(decision: UpgradeDecision): UpgradeDecision {
    if (!decision.accept) this.#parts.metrics.counters.connectionsRefused++
    return decision
  }

  #refusalOf(request: UpgradeRequest): UpgradeDecision | null {
    if (!PATH.test(request.path)) return refusal(404, 'not_found')
    const { remoteAddress } = request
    const full = this.#lackOfRoom(remoteAddress)
    if (full || remoteAddress === LOOPBACK_ADDRESS) return full
    if (!this.#handshakes.take(remoteAddress)) return refusal(429, 'too_many_requests')
    return this.#parts.isOriginAllowed(request.header('origin'), request.header('host'))
      ? null
      : refusal(403, 'forbidden')
  }

  /** Looks at what may change while a handshake waits. */
  #lackOfRoom(remoteAddress: string): UpgradeDecision | null {
    if (!this.#isAccepting) return refusal(503, 'draining')
    if (this.#parts.isFull()) return refusal(503, 'unavailable')
    const { size } = this.#arriving
    if (this.#sessions.size + size >= this.#parts.limits.maxConnections)
      return refusal(503, 'too_many_requests')
    if (remoteAddress === LOOPBACK_ADDRESS) return null
    const network = size === 0 ? '' : networkOf(remoteAddress)
    let count = 1
    for (const other of this.#arriving.values()) if (other === network) count++
    const hasRoom =
      this.#perAddress.hasRoomFor(remoteAddress, count) &&
      this.#silent.hasRoomFor(remoteAddress, count)
    if (!hasRoom) return refusal(429, 'too_many_requests')
    return this.#isBanned(remoteAddress) ? refusal(403, 'banned') : null
  }

  #isBanned(address: string): boolean {
    try {
      this.#standing.checkBan(stranger(address))
      return false
    } catch {
      return true
    }
  }

  #open(connection: Connection): void {
    const session = new ClientSession(this.#ids.next(), connection, this.#context)
    const admitted = connection.owner as Admitted | null
    connection.owner = session
    this.#arriving.delete(admitted)
    if (admitted) this.#admit(session, admitted)
    this.#sessions.set(session.handle.id, session)
    this.#perAddress.add(connection.remoteAddress)
    this.#silent.add(connection.remoteAddress)
    this.#parts.metrics.counters.connectionsOpened++
    connection.subscribe(EVERYBODY)
    this.#stopSweep ??= this.#parts.clock.after(SWEEP_MS, () => this.#sweep())
    const { onConnect } = this.#parts.hooks
    if (onConnect) this.#runHook('onConnect', session, () => onConnect(session.handle))
  }

  #close(connection: Connection, code: number, reason: string): void {
    const session = connection.owner as ClientSession
    // What uWebSockets.js cuts for its frames looks like a client that went: it tells no more.
    if (code === NO_CLOSE_FRAME && !session.isClosedByServer)
      this.#parts.metrics.counters.connectionsCut++
    session.closed(code)
    this.#sessions.delete(session.handle.id)
    if (!session.hasSpoken) this.#silent.release(connection.remoteAddress)
    this.#perAddress.release(connection.remoteAddress)
    this.#unwatch(session)
    const { onDisconnect } = this.#parts.hooks
    if (onDisconnect)
      this.#runHook('onDisconnect', session, () =>
        onDisconnect(session.handle, { code, reason, byServer: session.isClosedByServer }),
      )
    session.seat = null
  }

  /** A hook that throws, or that is async and rejects, is logged and harms nobody else. */
  #runHook(hook: string, session: ClientSession, run: () => unknown): void {
    const failed = (error: unknown): void =>
      this.#parts.logger.error({ hook, sessionId: session.handle.id, err: error }, 'Hook failed')
    try {
      const result = runFrom({ where: hook }, run)
      if (isPromise(result)) Promise.resolve(result).catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** It runs only while there are sessions, so that an idle server has no timer of ours. */
  #sweep(): void {
    this.#stopSweep = null
    const now = this.#parts.clock.now()
    for (const session of this.#sessions.values()) session.sweep(now)
    if (this.#sessions.size > 0)
      this.#stopSweep = this.#parts.clock.after(SWEEP_MS, () => this.#sweep())
  }
}

function refusal(status: number, code: string): UpgradeDecision {
  return { accept: false, status, code }
}
