import type {
  HttpRequest as UwsRequest,
  HttpResponse as UwsResponse,
  TemplatedApp,
  WebSocket,
  WebSocketBehavior,
  us_listen_socket,
  us_socket_context_t,
} from 'uWebSockets.js'
import { closeCodes } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import { isPromise } from '../../process/promise.ts'
import { cutCloseReason } from '../close-reason.ts'
import type {
  Connection,
  ListenAddress,
  Transport,
  TransportHandlers,
  TransportOptions,
  UpgradeDecision,
  UpgradeRequest,
} from '../contract.ts'
import { SendResult } from '../contract.ts'
import { listenFailure } from '../listen-failure.ts'
import { offHeap } from '../off-heap.ts'
import { MAX_HEADER_BYTES, loadUws } from './load.ts'
import type { Uws } from './load.ts'
import type { ExchangeParts } from './http.ts'
import { UwsExchange, UwsHttpRequest, headersOf, peerAddressOf } from './http.ts'
import { framingFault, handshakeFault } from './request-check.ts'
import { SlowBodies } from './slow-bodies.ts'

/** uWebSockets.js drops a larger message without a frame; up to here the session answers 1009. */
const OVERSIZE_MARGIN_BYTES = 65_536
/** Close frames and last bytes get this long on `close` before sockets are cut. */
const CLOSE_GRACE_MS = 250
/** us_listen options: the port is ours alone (without it two processes would share it). */
const EXCLUSIVE_PORT = 1

const EMPTY = 0
const FULL = 1

/** The compiler folds a constant of its own module; one of another module it reads at each use. */
const { accepted: ACCEPTED, dropped: DROPPED } = SendResult

/** A socket once it is open. The connection is a property: less than asking native code for user data. */
interface OpenSocket extends Socket {
  connection: UwsConnection
}
type Socket = WebSocket<NoUserData>
type NoUserData = Readonly<Record<string, never>>

/** uWebSockets.js copies user data onto each socket, and even one property makes garbage. */
const NO_USER_DATA: NoUserData = {}

const CLOSING = { accept: false, status: 503, code: 'draining' } as const
const FAILED = { accept: false, status: 500, code: 'internal' } as const

function refuse(exchange: UwsExchange, { status, code }: { status: number; code: string }): void {
  exchange.send(
    status,
    {
      'content-type': 'application/json; charset=utf-8',
      ...(status === 429 || status === 503 ? { 'retry-after': '1' } : {}),
    },
    JSON.stringify({ error: { code, message: 'The handshake was refused' } }),
  )
}

/** A handler that the package has and its types leave out. */
interface Dropped {
  dropped: (ws: Socket) => void
}

/** `listen` with host and options together, which the package's types leave out. */
interface ListeningApp {
  listen(
    host: string,
    port: number,
    options: number,
    onListening: (socket: us_listen_socket | false) => void,
  ): void
}

/** Sockets and HTTP by uWebSockets.js. */
export class UwsTransport implements Transport {
  readonly #options: TransportOptions
  readonly #connections = new Set<UwsConnection>()
  readonly #exchanges = new Set<UwsExchange>()
  readonly #slow: SlowBodies
  /** One for all exchanges, since each holds it for as long as it is open. */
  readonly #shared: ExchangeParts
  readonly #maxHeaderBytes: number
  #app: TemplatedApp | null = null
  #uws: Uws | null = null
  #listenSocket: us_listen_socket | null = null
  /** A connection that is accepted, its open event under way. */
  #opening: UwsConnection | null = null
  #isClosing = false

  constructor(options: TransportOptions) {
    this.#options = options
    const { maxBehindMs = 8_000, minBytesPerSecond = 2_048 } = options
    this.#maxHeaderBytes = options.maxHeaderBytes ?? MAX_HEADER_BYTES
    this.#slow = new SlowBodies({ maxBehindMs, minBytesPerSecond })
    this.#shared = { open: this.#exchanges, slow: this.#slow }
  }

  async listen(address: ListenAddress, handlers: TransportHandlers): Promise<number> {
    if (this.#app) throw new RingsideError('already_listening')
    const uws = loadUws(this.#maxHeaderBytes)
    this.#uws = uws
    const app = uws.App()
    this.#app = app
    this.#routeSockets(app, handlers)
    app.any('/*', (response, request) => this.#exchange(handlers, response, request))
    return new Promise((resolve, rejectListen) => {
      const { host, port } = address
      ;(app as unknown as ListeningApp).listen(host, port, EXCLUSIVE_PORT, (socket) => {
        if (socket) {
          this.#listenSocket = socket
          resolve(uws.us_socket_local_port(socket))
          return
        }
        this.#app = null
        app.close()
        void listenFailure(address).then(rejectListen)
      })
    })
  }

  publish(topic: string, frame: Uint8Array): void {
    this.#app?.publish(topic, offHeap(frame), true)
  }

  async close(): Promise<void> {
    const app = this.#app
    if (!app || this.#isClosing) return
    this.#isClosing = true
    if (this.#listenSocket) this.#uws?.us_listen_socket_close(this.#listenSocket)
    this.#listenSocket = null
    const { code, reason } = closeCodes.going_away
    for (const connection of this.#connections) connection.close(code, reason)
    for (const exchange of this.#exchanges) exchange.endStream()
    await new Promise((resolve) => setTimeout(resolve, CLOSE_GRACE_MS))
    app.close()
    this.#slow.stop()
    this.#app = null
  }

  #routeSockets(app: TemplatedApp, handlers: TransportHandlers): void {
    const { maxMessageBytes, maxBufferedBytes, idleTimeoutMs } = this.#options
    const behavior: WebSocketBehavior<NoUserData> & Dropped = {
      maxPayloadLength: maxMessageBytes + OVERSIZE_MARGIN_BYTES,
      // Our own check comes first (UwsConnection.send); this one is for publish. The margin lets one
      // largest message and the close frame through.
      maxBackpressure: maxBufferedBytes + maxMessageBytes + OVERSIZE_MARGIN_BYTES,
      idleTimeout: Math.max(8, Math.floor(idleTimeoutMs / 4000) * 4),
      sendPingsAutomatically: true,
      upgrade: (response, request, context) => {
        this.#upgrade(handlers, { response, request, context })
      },
      open: (ws) => {
        const connection = this.#opening
        if (connection === null) return
        ;(ws as OpenSocket).connection = connection
        connection.opened(ws)
        this.#connections.add(connection)
        handlers.open(connection)
      },
      message: (ws, message, isBinary) => {
        handlers.message((ws as OpenSocket).connection, message, isBinary)
      },
      drain: (ws) => {
        const { connection } = ws as OpenSocket
        connection.drained()
        handlers.drain(connection)
      },
      // uWebSockets.js is in the midst of sending: the answer to it has to wait for another turn.
      dropped: (ws) => {
        const { connection } = ws as OpenSocket
        setImmediate(() => {
          if (connection.isOpen) handlers.dropped(connection)
        })
      },
      ping: (ws) => handlers.control?.((ws as OpenSocket).connection),
      pong: (ws) => handlers.control?.((ws as OpenSocket).connection),
      close: (ws, code, message) => {
        const { connection } = ws as OpenSocket
        const reason = Buffer.from(message).toString()
        connection.gone()
        this.#connections.delete(connection)
        handlers.close(connection, code, reason)
      },
    }
    app.ws('/*', behavior)
  }

  #upgrade(handlers: TransportHandlers, handshake: Handshake): void {
    const { response, request, context } = handshake
    const fault = handshakeFault(request, this.#maxHeaderBytes)
    if (fault !== null) {
      handlers.malformed?.('handshake')
      new UwsExchange(response, request, { open: new Set(), slow: this.#slow }).refuse(fault)
      return
    }
    const asked = new UwsUpgradeRequest(request, this.#clientOf(response, request))
    const decision = this.#isClosing ? CLOSING : handlers.upgrade(asked)
    if (isPromise(decision)) void this.#answerLater(decision, asked, handshake)
    else if (decision.accept) {
      const key = request.getHeader('sec-websocket-key')
      const extensions = request.getHeader('sec-websocket-extensions')
      this.#open(decision, asked, (protocol) =>
        response.upgrade(NO_USER_DATA, key, protocol, extensions, context),
      )
    } else
      refuse(new UwsExchange(response, request, { open: new Set(), slow: this.#slow }), decision)
  }

  /** What is read of the request is read before the wait, for afterwards it is no more. */
  async #answerLater(
    deciding: Promise<UpgradeDecision>,
    asked: UwsUpgradeRequest,
    { response, request, context }: Handshake,
  ): Promise<void> {
    const key = request.getHeader('sec-websocket-key')
    const extensions = request.getHeader('sec-websocket-extensions')
    const exchange = new UwsExchange(response, request, this.#shared)
    let decision: UpgradeDecision
    try {
      decision = await deciding
    } catch {
      decision = FAILED
    }
    // The client has gone.
    if (!exchange.isOpen) return
    if (this.#isClosing) decision = CLOSING
    if (!decision.accept) return refuse(exchange, decision)
    exchange.finish()
    this.#open(decision, asked, (protocol) =>
      response.cork(() => response.upgrade(NO_USER_DATA, key, protocol, extensions, context)),
    )
  }

  /** uWebSockets.js calls `open` before `upgrade` returns. */
  #open(
    { protocol, owner = null }: UpgradeDecision & { readonly accept: true },
    asked: UwsUpgradeRequest,
    upgrade: (protocol: string) => void,
  ): void {
    const { maxBufferedBytes } = this.#options
    this.#opening = new UwsConnection(asked.remoteAddress, protocol, maxBufferedBytes)
    this.#opening.owner = owner
    upgrade(protocol ?? '')
    this.#opening = null
  }

  #exchange(handlers: TransportHandlers, response: UwsResponse, request: UwsRequest): void {
    const exchange = new UwsExchange(response, request, this.#shared)
    const fault = framingFault(request, this.#maxHeaderBytes)
    if (fault !== null) {
      handlers.malformed?.('request')
      exchange.refuse(fault)
      return
    }
    try {
      const address = this.#clientOf(response, request)
      handlers.http(new UwsHttpRequest(exchange, request, address), exchange)
    } catch {
      exchange.send(
        500,
        { 'content-type': 'application/json; charset=utf-8' },
        '{"error":{"code":"internal","message":"The server failed"}}',
      )
    }
  }

  /** The address that limits go by (TR28). */
  #clientOf(response: UwsResponse, request: UwsRequest): string {
    const peer = peerAddressOf(response)
    const { clientAddress } = this.#options
    return clientAddress ? clientAddress(peer, forwardedForOf(request)) : peer
  }
}

/**
 * All lines of X-Forwarded-For, in order: `getHeader` gives the first, which a client may have left empty, and
 * HAProxy adds its own as the last.
 */
function forwardedForOf(request: UwsRequest): string {
  return linesOf(request, 'x-forwarded-for').join(',')
}

function linesOf(request: UwsRequest, header: string): string[] {
  const lines: string[] = []
  request.forEach((name, value) => {
    if (name === header) lines.push(value)
  })
  return lines
}

interface Handshake {
  readonly response: UwsResponse
  readonly request: UwsRequest
  readonly context: us_socket_context_t
}

/**
 * The request of a handshake. Headers are read from the native request when they are looked at: copies of every
 * one made garbage that an idle session in effect went on holding (`npm run bench -- dispatch`, bytes per connection).
 */
class UwsUpgradeRequest implements UpgradeRequest {
  readonly path: string
  readonly query: string
  readonly remoteAddress: string
  readonly protocols: readonly string[]
  readonly #request: UwsRequest

  constructor(request: UwsRequest, remoteAddress: string) {
    this.path = request.getUrl()
    this.query = request.getQuery()
    this.remoteAddress = remoteAddress
    const offered = request.getHeader('sec-websocket-protocol')
    this.protocols = offered === '' ? [] : offered.split(',').map((name) => name.trim())
    this.#request = request
  }

  copyHeaders(): ReadonlyMap<string, string> {
    return headersOf(this.#request)
  }

  header(name: string): string {
    // Two of them are no host, and the first alone would not tell.
    if (name === 'host') return linesOf(this.#request, name).join(', ')
    if (name === 'cookie') return linesOf(this.#request, name).join('; ')
    return this.#request.getHeader(name)
  }
}

/**
 * One socket. uWebSockets.js frees its object at the close event and throws when it is touched
 * afterwards, so every method looks at `isOpen` first.
 */
class UwsConnection implements Connection {
  owner: unknown = null
  allowanceBytes = 0
  readonly remoteAddress: string
  readonly protocol: string | null
  readonly #maxBufferedBytes: number
  /** Null before the open event and after the close event. */
  #ws: Socket | null = null
  /** FULL: the last send left bytes in the buffer and they have not drained. A number costs less than a boolean. */
  #fill: typeof EMPTY | typeof FULL = EMPTY

  constructor(remoteAddress: string, protocol: string | null, maxBufferedBytes: number) {
    this.remoteAddress = remoteAddress
    this.protocol = protocol
    this.#maxBufferedBytes = maxBufferedBytes
  }

  get isOpen(): boolean {
    return this.#ws !== null
  }

  get bufferedBytes(): number {
    return this.#ws === null ? 0 : this.#ws.getBufferedAmount()
  }

  send(frame: Uint8Array): SendResult {
    return this.#send(offHeap(frame))
  }

  sendBuffer(frame: ArrayBuffer): SendResult {
    return this.#send(frame)
  }

  #send(frame: Uint8Array | ArrayBuffer): SendResult {
    const ws = this.#ws
    if (ws === null) return DROPPED
    // This is asked only while the socket is full, for the question costs a call into native code.
    if (this.#fill === FULL && this.#isOver(ws.getBufferedAmount() + frame.byteLength))
      return DROPPED
    const result = ws.send(frame, true)
    if (result === 1) return ACCEPTED
    this.#fill = FULL
    return result === 0 ? ACCEPTED : DROPPED
  }

  #isOver(byteCount: number): boolean {
    return byteCount > this.#maxBufferedBytes + this.allowanceBytes
  }

  // Whatever is sent has what waits written first, and a ping is the one message that nobody sees.
  poke(): void {
    if (this.#ws === null || this.#ws.getBufferedAmount() === 0) return
    this.#ws.ping()
    this.drained()
  }

  subscribe(topic: string): void {
    this.#ws?.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.#ws?.unsubscribe(topic)
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, cutCloseReason(reason))
  }

  terminate(): void {
    this.#ws?.close()
  }

  drained(): void {
    this.#fill = this.#ws !== null && this.#ws.getBufferedAmount() > 0 ? FULL : EMPTY
  }

  /** Handles the open event. */
  opened(ws: Socket): void {
    this.#ws = ws
  }

  /** Handles the close event; the native object is freed when it returns. */
  gone(): void {
    this.#ws = null
  }
}
