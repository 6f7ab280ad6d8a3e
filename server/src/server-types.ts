import type {
  CommandDefinition,
  GameContract,
  Infer,
  PayloadOf,
  ReplyOf,
  Schema,
} from '@ringside/protocol'
import type { RpcParams } from './call/json-rpc/request-text.ts'
import type { StandardSchema } from './call/json-rpc/params.ts'
import type { DisconnectReason, RpcHandler, Session } from './call/public-contract.ts'
import type { RouteHandler } from './http/contract.ts'
import type { RoomHandlersOf } from './room/definition.ts'
import type { LoopbackSocket } from './transport/contract.ts'

/** A raw command: bytes in, bytes out. `payload` is lent until the call (not its promise) returns. */
export type RawHandler<Data> = (
  session: Session<Data>,
  payload: Uint8Array,
) => Uint8Array | void | Promise<Uint8Array | void>

export type TypedHandler<D, Data> = (
  session: Session<Data>,
  payload: PayloadOf<D>,
) => ReplyOf<D> | Promise<ReplyOf<D>>

/** The value that a Standard Schema makes of params. */
export type RpcOutput<V extends StandardSchema> = NonNullable<V['~standard']['types']>['output']

/** Options of a method. */
export interface RpcOptions {
  /** Tokens that a call takes from the bucket of its client, or from the calls of its address; 0 or more. Default 1. */
  readonly cost?: number
}

/** A game server. Everything is registered before `listen`; later registration throws. */
export interface Server<G extends GameContract = GameContract, Data = Record<string, unknown>> {
  /** Registers a raw command that needs no room. */
  command(id: number, handler: RawHandler<Data>, options?: { readonly cost?: number }): void
  /** Registers a command of the contract that needs no room. */
  command<D extends CommandDefinition>(definition: D, handler: TypedHandler<D, Data>): void
  /**
   * Registers a method of JSON-RPC 2.0 that has no command id: sessions reach it over their socket, anybody
   * by `POST /rpc`. `handler` gets the params as they were sent: an array, an object or undefined.
   * @throws RingsideError reserved_id (names from `rpc.` on), registered_twice (the contract's commands
   * among them), already_listening, option_invalid.
   */
  rpc(name: string, handler: RpcHandler<RpcParams, Data>, options?: RpcOptions): void
  /** The same with params that are a message of a schema: by name, or by position in the order of numbers. */
  rpc<S extends Schema>(
    name: string,
    schema: S,
    handler: RpcHandler<Infer<S>, Data>,
    options?: RpcOptions,
  ): void
  /** The same with params that a validator of any library with Standard Schema checks, async ones too. */
  rpc<V extends StandardSchema>(
    name: string,
    validator: V,
    handler: RpcHandler<RpcOutput<V>, Data>,
    options?: RpcOptions,
  ): void
  /** Registers a type of room of the contract. */
  room<T extends keyof G['rooms'] & string>(type: T, handlers: RoomHandlersOf<G, T>): void
  onConnect(handler: (session: Session<Data>) => void): void
  onDisconnect(handler: (session: Session<Data>, reason: DisconnectReason) => void): void
  /**
   * Adds an HTTP route. `path` may hold `:name` parts and end in `/*`; built-in routes win.
   * An error that it throws is answered as JSON with the code's status.
   */
  route(method: string, path: string, handler: RouteHandler): void
  /** Sends to every open session. */
  broadcast(commandId: number, payload?: Uint8Array): void
  /** Closes the session with this id with `kicked`; false when there is none. */
  kick(sessionId: string, reason?: string): boolean
  /** A copy of the open sessions. */
  sessions(): Session<Data>[]
  readonly sessionCount: number
  /** Creates a room and resolves with its id. */
  createRoom<T extends keyof G['rooms'] & string>(type: T, options?: unknown): Promise<string>
  /** Reserves a seat as `POST /matchmake/joinById` does; for bots and tests. */
  reserveSeat(roomId: string, request: SeatRequest): Promise<{ sessionId: string; ticket: string }>
  /**
   * Makes a ticket for a seat that is taken, so that its driver of before (a bot, before a restart) takes it up
   * again, as a player's reconnect does, but without its token. A connection that holds the seat is replaced.
   * @throws RingsideError room_not_found, reconnect_refused when there is no such seat.
   */
  retakeSeat(roomId: string, sessionId: string): { sessionId: string; ticket: string }
  readonly rooms: readonly RoomSummary[]
  /**
   * Opens an in-process connection that passes through every step as a socket would. The result has
   * the shape of the browser's WebSocket as far as the SDK uses it.
   */
  loopback(): LoopbackSocket
  /** Starts to serve. Resolves with the port. */
  listen(address?: { readonly port?: number; readonly host?: string }): Promise<number>
  /**
   * Drains and stops: not ready, going-away to everybody, onDrain, log flushed, clients closed with
   * 1001, transport closed. Ends within 15 s, and up to `settleMs` later where commands of rooms still wait for
   * something, at any time and however often it is called; ends a start too.
   * @throws RingsideError outbox_unreachable when accepted events were not written; everything is closed by then.
   */
  close(): Promise<void>
  readonly apiKey: string | null
}

export interface SeatRequest {
  readonly name?: string
  readonly options?: unknown
}

export interface RoomSummary {
  readonly id: string
  readonly type: string
  readonly clients: number
  readonly maxClients: number
  readonly isLocked: boolean
  /** 99th percentile of the tick's lateness over the last 10 s, in ms. */
  readonly tickLagP99Ms: number
}
