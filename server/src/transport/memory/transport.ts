import { closeCodes } from '@ringside/protocol'
import { LOOPBACK_ADDRESS } from '../contract.ts'
import { RingsideError } from '../../process/errors.ts'
import { isPromise } from '../../process/promise.ts'
import { DEFAULT_HOST, MemoryExchange } from './http.ts'
import type { MemoryRequest } from './http.ts'
import { MemoryConnection } from './socket.ts'
import type { MemoryHub, MemorySocket } from './socket.ts'
import type {
  ListenAddress,
  LoopbackSocket,
  Transport,
  TransportHandlers,
  TransportOptions,
  UpgradeDecision,
  UpgradeRequest,
} from '../contract.ts'

const CLOSING = { accept: false, status: 503, code: 'draining' } as const
const FAILED = { accept: false, status: 500, code: 'internal' } as const

/** A test or the server itself dials in with these; everything has a default. */
export interface MemoryDial {
  readonly path?: string
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly protocols?: readonly string[]
  readonly remoteAddress?: string
}

/** A handshake that was answered with an HTTP status instead. */
export interface MemoryRefusal {
  readonly status: number
  readonly code: string
}

/**
 * Sockets and HTTP within the process: for tests, where fullness is set by hand
 * (`MemorySocket.setFull`), and for `server.loopback()`. Frames arrive in a microtask.
 */
export class MemoryTransport implements Transport {
  readonly #options: TransportOptions
  readonly #topics = new Map<string, Set<MemoryConnection>>()
  readonly #connections = new Set<MemoryConnection>()
  readonly #exchanges = new Set<MemoryExchange>()
  #handlers: TransportHandlers | null = null
  readonly #hub: MemoryHub = {
    subscribe: (connection, topic) => {
      const members = this.#topics.get(topic)
      if (members) members.add(connection)
      else this.#topics.set(topic, new Set([connection]))
    },
    unsubscribe: (connection, topic) => {
      const members = this.#topics.get(topic)
      members?.delete(connection)
      if (members?.size === 0) this.#topics.delete(topic)
    },
    gone: (connection) => {
      this.#connections.delete(connection)
    },
  }

  constructor(options: TransportOptions) {
    this.#options = options
  }

  /** Open connections, for asserts. */
  get connectionCount(): number {
    return this.#connections.size
  }

  listen(address: ListenAddress, handlers: TransportHandlers): Promise<number> {
    if (this.#handlers) return Promise.reject(new RingsideError('already_listening'))
    this.#handlers = handlers
    return Promise.resolve(address.port)
  }

  publish(topic: string, frame: Uint8Array): void {
    for (const connection of this.#topics.get(topic) ?? []) connection.publish(frame)
  }

  async close(): Promise<void> {
    this.#handlers = null
    const { code, reason } = closeCodes.going_away
    for (const connection of this.#connections) connection.close(code, reason)
    for (const exchange of this.#exchanges) exchange.endStream()
    await Promise.resolve()
  }

  /** Breaks every connection, without a closing handshake. */
  terminateAll(): void {
    // A copy: each one leaves the set.
    for (const connection of Array.from(this.#connections)) connection.terminate()
  }

  /**
   * Dials; the handshake is decided at once.
   * @throws RingsideError unavailable when nothing listens, or the handshake is decided later: see `handshake`.
   */
  dial(dial: MemoryDial = {}): MemorySocket | MemoryRefusal {
    let answer: MemorySocket | MemoryRefusal | null = null
    const leave = this.handshake(dial, (given) => {
      answer = given
    })
    if (answer) return answer
    leave()
    throw new RingsideError('unavailable', 'Expected a handshake that is decided at once')
  }

  /**
   * Dials, and calls `answered` with what becomes of it: before this returns, when the handshake is decided at once. The
   * returned function is a client that leaves before that; nothing is opened for it.
   * @throws RingsideError unavailable when nothing listens.
   */
  handshake(
    dial: MemoryDial,
    answered: (answer: MemorySocket | MemoryRefusal) => void,
  ): () => void {
    const handlers = this.#handlers
    if (!handlers) throw new RingsideError('unavailable', 'Expected a transport that listens')
    const headers = dial.headers ?? {}
    const request: UpgradeRequest = {
      path: dial.path ?? '/ws',
      query: dial.query ?? '',
      header: (name) => headers[name] ?? (name === 'host' ? DEFAULT_HOST : ''),
      copyHeaders: () => new Map(Object.entries({ host: DEFAULT_HOST, ...headers })),
      remoteAddress: this.#clientOf(dial.remoteAddress ?? LOOPBACK_ADDRESS, headers),
      protocols: dial.protocols ?? [],
    }
    let hasLeft = false
    const answer = (decision: UpgradeDecision): void => {
      if (!hasLeft) answered(this.#answer(decision, request, handlers))
    }
    const decision = handlers.upgrade(request)
    if (isPromise(decision)) decision.then(answer, () => answer(FAILED))
    else answer(decision)
    return () => {
      hasLeft = true
    }
  }

  #answer(
    given: UpgradeDecision,
    { remoteAddress }: UpgradeRequest,
    handlers: TransportHandlers,
  ): MemorySocket | MemoryRefusal {
    // It may have been closed meanwhile, and what stands there now is another's.
    const decision = this.#handlers === handlers ? given : CLOSING
    if (!decision.accept) return { status: decision.status, code: decision.code }
    const { protocol, owner = null } = decision
    const connection = new MemoryConnection({
      handlers,
      hub: this.#hub,
      options: this.#options,
      remoteAddress,
      protocol,
    })
    connection.owner = owner
    this.#connections.add(connection)
    return connection.open()
  }

  /**
   * Dials for `server.loopback()`.
   * @throws RingsideError draining when the handshake is refused.
   */
  loopback(): LoopbackSocket {
    const socket = this.dial()
    if ('status' in socket)
      throw new RingsideError('draining', `Expected an open server, got ${socket.status}`)
    return socket
  }

  /** Sends one HTTP request; the result fills in as the server answers. */
  request(request: MemoryRequest): MemoryExchange {
    const handlers = this.#handlers
    if (!handlers) throw new RingsideError('unavailable', 'Expected a transport that listens')
    const peer = request.remoteAddress ?? '127.0.0.1'
    const address = this.#clientOf(peer, request.headers ?? {})
    const exchange = new MemoryExchange({ ...request, remoteAddress: address }, () => {
      this.#exchanges.delete(exchange)
    })
    this.#exchanges.add(exchange)
    try {
      handlers.http(exchange, exchange)
    } catch {
      exchange.send(500, {}, '{"error":{"code":"internal","message":"The server failed"}}')
    }
    return exchange
  }

  /** The address that limits go by (TR28). */
  #clientOf(peer: string, headers: Readonly<Record<string, string>>): string {
    const { clientAddress } = this.#options
    return clientAddress ? clientAddress(peer, headers['x-forwarded-for'] ?? '') : peer
  }
}
