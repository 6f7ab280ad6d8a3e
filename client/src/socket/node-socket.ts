import type { ClientOptions } from 'ws'
import type { SocketFactory, WebSocketLike } from './socket.ts'

/** A peer that does not answer a close is not waited for any longer: the wait keeps the process. */
const CLOSE_MS = 1_000

/** Node's own WebSocket where there is one (22 and later), else the package `ws`. */
export const defaultSocket: SocketFactory = async (url, protocol) => {
  const Native = globalThis.WebSocket
  if (Native) return new Native(url, protocol) as unknown as WebSocketLike
  const { WebSocket } = await import('ws')
  // Its types do not know the option yet.
  const options: ClientOptions & { closeTimeout: number } = { closeTimeout: CLOSE_MS }
  return new WebSocket(url, protocol, options) as unknown as WebSocketLike
}
