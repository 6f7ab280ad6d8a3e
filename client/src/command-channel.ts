import {
  FRAME_HEADER_BYTES,
  decodeMessage,
  decodeSystem,
  encodeFrame,
  encodeMessage,
  encodeSystem,
  isGameCommandId,
  system,
} from '@ringside/protocol'
import type { CommandDefinition, GameContract } from '@ringside/protocol'
import type { CommandError, CommandSender, RequestOptions } from './client-types.ts'
import { MAX_TIMER_MS } from './client-context.ts'
import type { ClientContext } from './client-context.ts'
import type { Connection } from './connection.ts'
import { Listeners } from './listeners.ts'
import { RequestError } from './request-error.ts'

/** A server that answers nothing must not make the table grow for ever. */
const MAX_PENDING = 1_000

interface Pending {
  readonly definition: CommandDefinition
  readonly resolve: (answer: never) => void
  readonly reject: (error: RequestError) => void
  readonly cancelTimeout: () => void
}

/**
 * Commands, requests and raw messages over whichever connection is attached. Without one, commands are
 * dropped (inputs go stale) and requests fail: nothing is kept for later.
 */
export class CommandChannel implements CommandSender<GameContract> {
  readonly #context: ClientContext
  readonly #pending = new Map<number, Pending>()
  readonly #messages = new Map<number, Listeners<[Uint8Array]>>()
  readonly #errors = new Listeners<[CommandError]>()
  #connection: Connection | null = null
  #correlation = 0

  constructor(context: ClientContext) {
    this.#context = context
  }

  attach(connection: Connection): void {
    this.#connection = connection
  }

  /** Fails every pending request: whether the server did it is not known. */
  detach(reason: string): void {
    this.#connection = null
    for (const correlation of this.#pending.keys())
      this.#settle(correlation)?.reject(new RequestError('disconnected', reason, true))
  }

  send(command: string | number, payload?: unknown): boolean {
    const frame =
      typeof command === 'number'
        ? rawFrame(command, payload as Uint8Array | undefined)
        : this.#frame(command, payload)
    const connection = this.#connection
    if (!connection || connection.bufferedBytes > this.#context.maxBufferedBytes) return false
    return connection.send(frame)
  }

  request<R>(command: string, payload: unknown, options: RequestOptions = {}): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const definition = this.#definition(command)
      const body = encodeMessage(definition.payload, payload as never)
      const timeoutMs = options.timeoutMs ?? this.#context.requestTimeoutMs
      if (!(timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS))
        throw new TypeError(`Expected timeoutMs from 1 to ${MAX_TIMER_MS}, got ${timeoutMs}`)
      if (this.#pending.size >= MAX_PENDING)
        throw new RequestError('too_many_pending', `${MAX_PENDING} requests wait already`, true)
      const correlation = this.#nextCorrelation()
      const frame = encodeSystem('request', { correlation, command: definition.id, payload: body })
      if (!this.#connection?.send(frame))
        throw new RequestError('disconnected', 'There is no connection', true)
      const cancelTimeout = this.#context.timers.after(timeoutMs, () => {
        const error = new RequestError('timeout', `No answer within ${timeoutMs} ms`, true)
        this.#settle(correlation)?.reject(error)
      })
      this.#pending.set(correlation, { definition, resolve, reject, cancelTimeout })
    })
  }

  onMessage(commandId: number, handler: (payload: Uint8Array) => void): () => void {
    let listeners = this.#messages.get(commandId)
    if (!listeners) this.#messages.set(commandId, (listeners = new Listeners()))
    return listeners.add(handler)
  }

  onError(handler: (error: CommandError) => void): () => void {
    return this.#errors.add(handler)
  }

  /** Takes a frame that concerns commands; others are ignored. @throws PayloadError */
  take(id: number, frame: Uint8Array): void {
    if (isGameCommandId(id)) this.#messages.get(id)?.call(frame.subarray(FRAME_HEADER_BYTES))
    else if (id === system.reply.id) this.#takeReply(frame)
    else if (id === system.error.id) this.#takeError(frame)
  }

  #takeReply(frame: Uint8Array): void {
    const { correlation, payload } = decodeSystem('reply', frame)
    const pending = this.#settle(correlation)
    if (!pending) return
    const { reply } = pending.definition
    try {
      pending.resolve((reply ? decodeMessage(reply, payload) : undefined) as never)
    } catch {
      pending.reject(new RequestError('bad_answer', 'The answer is not of the contract', false))
    }
  }

  #takeError(frame: Uint8Array): void {
    const { command, correlation, code, message, retry } = decodeSystem('error', frame)
    if (correlation !== undefined)
      this.#settle(correlation)?.reject(new RequestError(code, message, retry))
    else this.#errors.call({ commandId: command, code, message, retry })
  }

  #settle(correlation: number): Pending | undefined {
    const pending = this.#pending.get(correlation)
    this.#pending.delete(correlation)
    pending?.cancelTimeout()
    return pending
  }

  #nextCorrelation(): number {
    do this.#correlation = (this.#correlation + 1) >>> 0
    while (this.#pending.has(this.#correlation))
    return this.#correlation
  }

  #definition(command: string): CommandDefinition {
    const { commands } = this.#context.game
    const definition = Object.hasOwn(commands, command) ? commands[command] : undefined
    if (!definition) throw new TypeError(`Expected a command of the contract, got '${command}'`)
    return definition
  }

  #frame(command: string, payload: unknown): Uint8Array {
    const definition = this.#definition(command)
    return encodeFrame(definition.id, encodeMessage(definition.payload, payload as never))
  }
}

function rawFrame(commandId: number, payload: Uint8Array | undefined): Uint8Array {
  if (!isGameCommandId(commandId))
    throw new TypeError(`Expected a command id from 0 to 0xFFFEFFFF, got ${commandId}`)
  return encodeFrame(commandId, payload)
}
