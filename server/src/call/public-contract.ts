import type { Principal } from '../auth/principal.ts'

export type { RequestFacts } from '../auth/request-facts.ts'

/** One connection. It is valid until onDisconnect returned; afterwards its methods do nothing. */
export interface Session<Data = Record<string, unknown>> {
  /** Unique per connection, made by the server. */
  readonly id: string
  readonly remoteAddress: string
  readonly isOpen: boolean
  /** An operator has muted them. Commands with `chat` are refused by themselves; ask for what else they may say. */
  readonly isMuted: boolean
  /** What `authorizeConnection` has returned for its handshake; undefined where nobody was asked. */
  readonly auth: unknown
  /** Who it is, by key, token or cookie of the handshake, or by `auth.refresh`. It is closed when they are over. */
  readonly principal: Principal
  /** The room whose seat this connection holds, or null. */
  readonly roomId: string | null
  /**
   * Aborts when the connection closes: pass it to work for this client alone. It is made when it is first asked
   * for.
   */
  readonly signal: AbortSignal
  /** The game's own notes; empty at onConnect. */
  data: Data
  /** Sends one frame; the bytes are copied. A client over its byte budget is closed with `slow`. */
  send(commandId: number, payload?: Uint8Array): void
  /** Sends to every open session, this one included; encoded once. */
  broadcast(commandId: number, payload?: Uint8Array): void
  /** Closes after everything sent before. `code`: 1000 or 3000-4999. */
  close(code?: number, reason?: string): void
}

/** A connection ended for this reason. */
export interface DisconnectReason {
  /** WebSocket close code; 1006 when there was no closing handshake. */
  readonly code: number
  readonly reason: string
  /** True when the server closed it. */
  readonly byServer: boolean
}

/** The caller of a method of JSON-RPC: a connection, or a request of `POST /rpc`. */
export type RpcCaller<Data = Record<string, unknown>> =
  | { readonly kind: 'session'; readonly session: Session<Data> }
  | {
      readonly kind: 'principal'
      readonly principal: Principal
      readonly remoteAddress: string
    }

/** The call as its method sees it, besides its params. */
export interface RpcContext<Data = Record<string, unknown>> {
  readonly caller: RpcCaller<Data>
  /**
   * The call's own: it aborts when the call is answered `timeout` or its caller goes, and not once it has settled. A
   * listener that throws is logged. It is made when it is first asked for.
   */
  readonly signal: AbortSignal
}

/**
 * A method of JSON-RPC. Its result, or that of its promise, is sent as JSON.stringify has it,
 * `undefined` as null. `throw reject(code)` refuses.
 */
export type RpcHandler<Params, Data> = (params: Params, context: RpcContext<Data>) => unknown
