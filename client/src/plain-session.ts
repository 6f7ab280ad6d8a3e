import { decodeSystem, system } from '@ringside/protocol'
import type { GameContract, ReplyOf } from '@ringside/protocol'
import { onAbort } from './abort.ts'
import type { ClientContext } from './client-context.ts'
import type { CloseInfo, CommandError, PlainSession, RequestOptions } from './client-types.ts'
import { ClockSync } from './clock-sync.ts'
import { EarlyFrames } from './early-frames.ts'
import { CommandChannel } from './command-channel.ts'
import type { Connection } from './connection.ts'
import { closeError, openConnection } from './dial-seat.ts'
import { Heartbeat } from './heartbeat.ts'
import { answerWish, contractError, introduce } from './introduce.ts'
import { Listeners, callGuarded } from './listeners.ts'
import { RequestError } from './request-error.ts'

/** Opens a connection that takes no seat. @throws the signal's reason; RequestError */
export async function openPlainSession<G extends GameContract>(
  context: ClientContext,
  signal?: AbortSignal,
): Promise<PlainSession<G>> {
  const connection = await openConnection(context, 'ws', signal)
  // The listener is there before the connection is open, for the server may speak first.
  const session = new OpenSession<G>(context, connection)
  await opened(context, connection, signal)
  if (signal?.aborted) {
    connection.abort('Aborted')
    throw signal.reason
  }
  session.opened()
  return session
}

function opened(
  context: ClientContext,
  connection: Connection,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelTimeout = context.timers.after(context.joinTimeoutMs, () =>
      connection.abort(`Not connected within ${context.joinTimeoutMs} ms`),
    )
    let stop = (): void => {}
    connection.onOpen = () => {
      cancelTimeout()
      stop()
      resolve()
    }
    connection.onClose = (info) => {
      cancelTimeout()
      stop()
      reject(signal?.aborted ? signal.reason : closeError(info))
    }
    stop = onAbort(signal, () => connection.abort('Aborted'))
    if (connection.isOpen) connection.onOpen()
  })
}

class OpenSession<G extends GameContract> implements PlainSession<G> {
  readonly #channel: CommandChannel
  readonly #connection: Connection
  readonly #context: ClientContext
  #mismatch: RequestError | null = null
  readonly #early: EarlyFrames
  #end: CloseInfo | null = null
  readonly #closed = new Listeners<[CloseInfo]>()
  readonly #heartbeat: Heartbeat
  #goingAwayMs: number | null = null

  constructor(context: ClientContext, connection: Connection) {
    this.#connection = connection
    this.#context = context
    this.#early = new EarlyFrames(context.timers)
    this.#channel = new CommandChannel(context, this.#early)
    this.#heartbeat = new Heartbeat(context, connection, new ClockSync(context.timers))
    connection.onFrame = (id, frame) => {
      try {
        this.#heartbeat.take(id, frame)
        if (id === system.goingAway.id) {
          this.#goingAwayMs = decodeSystem('goingAway', frame).retryMs
          return
        }
        answerWish(id, connection, context.game)
        if (id !== system.error.id || !this.#isOfContract(frame)) this.#channel.take(id, frame)
      } catch {
        connection.abort('The server sent what is not of the protocol')
      }
    }
  }

  opened(): void {
    const { closed } = this.#connection
    if (closed) throw new RequestError('disconnected', closed.reason, true)
    // It is a word as well: a socket that says none is closed with `idle`, and many a session only listens.
    introduce(this.#connection, this.#context.game)
    this.#early.begin()
    this.#channel.attach(this.#connection)
    this.#heartbeat.start()
    this.#connection.onClose = (info) => {
      this.#heartbeat.stop()
      const mismatch = this.#mismatch ?? contractError(info.code)
      this.#channel.detach(mismatch ?? 'The connection broke')
      const goingAwayMs = this.#goingAwayMs
      const told = goingAwayMs === null ? info : { ...info, goingAwayMs }
      this.#end = mismatch ? { code: info.code, reason: mismatch.message } : told
      this.#closed.call(this.#end)
    }
  }

  /** Takes the server's word on our contract. One that does not know the message takes any contract. */
  #isOfContract(frame: Uint8Array): boolean {
    const { command, correlation, code, message } = decodeSystem('error', frame)
    if (command !== system.contract.id || correlation !== undefined) return false
    if (code === 'contract_mismatch') this.#mismatch = new RequestError(code, message, false)
    return true
  }

  get isOpen(): boolean {
    return this.#connection.isOpen
  }

  send(command: string | number, payload?: unknown): boolean {
    return this.#channel.send(command, payload)
  }

  request<N extends keyof G['commands'] & string>(
    command: N,
    payload: unknown,
    options?: RequestOptions,
  ): Promise<ReplyOf<G['commands'][N]>> {
    if (this.#mismatch) return Promise.reject(this.#mismatch)
    return this.#channel.request(command, payload, options)
  }

  rpc<R>(method: string, params?: unknown, options?: RequestOptions): Promise<R> {
    if (this.#mismatch) return Promise.reject(this.#mismatch)
    return this.#channel.rpc(method, params, options)
  }

  onMessage(commandId: number, handler: (payload: Uint8Array) => void): () => void {
    return this.#channel.onMessage(commandId, handler)
  }

  onError(handler: (error: CommandError) => void): () => void {
    return this.#channel.onError(handler)
  }

  onClose(handler: (info: CloseInfo) => void): () => void {
    const end = this.#end
    if (!end) return this.#closed.add(handler)
    let isWanted = true
    queueMicrotask(() => {
      if (isWanted) callGuarded(() => handler(end))
    })
    return () => {
      isWanted = false
    }
  }

  close(): void {
    this.#heartbeat.stop()
    this.#connection.close()
  }
}
