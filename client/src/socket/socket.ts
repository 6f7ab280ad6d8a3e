/**
 * The part of the browser's WebSocket that the SDK uses; the server's `loopback()` has this shape too.
 * `onclose` comes exactly once, also when the connection never opened.
 */
export interface WebSocketLike {
  binaryType: string
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number
  /** Bytes handed to `send` that the network has not taken. */
  readonly bufferedAmount: number
  onopen: (() => void) | null
  onmessage: ((event: { data: ArrayBuffer }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: (() => void) | null
  send(data: Uint8Array): void
  close(code?: number, reason?: string): void
  /** Drops the connection without a closing handshake, where that can be done. */
  terminate?(): void
}

/** Opens a WebSocket to `url` (ws: or wss:) and offers `protocol`. */
export type SocketFactory = (
  url: string,
  protocol: string,
) => WebSocketLike | Promise<WebSocketLike>
