import { WebSocket as Socket } from 'ws'
import { runtime } from '../runtime.ts'
import { currentUser } from '../virtual-user.ts'
import type { VirtualUser } from '../virtual-user.ts'

/** The longest wait for the answer to a handshake, in ms. */
const HANDSHAKE_TIMEOUT_MS = 60_000

type EventName = 'open' | 'close' | 'error' | 'message' | 'ping' | 'pong'

/** What a listener gets: of k6's members those that go with the type. */
export interface SocketEvent {
  readonly type: EventName
  /** Ms since the Unix epoch. */
  readonly timestamp: number
  readonly data?: string | ArrayBuffer | Blob
  readonly error?: string
  readonly code?: number
  readonly reason?: string
}

/** The types of `ws` do not name `blob` yet. */
type SocketBinaryType = Socket['binaryType']

type Listener = (event: SocketEvent) => void

interface SocketParams {
  readonly headers?: Readonly<Record<string, string>>
  readonly compression?: string
  readonly tags?: Readonly<Record<string, string>>
}

/**
 * The `WebSocket` of `k6/websockets`, with k6's metrics: `ws_connecting`, `ws_sessions`, `ws_session_duration`,
 * `ws_msgs_sent`, `ws_msgs_received`, `ws_ping`. The iteration lasts until it is closed.
 */
export class WebSocket {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSING = 2
  static readonly CLOSED = 3
  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSING = 2
  readonly CLOSED = 3
  readonly url: string
  onopen: Listener | null = null
  onclose: Listener | null = null
  onerror: Listener | null = null
  onmessage: Listener | null = null
  onping: Listener | null = null
  onpong: Listener | null = null
  readonly #user: VirtualUser
  readonly #socket: Socket
  readonly #listeners = new Map<EventName, Listener[]>()
  readonly #tags: Readonly<Record<string, string>>
  readonly #resource: { stop: () => void }
  #openedAt = 0
  #pingedAt = 0

  constructor(url: string, _protocols?: unknown, params?: SocketParams | null) {
    const user = currentUser('WebSocket')
    const { clock } = runtime()
    const dialledAt = clock.now()
    this.url = url
    this.#user = user
    this.#tags = params?.tags ? { ...user.tags, ...params.tags } : user.tags
    const socket = new Socket(url, {
      ...(params?.headers ? { headers: params.headers } : {}),
      ...(user.localAddress ? { localAddress: user.localAddress } : {}),
      perMessageDeflate: params?.compression === 'deflate',
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      followRedirects: false,
    })
    this.#socket = socket
    socket.binaryType = 'blob' as SocketBinaryType
    this.#resource = {
      stop: () => {
        socket.removeAllListeners()
        // Ending a handshake that is on its way makes an error, which nobody waits for.
        socket.on('error', () => undefined)
        socket.terminate()
      },
    }
    user.add(this.#resource)
    socket.on('open', () => {
      this.#openedAt = clock.now()
      this.#count('ws_connecting', this.#openedAt - dialledAt)
      this.#count('ws_sessions', 1)
      this.#fire({ type: 'open', timestamp: Date.now() }, this.onopen)
    })
    socket.on('message', (data, isBinary) => {
      this.#count('ws_msgs_received', 1)
      const body = isBinary ? (data as unknown as ArrayBuffer | Blob) : (data as Buffer).toString()
      this.#fire({ type: 'message', timestamp: Date.now(), data: body }, this.onmessage)
    })
    socket.on('ping', () => this.#fire({ type: 'ping', timestamp: Date.now() }, this.onping))
    socket.on('pong', () => {
      this.#count('ws_ping', clock.now() - this.#pingedAt)
      this.#fire({ type: 'pong', timestamp: Date.now() }, this.onpong)
    })
    socket.on('error', ({ message }) =>
      this.#fire({ type: 'error', timestamp: Date.now(), error: message }, this.onerror),
    )
    socket.on('close', (code, reason) => {
      if (this.#openedAt > 0) this.#count('ws_session_duration', clock.now() - this.#openedAt)
      const event = { type: 'close', timestamp: Date.now(), code, reason: String(reason) } as const
      this.#fire(event, this.onclose)
      user.delete(this.#resource)
    })
  }

  get readyState(): number {
    return this.#socket.readyState
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  get binaryType(): string {
    return this.#socket.binaryType
  }

  /** `arraybuffer`, or `blob`, which is k6's default. */
  set binaryType(type: string) {
    if (type !== 'arraybuffer' && type !== 'blob')
      throw new TypeError(`Expected binaryType 'arraybuffer' or 'blob', got '${type}'`)
    this.#socket.binaryType = type as SocketBinaryType
  }

  send(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#socket.send(data)
    this.#count('ws_msgs_sent', 1)
  }

  ping(): void {
    this.#pingedAt = runtime().clock.now()
    this.#socket.ping()
  }

  close(code = 1000, reason = ''): void {
    this.#socket.close(code, reason)
  }

  addEventListener(type: EventName, listener: Listener): void {
    const listeners = this.#listeners.get(type)
    if (listeners) listeners.push(listener)
    else this.#listeners.set(type, [listener])
  }

  #fire(event: SocketEvent, handler: Listener | null): void {
    if (handler) this.#user.call(() => handler(event))
    const listeners = this.#listeners.get(event.type)
    if (listeners) for (const listener of listeners) this.#user.call(() => listener(event))
  }

  #count(name: string, value: number): void {
    runtime().metrics.add(name, value, this.#tags)
  }
}
