import type { ClientAddress } from './client-address.ts'

/** `remoteAddress` of connections that never left the process; no network client can have it. */
export const LOOPBACK_ADDRESS = 'loopback'

/**
 * Step 1, the contract of sockets and HTTP, whatever carries them. One suite holds every implementation to it
 * (server/test/transport/contract.ts). Nothing above this folder imports uWebSockets.js.
 */
export interface Transport {
  /**
   * Starts to accept. Resolves with the port in use (asked for 0: the one given).
   * @throws RingsideError port_in_use when another process holds the port: listening is exclusive; port_forbidden when
   * this process may not have it; host_unavailable when the host is none of this machine's.
   */
  listen(address: ListenAddress, handlers: TransportHandlers): Promise<number>
  /** Sends one frame to every connection subscribed to the topic; `frame` may be reused afterwards. */
  publish(topic: string, frame: Uint8Array): void
  /** Stops accepting, then ends what is open with 1001. Resolves once nothing is open. */
  close(): Promise<void>
}

export interface ListenAddress {
  readonly host: string
  /** 0-65535; 0 takes any free port. */
  readonly port: number
  /** The port of a plain door (TR46) beside it; default: none. */
  readonly plainPort?: number
}

/** The transport calls these, all synchronously and from its own turn. */
export interface TransportHandlers {
  /**
   * Decides on a WebSocket handshake before it is answered. A promise is waited for as long as it takes: whoever makes
   * it bounds that. A client that leaves meanwhile is not told of, and nothing is opened for it; one whose promise rejects
   * is refused with 500 (AU33).
   */
  upgrade(request: UpgradeRequest): UpgradeDecision | Promise<UpgradeDecision>
  open(connection: Connection): void
  /** `message` is lent: it is valid only until this call returns. */
  message(connection: Connection, message: ArrayBuffer, isBinary: boolean): void
  /** The connection's buffer went down; look at `bufferedBytes`. */
  drain(connection: Connection): void
  /**
   * A published frame found the connection's buffer over its limit and was left out for it: what the
   * client has seen is no longer whole.
   */
  dropped(connection: Connection): void
  /**
   * May be called from within `Connection.close` and `terminate`. Called exactly once for each opened
   * connection. Afterwards `isOpen` is false and every method of the connection does nothing.
   */
  close(connection: Connection, code: number, reason: string): void
  /** A ping or a pong came, which the transport itself answers where it is to be answered. */
  control?(connection: Connection): void
  /** The transport has refused what is no request, or no handshake, by itself. */
  malformed?(what: 'request' | 'handshake'): void
  /** Answers one HTTP request; anything it throws is answered with 500. */
  http(request: HttpRequest, response: HttpResponse): void
}

/** The known parts of a handshake. */
export interface UpgradeRequest {
  readonly path: string
  /** The query without its question mark. */
  readonly query: string
  /** Lower-case name; '' when absent. Headers are lent: ask only until `upgrade` returns. */
  header(name: string): string
  /** A copy of all headers by their lower-case names, which may be kept; lent as they are, as `header`. */
  copyHeaders(): ReadonlyMap<string, string>
  readonly remoteAddress: string
  /** The subprotocols the client offers, in its order. */
  readonly protocols: readonly string[]
}

export type UpgradeDecision =
  | {
      readonly accept: true
      /** The subprotocol to echo; null for none. */
      readonly protocol: string | null
      /** The connection has it as its `owner` when `open` is called. Default null. */
      readonly owner?: unknown
    }
  | { readonly accept: false; readonly status: number; readonly code: string }

/** Result of {@link Connection.send}. */
export const SendResult = {
  /** The frame was handed to the kernel, or queued within the limit. */
  accepted: 0,
  /** Nothing was queued: the buffer is over `maxBufferedBytes`, or the connection is closed. */
  dropped: 1,
} as const
export type SendResult = (typeof SendResult)[keyof typeof SendResult]

/** One WebSocket. Methods may be called at any time, also after it closed. */
export interface Connection {
  readonly isOpen: boolean
  readonly remoteAddress: string
  /** The subprotocol agreed on, or null. */
  readonly protocol: string | null
  /** Bytes accepted but not yet taken by the kernel. */
  readonly bufferedBytes: number
  /** So many bytes may wait beyond `maxBufferedBytes`; the slot is the owner's to set, 0 at first. */
  allowanceBytes: number
  /**
   * Hands the kernel what it has room for. Over a slow line a large kernel buffer is not drained for many seconds,
   * though its bytes are going out all the while (TR30).
   */
  poke(): void
  /** The session that this connection belongs to; the slot is the owner's to set, and has that of the decision at first. */
  owner: unknown
  /** Sends one binary message. The bytes are copied or gone when it returns. */
  send(frame: Uint8Array): SendResult
  /**
   * The same, in order with `send`, for memory that holds the frame and nothing else. A message may be sent back
   * as it was lent, until `message` returns. It costs less than a view: `npm run bench -- dispatch`.
   */
  sendBuffer(frame: ArrayBuffer): SendResult
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  /** Begins the closing handshake; all accepted before is sent first. `reason` over 123 bytes is cut. */
  close(code: number, reason: string): void
  /** Drops the socket without a handshake. */
  terminate(): void
}

/** One HTTP request. It is copied from the transport, so it may be kept. */
export interface HttpRequest {
  /** The method as it was sent: methods are told apart by case. */
  readonly method: string
  /** The path as it was sent, percent-encoding and all, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Lower-case name; '' when absent. */
  header(name: string): string
  readonly remoteAddress: string
  /** True where there is no Host and none is needed: of HTTP/1.0, which no browser speaks. Default false. */
  readonly isHostless?: boolean
  /**
   * Reads the whole body. It must be called in the same turn as the handler.
   * @throws RingsideError body_too_large beyond `maxBytes`; aborted when the client is gone.
   */
  body(maxBytes: number): Promise<Uint8Array>
}

export interface HttpResponse {
  /** False once it was answered or the client has gone. */
  readonly isOpen: boolean
  /** Calls `listener` once if the client goes before it was answered; at most one is kept. */
  onAborted(listener: () => void): void
  /** Answers in one go. Does nothing when no longer open. */
  send(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array | string): void
  /** Answers 200 with these headers and leaves the body open; null when the client has gone. */
  stream(headers: Readonly<Record<string, string>>): ByteStream | null
}

/** An open HTTP body, as SSE uses it. Its owner bounds what waits: look at what `write` returns. */
export interface ByteStream {
  readonly isOpen: boolean
  /**
   * Writes the bytes. All are taken, but what the socket does not take yet is kept as it is: they must never change.
   * False = the socket is full: write nothing more until `onWritable`.
   */
  write(bytes: Uint8Array): boolean
  /** Bytes written but not yet taken by the kernel. */
  readonly bufferedBytes: number
  /**
   * Hands a full socket what it has room for, as {@link Connection.poke}, which may call `onWritable`. `filler` may be
   * written for that where nothing else waits: bytes that mean nothing between two writes, such as a comment of SSE.
   */
  poke(filler: Uint8Array): void
  /** Is called when a full socket takes bytes again. */
  onWritable: (() => void) | null
  /** Is called exactly once, when the client has gone or `end` was called. */
  onClose: (() => void) | null
  end(): void
}

/** Limits that every implementation keeps. */
export interface TransportOptions {
  /** Largest WebSocket message in bytes; beyond `maxPayloadBytes` the session answers 1009. */
  readonly maxMessageBytes: number
  /** Bytes queued for one WebSocket before `send` drops; a first message may be larger. */
  readonly maxBufferedBytes: number
  /** A WebSocket from which nothing (not even a pong) came for this long is closed, in ms. */
  readonly idleTimeoutMs: number
  /** Who is slow to read the answer to a request is cut off. Defaults: 8,000 ms, 2,048 bytes. */
  readonly maxBehindMs?: number
  readonly minBytesPerSecond?: number
  /** A request whose target and headers are larger is 431. Default 16,384 bytes. */
  readonly maxHeaderBytes?: number
  /** Names the client that a request comes from; default: the other end of its socket. */
  readonly clientAddress?: ClientAddress
}

/** The part of the browser's WebSocket that the SDK needs. */
export interface LoopbackSocket {
  binaryType: string
  readonly readyState: number
  readonly bufferedAmount: number
  onopen: (() => void) | null
  onmessage: ((event: { data: ArrayBuffer }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: (() => void) | null
  send(data: Uint8Array): void
  close(code?: number, reason?: string): void
}
