import type { SocketFactory, WebSocketLike } from './socket.ts'

/** The platform's own WebSocket. */
export const defaultSocket: SocketFactory = (url, protocol) =>
  new WebSocket(url, protocol) as unknown as WebSocketLike
