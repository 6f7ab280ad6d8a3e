import {
  FIRST_RESERVED_ID,
  FRAME_HEADER_BYTES,
  PayloadError,
  RPC_ID,
  closeCodes,
  decodeMessage,
  encodeFrame,
  encodeSystem,
  readCommandId,
  system,
} from '@ringside/protocol'
import type { CloseCause, Infer } from '@ringside/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Dispatcher } from '../call/dispatcher.ts'
import type { CommandEntry, PendingCalls, ReplyTo, SessionReply } from '../call/call.ts'
import type { RpcSocketEntry } from '../call/json-rpc/socket-entry.ts'
import type { RpcSession } from '../call/json-rpc/socket-caller.ts'
import type { PlainReply } from '../call/reply.ts'
import { wallNow } from '../process/clock.ts'
import type { Clock } from '../process/clock.ts'
import { RingsideError, clientText } from '../process/errors.ts'
import { Intake } from '../process/intake.ts'
import { LateSignal } from '../process/late-signal.ts'
import type { Logger } from '../process/logger.ts'
import type { Metrics } from '../process/metrics.ts'
import type { ServerLimits } from '../process/limits.ts'
import type { ClientLink, ClientSeat, SeatDesk } from '../call/seat-contract.ts'
import type { Connection } from '../transport/contract.ts'
import { encodedBuffer, encodedView, scratchBuffer, scratchFrame } from '../transport/off-heap.ts'
import { LOOPBACK_ADDRESS, SendResult } from '../transport/contract.ts'
import type { CommandRegistry } from '../call/command-table.ts'
import type { ContractCheck } from './contract-check.ts'
import type { Admitted } from './doorkeeper.ts'
import { Inbound } from './inbound.ts'
import { Introduction } from './introduction.ts'
import { RequestEnvelope } from '../call/request-envelope.ts'
import type { Standing } from '../limit/standing.ts'
import type { TurnClock } from '../limit/turn-clock.ts'
import { SessionHandle } from './session-handle.ts'

/** Time between two sweeps of all sessions, in ms. */
export const SWEEP_MS = 1_000
/** Pieces may take so much of the queue, beside the budget of everything else (SL7). */
const PIECES_BYTES = 131_072
/** An event that says that bytes were taken, not how many: new ones have hidden it. The kernel tells of no fewer. */
const DRAIN_BYTES = 2_048

/** All sessions of a server share these. */
export interface SessionContext {
  readonly limits: ServerLimits
  readonly clock: Clock
  readonly turn: TurnClock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly registry: CommandRegistry
  readonly dispatcher: Dispatcher
  readonly rpc: RpcSocketEntry
  readonly desk: SeatDesk
  readonly standing: Standing
  readonly anonymous: Principal
  /** Null: contracts are not compared. */
  readonly contracts: ContractCheck | null
  /** The session's first whole message is here. */
  spoke(session: ClientSession): void
  /** Sends one frame to every open session. */
  broadcast(frame: Uint8Array): void
}

// The compiler folds a constant of its own module; one of another module it reads at each use, and the id is read
// in place for the same reason (`npm run bench -- dispatch` shows both).
const HEADER_BYTES = FRAME_HEADER_BYTES
const RESERVED_IDS = FIRST_RESERVED_ID
const { dropped: DROPPED } = SendResult

/** It is open, and its messages wait for the verdict on its contract. */
const UNJUDGED = -1
const OPEN = 0
const CLOSED = 1
const CLOSED_BY_SERVER = 2

/** A client that was asked for its contract has so long to send it. */
const INTRODUCTION_MS = 10_000

type JoinMessage = Infer<typeof system.join.payload>

const envelope = new RequestEnvelope()

/**
 * Steps 2 and 3 for one connection: decode and charge; then the dispatcher has the call.
 *
 * It is open from construction until `close`, `closeWith` or the transport's close event, whichever is
 * first. From then on `isOpen` is false, no handler runs and nothing is sent (SE1); `closed` then
 * tells the seat and the game, once.
 */
export class ClientSession implements ClientLink, RpcSession {
  readonly handle: SessionHandle
  /** The seat this connection sits on, or null. */
  seat: ClientSeat | null = null
  /** A number, since a boolean is looked at in more steps (`npm run bench -- dispatch` shows it). */
  #state: typeof UNJUDGED | typeof OPEN | typeof CLOSED | typeof CLOSED_BY_SERVER = OPEN
  pending: PendingCalls | null = null
  heldBytes = 0
  /** What its handshake brought; null: nothing, and nobody was asked. */
  admitted: Admitted | null = null
  seen: ClientLink['seen'] = null
  readonly #connection: Connection
  readonly #context: SessionContext
  #inbound: Inbound | null = null
  /** Few ever ask for it. */
  #signal: LateSignal | null = null
  /** Judges the client while bytes wait for it. Few ever need it. */
  #intake: Intake | null = null
  /** So many pings and pongs have come since the last sweep. */
  #controlCount = 0
  /** So many sweeps have found it silent. A count, since a time would be an object of its own. */
  #silentSweeps = 0

  constructor(id: string, connection: Connection, context: SessionContext) {
    this.#connection = connection
    this.#context = context
    this.handle = new SessionHandle(id, this)
  }

  /** Takes one WebSocket message. `message` is lent until this returns. */
  receive(message: ArrayBuffer, isBinary: boolean): void {
    if (this.#state !== OPEN) return this.#receiveUnjudged(message, isBinary)
    const { limits, metrics, registry, turn, dispatcher } = this.#context
    // Its length is a field; that of an ArrayBuffer is a call.
    const frame = new Uint8Array(message)
    const { length } = frame
    metrics.counters.bytesIn += length
    if (!isBinary || length < HEADER_BYTES) return this.close('invalid_format')
    if (length - HEADER_BYTES > limits.maxPayloadBytes) return this.close('too_large')
    const id =
      (((frame[0] as number) << 24) |
        ((frame[1] as number) << 16) |
        ((frame[2] as number) << 8) |
        (frame[3] as number)) >>>
      0
    if (id >= RESERVED_IDS) return this.#receiveSystem(id, frame)
    const entry = registry.get(id)
    const { conduct, plain } = this.#inbound ?? this.#meet()
    if (!conduct.charge(entry === undefined ? 1 : entry.cost, turn)) return this.drop(id, plain)
    if (entry === undefined) return dispatcher.unknown(id, plain)
    if (entry.decode === null) dispatcher.dispatchLent(entry, message, plain)
    else this.#decode(entry, frame, plain)
  }

  /** The first message. A bucket that was made with the session would still be full now. */
  #meet(): Inbound {
    const { limits, clock } = this.#context
    this.#inbound = new Inbound(this, limits, clock.now())
    this.#context.spoke(this)
    return this.#inbound
  }

  #receiveSystem(id: number, frame: Uint8Array): void {
    const { registry, turn, dispatcher, rpc } = this.#context
    const { conduct, plain, request } = this.#inbound ?? this.#meet()
    const payload = frame.subarray(HEADER_BYTES)
    if (id === RPC_ID) return rpc.receive(payload, this)
    if (id !== system.request.id) {
      if (!conduct.charge(1, turn)) return this.drop(id, plain)
      return this.#systemCommand(id, payload, plain)
    }
    const isValid = envelope.read(payload)
    const { command, correlation, payload: inner } = envelope
    const replyTo = isValid ? request.to(correlation) : plain
    const entry = isValid ? registry.get(command) : undefined
    if (!conduct.charge(entry === undefined ? 1 : entry.cost, turn))
      return this.drop(command, replyTo)
    if (!isValid) return dispatcher.invalid(id, replyTo)
    if (entry === undefined) return dispatcher.unknown(command, replyTo)
    if (entry.decode === null) dispatcher.dispatch(entry, inner, replyTo)
    else this.#decode(entry, inner, replyTo)
  }

  #systemCommand(id: number, payload: Uint8Array, plain: PlainReply): void {
    const { clock, dispatcher } = this.#context
    try {
      switch (id) {
        case system.ping.id: {
          const { clientTime } = decodeMessage(system.ping.payload, payload)
          return this.send(encodeSystem('pong', { clientTime, serverTime: wallNow(clock) }))
        }
        case system.join.id: {
          const join = decodeMessage(system.join.payload, payload)
          if (join.contract !== undefined && !this.#fits(join.contract, id, payload)) return
          return this.#join(join, plain)
        }
        case system.contract.id: {
          const { fingerprint, text } = decodeMessage(system.contract.payload, payload)
          // Nobody has asked for the text.
          if (text !== undefined) return dispatcher.invalid(id, plain)
          this.#fits(fingerprint, id, null)
          return
        }
        case system.leave.id:
          if (this.seat) return this.seat.leave()
          return dispatcher.refuse('not_in_room', id, plain)
        default:
          return dispatcher.unknown(id, plain)
      }
    } catch (error) {
      // Only decoding throws a PayloadError here: the desk and the seat are behind their own guards.
      if (error instanceof Error && error.name === 'PayloadError') dispatcher.invalid(id, plain)
      else dispatcher.failed(error, { id, name: 'system' }, plain)
    }
  }

  #join({ ticket, epoch, index }: JoinMessage, plain: PlainReply): void {
    const { desk, dispatcher, metrics } = this.#context
    const { id } = system.join
    if (this.seat) return dispatcher.refuse('already_in_room', id, plain)
    if (epoch !== undefined && index !== undefined) this.seen = { epoch, index }
    try {
      const seat = desk.take(ticket, this)
      metrics.counters.joins++
      this.seat = seat
      // The game may have closed the connection from its onJoin: then `closed` has been already.
      if (!this.isOpen) seat.dropped(this, closeCodes.normal.code)
    } catch (error) {
      metrics.counters.joinsRefused++
      dispatcher.failed(error, { id, name: 'join' }, plain)
      const isBanned = error instanceof RingsideError && error.code === 'banned'
      this.close(isBanned ? 'banned' : 'join_refused')
    }
  }

  /**
   * Is this a contract that fits (SE40)? An unknown one is asked for, and `payload`, of the message that gave it, waits
   * with all that follows; one that does not fit ends the connection.
   */
  #fits(fingerprint: string, id: number, payload: Uint8Array | null): boolean {
    const { contracts, dispatcher, clock } = this.#context
    const inbound = this.#inbound ?? this.#meet()
    const verdict = contracts === null ? null : contracts.verdictOn(fingerprint)
    if (verdict === null) return true
    if (verdict !== undefined) this.#refuseContract(verdict, id)
    else if (inbound.introduction !== null) dispatcher.invalid(id, inbound.plain)
    else {
      inbound.introduction = new Introduction(fingerprint, id, clock.now())
      if (payload !== null) inbound.introduction.hold(encodeFrame(id, payload))
      this.#state = UNJUDGED
      this.send(encodeSystem('contractWanted', {}))
    }
    return false
  }

  #receiveUnjudged(message: ArrayBuffer, isBinary: boolean): void {
    const { introduction, plain } = this.#inbound ?? this.#meet()
    if (this.#state !== UNJUDGED || introduction === null) return
    const { limits, metrics } = this.#context
    const frame = new Uint8Array(message)
    if (!isBinary || frame.length < HEADER_BYTES) return this.close('invalid_format')
    if (frame.length - HEADER_BYTES > limits.maxPayloadBytes) return this.close('too_large')
    const id = readCommandId(frame)
    if (id === system.contract.id) {
      metrics.counters.bytesIn += frame.length
      this.#judge(frame.subarray(HEADER_BYTES), introduction)
    } else if (!introduction.hold(frame)) this.drop(id, plain)
  }

  #judge(payload: Uint8Array, introduction: Introduction): void {
    const { contracts, dispatcher } = this.#context
    const { plain } = this.#inbound ?? this.#meet()
    let text: string | undefined
    try {
      text = decodeMessage(system.contract.payload, payload).text
    } catch {
      // Below it is what no text is.
    }
    const { fingerprint, messageId } = introduction
    const verdict = text === undefined ? undefined : contracts?.judge(fingerprint, text)
    if (verdict === undefined) return dispatcher.invalid(system.contract.id, plain)
    if (verdict !== null) return this.#refuseContract(verdict, messageId)
    this.#state = OPEN
    for (const frame of introduction.release()) this.receive(frame, true)
  }

  #refuseContract(differs: string, id: number): void {
    const { plain } = this.#inbound ?? this.#meet()
    const error = new RingsideError('contract_mismatch', differs)
    this.#context.dispatcher.failed(error, { id, name: 'contract' }, plain)
    this.close('contract_mismatch')
  }

  /** `bytes` is the whole frame of a plain command, or the inner payload of a REQUEST. */
  #decode(entry: CommandEntry, bytes: Uint8Array, replyTo: SessionReply): void {
    const { dispatcher } = this.#context
    let value: unknown
    try {
      value = entry.decode?.(bytes, replyTo.kind === 'plain' ? HEADER_BYTES : 0)
    } catch (error) {
      return dispatcher.invalid(entry.id, replyTo, misfitOf(error, entry))
    }
    dispatcher.dispatch(entry, value, replyTo)
  }

  get isOpen(): boolean {
    return this.#state <= OPEN
  }

  get isClosedByServer(): boolean {
    return this.#state === CLOSED_BY_SERVER
  }

  get auth(): unknown {
    return this.admitted?.auth
  }

  get principal(): Principal {
    return this.admitted?.principal ?? this.#context.anonymous
  }

  get isMuted(): boolean {
    const { seat, handle, remoteAddress } = this
    if (seat) return seat.isMuted
    const person = { sessionId: handle.id, auth: undefined, address: remoteAddress }
    return this.#context.standing.isMuted(person)
  }

  get kind(): 'session' {
    return 'session'
  }

  get signal(): AbortSignal {
    this.#signal ??= new LateSignal()
    return this.#signal.of(!this.isOpen, (error) =>
      this.#context.dispatcher.listenerFailed(error, this),
    )
  }

  /** The last resort of the table: an error has escaped from everything here. */
  broke(error: unknown): void {
    this.#context.dispatcher.broke(error, this)
  }

  sendPayload(id: number, payload: Uint8Array): void {
    const frame = scratchBuffer(id, payload)
    if (frame === null) this.send(scratchFrame(id, payload))
    else this.sendBuffer(frame)
  }

  sendValue({ id, encode }: CommandEntry, value: unknown): boolean {
    const end = encode === null ? -1 : encode(value, HEADER_BYTES)
    if (end < 0) return false
    const frame = encodedBuffer(id, end)
    if (frame === null) this.send(encodedView(id, end))
    else this.sendBuffer(frame)
    return true
  }

  /** Sends a whole frame; the bytes are copied. A client over its byte budget is closed with `slow`. */
  send(frame: Uint8Array): void {
    if (this.#state <= OPEN && this.#connection.send(frame) === DROPPED) this.closeSlow()
  }

  sendBuffer(frame: ArrayBuffer): void {
    if (this.#state <= OPEN && this.#connection.sendBuffer(frame) === DROPPED) this.closeSlow()
  }

  sendPiece(frame: Uint8Array): void {
    this.#connection.allowanceBytes = PIECES_BYTES
    this.send(frame)
  }

  broadcast(frame: Uint8Array): void {
    this.#context.broadcast(frame)
  }

  close(cause: CloseCause, reason?: string): void {
    const entry = closeCodes[cause]
    if (!this.isOpen) return
    const { counters } = this.#context.metrics
    if (cause === 'slow') counters.closedSlow++
    else if (cause === 'rate_limited') counters.closedRateLimited++
    else if (entry.code === 1002 || entry.code === 1008 || entry.code === 1009)
      counters.closedInvalid++
    this.closeWith(entry.code, reason ?? entry.reason)
  }

  closeWith(code: number, reason: string): void {
    if (!this.isOpen) return
    this.#state = CLOSED_BY_SERVER
    this.#connection.close(code, reason)
    this.#release()
  }

  closeSlow(): void {
    if (!this.isOpen) return
    const { remoteAddress } = this
    this.#context.logger.info(
      { sessionId: this.handle.id, remoteAddress },
      'Session closed: too slow',
    )
    this.close('slow')
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress
  }

  get maxPayloadBytes(): number {
    return this.#context.limits.maxPayloadBytes
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedBytes
  }

  get budgetBytes(): number {
    return this.#context.limits.maxQueuedBytes
  }

  subscribe(topic: string): void {
    this.#connection.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.#connection.unsubscribe(topic)
  }

  /** The socket took bytes. */
  drained(): void {
    if (!this.isOpen) return
    const now = this.#context.clock.now()
    const waiting = this.#connection.bufferedBytes
    const isSeen = this.#intake?.look(waiting, now) ?? true
    if (!isSeen) this.#intake?.took(DRAIN_BYTES, now)
    this.#goOn(waiting, now)
  }

  /** Tells the seat that there may be room. */
  #goOn(waiting: number, now: number): void {
    if (waiting === 0) this.#connection.allowanceBytes = 0
    try {
      this.seat?.drained(this)
    } catch (error) {
      this.#context.logger.error({ sessionId: this.handle.id, err: error }, 'Drain failed')
    }
    if (this.isOpen) this.#intake?.handed(this.#connection.bufferedBytes, now)
  }

  /** A ping or a pong came. They are no messages, but as many of them are a flood (HO16). */
  control(): void {
    if (!this.isOpen || ++this.#controlCount <= this.#context.limits.rateBurst) return
    this.#context.logger.warn({ sessionId: this.handle.id }, 'Session closed: too many pings')
    this.close('rate_limited')
  }

  /** True once a whole message has come. */
  get hasSpoken(): boolean {
    return this.#inbound !== null
  }

  /** Closes a socket that takes too little, holds too much or says nothing. It is called once in `SWEEP_MS`. */
  sweep(now: number): void {
    this.#controlCount = 0
    if (this.#inbound === null) this.#sweepSilent()
    if (this.#state === UNJUDGED) this.#sweepUnjudged(now)
    const connection = this.#connection
    if (connection.bufferedBytes === 0) {
      this.#intake?.look(0, now)
      connection.allowanceBytes = 0
      return
    }
    connection.poke()
    this.#intake ??= new Intake(this.#context.limits)
    const waiting = connection.bufferedBytes
    this.#intake.look(waiting, now)
    this.#goOn(waiting, now)
    if (!this.isOpen) return
    const { maxQueuedBytes } = this.#context.limits
    if (connection.bufferedBytes > maxQueuedBytes + connection.allowanceBytes) this.closeSlow()
    else if (this.#intake.isSlow(now)) this.closeSlow()
  }

  /**
   * The transport tells of whole messages only, so a socket that has sent none may be one that sends the pieces of a
   * message without end (LI6). Who has spoken once may listen for as long as it likes. The server's own connections
   * are not meant.
   */
  #sweepSilent(): void {
    if (++this.#silentSweeps * SWEEP_MS <= this.#context.limits.firstMessageMs) return
    if (this.remoteAddress !== LOOPBACK_ADDRESS) this.close('idle')
  }

  /** Ends a client that was asked for its contract and says nothing. */
  #sweepUnjudged(now: number): void {
    const { introduction, plain } = this.#inbound ?? this.#meet()
    if (introduction === null || now - introduction.askedAt < INTRODUCTION_MS) return
    this.#context.dispatcher.refuse('timeout', introduction.messageId, plain)
    this.close('join_refused')
  }

  /** The transport's close event: gives up the seat. */
  closed(code: number): void {
    if (this.isOpen) this.#state = CLOSED
    this.#release()
    try {
      this.seat?.dropped(this, code)
    } catch (error) {
      this.#context.logger.error({ sessionId: this.handle.id, err: error }, 'Seat failed on close')
    }
  }

  strike(): void {
    const { conduct } = this.#inbound ?? this.#meet()
    if (!this.isOpen || !conduct.strike(this.#context.clock.now())) return
    const { remoteAddress } = this
    this.#context.logger.warn(
      { sessionId: this.handle.id, remoteAddress },
      'Session closed: too many invalid messages',
    )
    this.close('too_many_invalid')
  }

  /** Nobody waits here any more, and the calls that run for the client are told so. It does nothing the second time. */
  #release(): void {
    this.pending?.abandon()
    this.#signal?.abort()
  }

  charge(cost: number): boolean {
    const { conduct } = this.#inbound ?? this.#meet()
    return conduct.charge(cost, this.#context.turn)
  }

  drop(id: number, replyTo: ReplyTo | null): void {
    const { metrics, clock, logger, dispatcher } = this.#context
    metrics.counters.messagesDropped++
    const { conduct } = this.#inbound ?? this.#meet()
    const verdict = conduct.drop(clock.now(), replyTo === null)
    if (verdict === 'answer' && replyTo !== null) dispatcher.refuse('rate_limited', id, replyTo)
    if (verdict !== 'close') return
    const { remoteAddress } = this
    logger.warn({ sessionId: this.handle.id, remoteAddress }, 'Session closed: rate limit exceeded')
    this.close('rate_limited')
  }
}

/** What is wrong with a payload, as its sender may be told: its own value is in it, and nothing else. */
function misfitOf(error: unknown, { name }: CommandEntry): string | undefined {
  return error instanceof PayloadError ? clientText(error.of(name).message) : undefined
}
