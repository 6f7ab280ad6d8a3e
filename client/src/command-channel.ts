import {
  FRAME_HEADER_BYTES,
  RPC_ERROR_ID,
  RPC_ID,
  decodeJson,
  decodeMessage,
  decodeSystem,
  encodeFrame,
  encodeJson,
  encodeMessage,
  encodeSystem,
  isGameCommandId,
  named,
  system,
} from '@ringside/protocol'
import type { CommandDefinition, GameContract } from '@ringside/protocol'
import { checkName, gotKind } from './argument-check.ts'
import type { CommandError, CommandSender, RequestOptions, SendOptions } from './client-types.ts'
import { checkRequest, checkWhileAway } from './client-context.ts'
import type { ClientContext } from './client-context.ts'
import type { Connection } from './connection.ts'
import { EarlyListeners } from './early-frames.ts'
import type { EarlyFrames } from './early-frames.ts'
import type { KeptCall, KeptSends } from './kept-sends.ts'
import { PendingCalls } from './pending-calls.ts'
import { RequestError } from './request-error.ts'
import { readAnswer, requestText } from './rpc-text.ts'
import type { RpcParams } from './rpc-text.ts'

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Commands, requests, calls of JSON-RPC and raw messages over whichever connection is attached. Without one, commands are
 * dropped (inputs go stale) and requests and calls fail, but for what is to be kept until a seat is back.
 */
export class CommandChannel implements CommandSender<GameContract> {
  readonly #context: ClientContext
  readonly #requests: PendingCalls<Uint8Array>
  readonly #calls: PendingCalls<unknown>
  readonly #early: EarlyFrames
  /** Null where no connection follows another. */
  readonly #kept: KeptSends | null
  readonly #messages = new Map<number, EarlyListeners<[Uint8Array]>>()
  readonly #errors: EarlyListeners<[CommandError]>
  #connection: Connection | null = null
  #isOver = false
  /** The server closes a connection that sends more, so it is not sent (HO15). */
  #maxPayloadBytes: number

  constructor(context: ClientContext, early: EarlyFrames, kept: KeptSends | null = null) {
    this.#context = context
    this.#early = early
    this.#kept = kept
    this.#errors = new EarlyListeners(early)
    this.#maxPayloadBytes = context.maxPayloadBytes
    this.#requests = new PendingCalls(context)
    this.#calls = new PendingCalls(context)
  }

  /** What was kept goes first. */
  attach(connection: Connection): void {
    this.#connection = connection
    this.#kept?.flush(connection)
  }

  /** The server takes payloads of so many bytes. */
  bound(maxPayloadBytes: number): void {
    this.#maxPayloadBytes = maxPayloadBytes
  }

  /** The connection is away: fails all calls that wait for an answer. */
  detach(reason: string | RequestError): void {
    this.#connection = null
    for (const calls of [this.#requests, this.#calls])
      calls.failAll(reason, (id) => this.#kept?.has({ calls, id }) === true)
  }

  /** Nothing is sent any more. */
  end(reason: string): void {
    this.#isOver = true
    this.#kept?.drop(reason)
    this.detach(reason)
  }

  send(command: string | number, payload?: unknown, options: SendOptions = {}): boolean {
    const frame =
      typeof command === 'number' ? rawFrame(command, payload) : this.#frame(command, payload)
    this.#checkSize(frame)
    const connection = this.#connection
    if (!connection?.isOpen) return this.#keep(frame, null, options)
    if (connection.bufferedBytes > this.#context.maxBufferedBytes) return false
    return connection.send(frame)
  }

  async request<R>(command: string, payload: unknown, options: RequestOptions = {}): Promise<R> {
    const { id, payload: schema, reply } = this.#definition(command)
    const body = named(command, () => encodeMessage(schema, payload as never))
    return this.#requests.add({
      timeoutMs: checkRequest(options).timeoutMs,
      send: (correlation) =>
        this.#deliver(
          encodeSystem('request', { correlation, command: id, payload: body }),
          { calls: this.#requests, id: correlation },
          options,
        ),
      read: (answer) => (reply ? decodeMessage(reply, answer) : undefined) as R,
    })
  }

  async rpc<R>(method: string, params?: unknown, options: RequestOptions = {}): Promise<R> {
    const definition = this.#find(method)
    const json = definition
      ? named(method, () => encodeJson(definition.payload, params as never))
      : params
    return this.#calls.add({
      timeoutMs: checkRequest(options).timeoutMs,
      send: (id) =>
        this.#deliver(
          encodeFrame(RPC_ID, utf8.encode(requestText(id, method, json as RpcParams))),
          { calls: this.#calls, id },
          options,
        ),
      read: (result) =>
        (definition
          ? definition.reply
            ? decodeJson(definition.reply, result)
            : undefined
          : result) as R,
    })
  }

  onMessage(commandId: number, handler: (payload: Uint8Array) => void): () => void {
    checkCommandId(commandId)
    return this.#listenersOf(commandId).add(handler)
  }

  #listenersOf(commandId: number): EarlyListeners<[Uint8Array]> {
    let listeners = this.#messages.get(commandId)
    if (!listeners) this.#messages.set(commandId, (listeners = new EarlyListeners(this.#early)))
    return listeners
  }

  onError(handler: (error: CommandError) => void): () => void {
    return this.#errors.add(handler)
  }

  /** Takes a frame that concerns commands; others are ignored. @throws PayloadError */
  take(id: number, frame: Uint8Array): void {
    if (isGameCommandId(id)) this.#takeMessage(id, frame)
    else if (id === system.reply.id) this.#takeReply(frame)
    else if (id === system.error.id) this.#takeError(frame)
    else if (id === RPC_ID || id === RPC_ERROR_ID) this.#takeAnswer(frame)
  }

  #takeMessage(id: number, frame: Uint8Array): void {
    const listeners = this.#early.isOpen ? this.#listenersOf(id) : this.#messages.get(id)
    listeners?.offer(frame.byteLength, frame.subarray(FRAME_HEADER_BYTES))
  }

  #takeReply(frame: Uint8Array): void {
    const { correlation, payload } = decodeSystem('reply', frame)
    this.#requests.answer(correlation, payload)
  }

  /** Batches are not sent, so none is answered. An error without an id is of no call that can be told. */
  #takeAnswer(frame: Uint8Array): void {
    const json: unknown = JSON.parse(strictUtf8.decode(frame.subarray(FRAME_HEADER_BYTES)))
    const answer = readAnswer(json)
    if (typeof answer?.id !== 'number') return
    if (answer.error) this.#calls.fail(answer.id, answer.error)
    else this.#calls.answer(answer.id, answer.result)
  }

  #takeError(frame: Uint8Array): void {
    const { command, correlation, code, message, retry } = decodeSystem('error', frame)
    if (correlation !== undefined)
      this.#requests.fail(correlation, new RequestError(code, message, retry))
    else this.#errors.offer(frame.byteLength, { commandId: command, code, message, retry })
  }

  /** @throws RequestError too_large */
  #checkSize(frame: Uint8Array): void {
    const bytes = frame.byteLength - FRAME_HEADER_BYTES
    if (bytes > this.#maxPayloadBytes)
      throw new RequestError(
        'too_large',
        `Expected a payload of at most ${this.#maxPayloadBytes} bytes, got ${bytes}`,
        false,
      )
  }

  #deliver(frame: Uint8Array, call: KeptCall, options: SendOptions): boolean {
    this.#checkSize(frame)
    return this.#connection?.send(frame) || this.#keep(frame, call, options)
  }

  #keep(frame: Uint8Array, call: KeptCall | null, options: SendOptions): boolean {
    const { whileAway = this.#context.whileAway } = options
    if (checkWhileAway(whileAway) === 'reject' || this.#isOver) return false
    return this.#kept?.add(frame, call) ?? false
  }

  #definition(command: string): CommandDefinition {
    const { commands } = this.#context.game
    checkName('a command', command, commands)
    return commands[command] as CommandDefinition
  }

  #find(command: string): CommandDefinition | undefined {
    const { commands } = this.#context.game
    return Object.hasOwn(commands, command) ? commands[command] : undefined
  }

  #frame(command: string, payload: unknown): Uint8Array {
    const definition = this.#definition(command)
    const body = named(command, () => encodeMessage(definition.payload, payload as never))
    return encodeFrame(definition.id, body)
  }
}

function rawFrame(commandId: number, payload: unknown): Uint8Array {
  checkCommandId(commandId)
  if (payload !== undefined && !(payload instanceof Uint8Array))
    throw new TypeError(`Expected a payload as bytes in a Uint8Array, ${gotKind(payload)}`)
  return encodeFrame(commandId, payload)
}

function checkCommandId(commandId: number): void {
  if (!isGameCommandId(commandId))
    throw new TypeError(`Expected a command id from 0 to 0xFFFEFFFF, got ${String(commandId)}`)
}
