import {
  FIRST_RESERVED_ID,
  FRAME_HEADER_BYTES,
  closeCodes,
  decodeMessage,
  encodeMessage,
  encodeSystem,
  errorCodes,
  isErrorCode,
  readCommandId,
  system,
} from '@ringside/protocol'
import type { CloseCause, ErrorCode } from '@ringside/protocol'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import type { ServerLimits } from '../options.ts'
import type { ClientLink, Seat, SeatDesk } from '../room/client-link.ts'
import type { Connection } from '../transport/transport.ts'
import { scratchEncoded, scratchFrame } from '../transport/off-heap.ts'
import { SendResult } from '../transport/transport.ts'
import type { CommandEntry, CommandRegistry } from './command-registry.ts'
import { Conduct } from './conduct.ts'
import { isPromise, refusalOf } from '../failure.ts'
import type { Refusal } from '../failure.ts'
import { RequestEnvelope } from './request-envelope.ts'
import type { TurnClock } from './turn-clock.ts'
import { SessionHandle } from './session-handle.ts'

/** What all sessions of a server share. */
export interface SessionContext {
  readonly limits: ServerLimits
  readonly clock: Clock
  readonly turn: TurnClock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly registry: CommandRegistry
  readonly desk: SeatDesk
  /** Sends one frame to every open session. */
  broadcast(frame: Uint8Array): void
}

const envelope = new RequestEnvelope()

/**
 * Steps 2-4 for one connection: decode, charge, dispatch.
 *
 * Open from construction until `close`, `closeWith` or the transport's close event, whichever is
 * first. From then on `isOpen` is false, no handler runs and nothing is sent (SE1); `closed` then
 * tells the seat and the game, once.
 */
export class ClientSession implements ClientLink {
  readonly handle: SessionHandle
  /** The seat this connection sits on, or null. */
  seat: Seat | null = null
  isOpen = true
  isClosedByServer = false
  readonly #connection: Connection
  readonly #context: SessionContext
  readonly #conduct: Conduct
  /** Since when the socket has taken nothing, in ms; 0 = nothing waits. */
  #stuckSince = 0

  constructor(id: string, connection: Connection, context: SessionContext) {
    this.#connection = connection
    this.#context = context
    this.#conduct = new Conduct(context.limits, context.clock.now())
    this.handle = new SessionHandle(id, this)
  }

  /** One WebSocket message. `message` is lent until this returns. */
  receive(message: ArrayBuffer, isBinary: boolean): void {
    if (!this.isOpen) return
    const { limits, metrics, registry, turn } = this.#context
    // Its length is a field; that of an ArrayBuffer is a call (4 ns a message).
    const frame = new Uint8Array(message)
    const { length } = frame
    metrics.counters.bytesIn += length
    if (!isBinary || length < FRAME_HEADER_BYTES) return this.close('invalid_format')
    if (length - FRAME_HEADER_BYTES > limits.maxPayloadBytes) return this.close('too_large')
    const id = readCommandId(frame)
    if (id >= FIRST_RESERVED_ID) return this.#receiveSystem(id, frame)
    const entry = registry.get(id)
    if (!this.#conduct.charge(entry === undefined ? 1 : entry.cost, turn.now()))
      return this.#drop(id, undefined)
    if (entry === undefined) return this.#unknown(id, undefined)
    if (entry.decode === null)
      this.#dispatch(entry, new Uint8Array(message, FRAME_HEADER_BYTES), undefined)
    else this.#decode(entry, frame, undefined)
  }

  #receiveSystem(id: number, frame: Uint8Array): void {
    const { registry, turn } = this.#context
    const payload = frame.subarray(FRAME_HEADER_BYTES)
    if (id !== system.request.id) {
      if (!this.#conduct.charge(1, turn.now())) return this.#drop(id, undefined)
      return this.#systemCommand(id, payload)
    }
    const isValid = envelope.read(payload)
    const { command, correlation, payload: inner } = envelope
    const entry = isValid ? registry.get(command) : undefined
    if (!this.#conduct.charge(entry === undefined ? 1 : entry.cost, turn.now()))
      return this.#drop(command, isValid ? correlation : undefined)
    if (!isValid) return this.#invalid(id, undefined)
    if (entry === undefined) return this.#unknown(command, correlation)
    if (entry.decode === null) this.#dispatch(entry, inner, correlation)
    else this.#decode(entry, inner, correlation)
  }

  #systemCommand(id: number, payload: Uint8Array): void {
    try {
      switch (id) {
        case system.ping.id: {
          const { clientTime } = decodeMessage(system.ping.payload, payload)
          const serverTime = this.#context.clock.now()
          return this.send(encodeSystem('pong', { clientTime, serverTime }))
        }
        case system.join.id:
          return this.#join(decodeMessage(system.join.payload, payload).ticket)
        case system.leave.id:
          if (this.seat) return this.seat.leave()
          return this.#refuse('not_in_room', id, undefined)
        default:
          return this.#unknown(id, undefined)
      }
    } catch (error) {
      // Only decoding throws a PayloadError here: the desk and the seat are behind their own guards.
      if (error instanceof Error && error.name === 'PayloadError') this.#invalid(id, undefined)
      else this.#failed(error, id, undefined)
    }
  }

  #join(ticket: string): void {
    const { id } = system.join
    if (this.seat) return this.#refuse('already_in_room', id, undefined)
    try {
      const seat = this.#context.desk.take(ticket, this)
      this.#context.metrics.counters.joins++
      this.seat = seat
      // The game may have closed the connection from its onJoin: then `closed` has been already.
      if (!this.isOpen) seat.dropped(this, closeCodes.normal.code)
    } catch (error) {
      this.#failed(error, id, undefined)
      this.close('join_refused')
    }
  }

  /** `bytes` is the whole frame, or for a REQUEST its inner payload. */
  #decode(entry: CommandEntry, bytes: Uint8Array, correlation: number | undefined): void {
    let value: unknown
    try {
      value = entry.decode?.(bytes, correlation === undefined ? FRAME_HEADER_BYTES : 0)
    } catch {
      return this.#invalid(entry.id, correlation)
    }
    this.#dispatch(entry, value, correlation)
  }

  #dispatch(entry: CommandEntry, value: unknown, correlation: number | undefined): void {
    try {
      const { seat } = this
      let result: unknown
      if (entry.payload !== null && seat !== null && seat.handles(entry.name))
        result = seat.handle(entry.name, value)
      else if (entry.handler !== null) result = entry.handler(this.handle, value)
      else return this.#refuse(seat ? 'unknown_command' : 'not_in_room', entry.id, correlation)
      this.#context.metrics.counters.messagesHandled++
      if (isPromise(result)) this.#answerLater(result, entry, correlation)
      else this.#answer(result, entry, correlation)
    } catch (error) {
      this.#failed(error, entry.id, correlation)
    }
  }

  #answer(result: unknown, entry: CommandEntry, correlation: number | undefined): void {
    if (!this.isOpen || (result === undefined && correlation === undefined)) return
    let payload: Uint8Array | undefined
    if (entry.encode !== null && correlation === undefined) {
      const frame = scratchEncoded(entry.id, entry.encode, result)
      if (frame !== null) return this.send(frame)
    }
    if (entry.reply !== null) payload = encodeMessage(entry.reply, result as never)
    else if (result instanceof Uint8Array) payload = result
    else if (result !== undefined && entry.payload === null)
      throw new TypeError(`Expected command ${entry.name} to return a Uint8Array or undefined`)
    if (correlation !== undefined)
      this.send(encodeSystem('reply', { correlation, payload: payload ?? NOTHING }))
    else if (payload !== undefined) this.send(scratchFrame(entry.id, payload))
  }

  /** Only this answer waits; messages behind it are handled meanwhile. */
  #answerLater(
    result: Promise<unknown>,
    entry: CommandEntry,
    correlation: number | undefined,
  ): void {
    result
      .then((value) => this.#answer(value, entry, correlation))
      .catch((error: unknown) => this.#failed(error, entry.id, correlation))
      .catch((error: unknown) => this.broke(error))
  }

  /** What even the handling of failures threw. The client gets no answer; nothing else is harmed. */
  broke(error: unknown): void {
    this.#context.metrics.counters.messagesFailed++
    this.#context.logger.error({ sessionId: this.handle.id, err: error }, 'Answer failed')
  }

  /** Sends a whole frame; the bytes are copied. Over the byte budget: closed as `slow`. */
  send(frame: Uint8Array): void {
    if (this.isOpen && this.#connection.send(frame) === SendResult.dropped) this.closeSlow()
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
    this.isOpen = false
    this.isClosedByServer = true
    this.#connection.close(code, reason)
  }

  closeSlow(): void {
    if (!this.isOpen) return
    this.#context.logger.info({ sessionId: this.handle.id }, 'Session closed: too slow')
    this.close('slow')
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedBytes
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
    this.#stuckSince = 0
    if (this.#connection.bufferedBytes > 0) return
    try {
      this.seat?.drained(this)
    } catch (error) {
      this.#context.logger.error({ sessionId: this.handle.id, err: error }, 'Drain failed')
    }
  }

  /** Called about once a second: closes a socket that takes nothing, or holds too much. */
  sweep(now: number): void {
    const { maxBehindMs, maxQueuedBytes } = this.#context.limits
    const waiting = this.#connection.bufferedBytes
    if (waiting === 0) this.#stuckSince = 0
    else if (waiting > maxQueuedBytes) this.closeSlow()
    else if (this.#stuckSince === 0) this.#stuckSince = now
    else if (now - this.#stuckSince >= maxBehindMs) this.closeSlow()
  }

  /** The transport's close event: gives up the seat. */
  closed(code: number): void {
    this.isOpen = false
    try {
      this.seat?.dropped(this, code)
    } catch (error) {
      this.#context.logger.error({ sessionId: this.handle.id, err: error }, 'Seat failed on close')
    }
  }

  #drop(id: number, correlation: number | undefined): void {
    this.#context.metrics.counters.messagesDropped++
    const verdict = this.#conduct.drop(this.#context.clock.now())
    if (verdict === 'answer') this.#refuse('rate_limited', id, correlation)
    if (verdict !== 'close') return
    const { logger } = this.#context
    logger.warn({ sessionId: this.handle.id }, 'Session closed: rate limit exceeded')
    this.close('rate_limited')
  }

  #unknown(id: number, correlation: number | undefined): void {
    this.#context.metrics.counters.messagesUnknown++
    this.#refuse('unknown_command', id, correlation)
    this.#strike()
  }

  #invalid(id: number, correlation: number | undefined): void {
    this.#context.metrics.counters.messagesInvalid++
    this.#refuse('invalid_payload', id, correlation)
    this.#strike()
  }

  #strike(): void {
    if (this.#conduct.strike(this.#context.clock.now())) this.close('too_many_invalid')
  }

  /** What a handler threw or rejected with: a refusal it means, or a bug. */
  #failed(error: unknown, command: number, correlation: number | undefined): void {
    const refusal = refusalOf(error)
    if (refusal) {
      this.#sendError(refusal, command, correlation)
      if (refusal.code !== 'invalid_payload') return
      this.#context.metrics.counters.messagesInvalid++
      this.#strike()
      return
    }
    this.#context.metrics.counters.messagesFailed++
    const { handle } = this
    const fields = { sessionId: handle.id, roomId: handle.roomId, command, err: error }
    this.#context.logger.error(fields, 'Command handler failed')
    this.#refuse('internal', command, correlation)
  }

  #refuse(code: ErrorCode, command: number, correlation: number | undefined): void {
    this.#sendError({ code, message: errorCodes[code].text }, command, correlation)
  }

  #sendError(refusal: Refusal, command: number, correlation: number | undefined): void {
    const { code, message } = refusal
    const retry = isErrorCode(code) && errorCodes[code].retry
    if (this.isOpen)
      this.send(encodeSystem('error', { command, correlation, code, message, retry }))
  }
}

const NOTHING = new Uint8Array(0)
