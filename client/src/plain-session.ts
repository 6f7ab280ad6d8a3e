import type { GameContract, ReplyOf } from '@ringside/protocol'
import { openSocket } from './client-context.ts'
import type { ClientContext } from './client-context.ts'
import type { CloseInfo, CommandError, PlainSession, RequestOptions } from './client-types.ts'
import { CommandChannel } from './command-channel.ts'
import { Connection } from './connection.ts'
import { closeError } from './dial-seat.ts'
import { Listeners } from './listeners.ts'
import { RequestError } from './request-error.ts'

/** Opens a connection that takes no seat. @throws RequestError */
export async function openPlainSession<G extends GameContract>(
  context: ClientContext,
): Promise<PlainSession<G>> {
  const connection = new Connection(await openSocket(context, 'ws'))
  // The listener is there before the connection is open, for the server may speak first.
  const session = new OpenSession<G>(context, connection)
  await opened(context, connection)
  session.opened()
  return session
}

function opened(context: ClientContext, connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelTimeout = context.timers.after(context.joinTimeoutMs, () =>
      connection.abort(`Not connected within ${context.joinTimeoutMs} ms`),
    )
    connection.onOpen = () => {
      cancelTimeout()
      resolve()
    }
    connection.onClose = (info) => {
      cancelTimeout()
      reject(closeError(info))
    }
    if (connection.isOpen) connection.onOpen()
  })
}

class OpenSession<G extends GameContract> implements PlainSession<G> {
  readonly #channel: CommandChannel
  readonly #connection: Connection
  readonly #closed = new Listeners<[CloseInfo]>()

  constructor(context: ClientContext, connection: Connection) {
    this.#connection = connection
    this.#channel = new CommandChannel(context)
    connection.onFrame = (id, frame) => {
      try {
        this.#channel.take(id, frame)
      } catch {
        connection.abort('The server sent what is not of the protocol')
      }
    }
  }

  opened(): void {
    const { closed } = this.#connection
    if (closed) throw new RequestError('disconnected', closed.reason, true)
    this.#channel.attach(this.#connection)
    this.#connection.onClose = (info) => {
      this.#channel.detach('The connection broke')
      this.#closed.call(info)
    }
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
    return this.#channel.request(command, payload, options)
  }

  rpc<R>(method: string, params?: unknown, options?: RequestOptions): Promise<R> {
    return this.#channel.rpc(method, params, options)
  }

  onMessage(commandId: number, handler: (payload: Uint8Array) => void): () => void {
    return this.#channel.onMessage(commandId, handler)
  }

  onError(handler: (error: CommandError) => void): () => void {
    return this.#channel.onError(handler)
  }

  onClose(handler: (info: CloseInfo) => void): () => void {
    return this.#closed.add(handler)
  }

  close(): void {
    this.#connection.close()
  }
}
