import type { SocketFactory, WebSocketLike } from './socket.ts'

/** Node's own WebSocket where there is one (22 and later), else the package `ws`. */
export const defaultSocket: SocketFactory = async (url, protocol) => {
  const Socket = globalThis.WebSocket ?? (await import('ws')).WebSocket
  return new Socket(url, protocol) as unknown as WebSocketLike
}
