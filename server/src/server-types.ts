import type {
  CommandDefinition,
  GameContract,
  Infer,
  PayloadOf,
  ReplyOf,
  Schema,
} from '@ringside/protocol'
import type { Sanction, SanctionOrder, SanctionTarget } from './admin/sanction.ts'
import type { RawOptions } from './call/command-table.ts'
import type { RpcParams } from './call/json-rpc/request-text.ts'
import type { StandardSchema } from './call/json-rpc/params.ts'
import type { DisconnectReason, RpcHandler, Session } from './call/public-contract.ts'
import type { RouteHandler } from './http/contract.ts'
import type { LogEvent } from './outbox/contract/store.ts'
import type { RoomHandlersOf } from './room/definition.ts'
import type { Published } from './outbox/contract/messages.ts'
import type { PublishOrder } from './publish/publisher.ts'
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

/** The archive as other code of the server uses it: ranges of matches that are to outlive them, for clips. */
export interface MatchArchive {
  /**
   * Keeps the events `from` to `to` of a room, by n and inclusive, from expiry; the room may still live. Resolves with
   * the id of the pin once that is durable.
   * @throws RingsideError option_invalid for what is no range, past_retention when the archive has not all of it,
   * too_many_requests at 100 pins of a match.
   */
  pin(roomId: string, range: { readonly from: number; readonly to: number }): Promise<string>
  /** Takes a pin off. False: the match has no such pin. */
  unpin(roomId: string, pinId: string): Promise<boolean>
  /**
   * Reads the events of a range: of what is pinned, or of a match that is still kept. Their hidden part is not there.
   * @throws RingsideError past_retention when the archive has not all of it.
   */
  events(
    roomId: string,
    range: { readonly from: number; readonly to: number },
  ): Promise<readonly LogEvent[]>
}

/** A game server. Everything is registered before `listen`; later registration throws. */
export interface Server<G extends GameContract = GameContract, Data = Record<string, unknown>> {
  /** Registers a raw command that needs no room. */
  command(id: number, handler: RawHandler<Data>, options?: RawOptions): void
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
  /**
   * Takes the player with this id out of their room, or closes the connection with it, with `kicked`; false when there is
   * none. Nothing keeps them from coming back: see `ban`.
   */
  kick(sessionId: string, reason?: string): boolean
  /**
   * Keeps a session, a user or an address out of rooms, by `banned` (an address out of connections, too), and puts out
   * whom it is about. Resolves when that is stored: it holds until its end, or is lifted, over a restart as well where
   * the store is durable. One more of the same target replaces it.
   * @throws RingsideError bad_request, too_many_requests beyond `maxSanctions`, unavailable.
   */
  ban(order: SanctionOrder): Promise<Sanction>
  /** Lifts a ban, by its target or id; false when there is none. @throws RingsideError bad_request, unavailable. */
  unban(target: SanctionTarget | { readonly id: string }): Promise<boolean>
  /** The bans that hold, by id. */
  bans(): Sanction[]
  /**
   * Refuses commands with `chat` of a session, a user or an address, by `muted`; `isMuted` of a session tells it. Stored
   * as a ban is. @throws RingsideError as `ban`.
   */
  mute(order: SanctionOrder): Promise<Sanction>
  /** As `unban`. */
  unmute(target: SanctionTarget | { readonly id: string }): Promise<boolean>
  /** The mutes that hold, by id. */
  mutes(): Sanction[]
  /**
   * Ends a room, also one that is paused; the reason, or the code's own words, are told to its players.
   * @throws RingsideError bad_request, room_not_found, room_released.
   */
  closeRoom(roomId: string, reason?: string): void
  /**
   * Says one line, of at most 500 characters, to all players of a room (`onNotice` of the SDK).
   * @throws RingsideError bad_request, room_not_found, room_released.
   */
  message(roomId: string, text: string, options?: { readonly level?: NoticeLevel }): void
  /**
   * Publishes an event without a room to a topic, or to one client. Resolves once it is durable; with the `messageId` of
   * one of before nothing is added, and `duplicate` is true.
   * @throws RingsideError bad_request, forbidden (the topics `audit` and `presence` are the server's own), unavailable
   * before `listen`, too_many_requests, event_refused, outbox_unreachable, draining.
   */
  publish(event: PublishOrder): Promise<Published>
  /** A copy of the open sessions. */
  sessions(): Session<Data>[]
  readonly sessionCount: number
  /** Creates a room and resolves with its id. */
  createRoom<T extends keyof G['rooms'] & string>(type: T, options?: unknown): Promise<string>
  /** Reserves a seat as `POST /matchmake/joinById` does; for bots and tests. */
  reserveSeat(roomId: string, request: SeatRequest): Promise<{ sessionId: string; ticket: string }>
  /** The archive; null without the option `archive`. */
  readonly archive: MatchArchive | null
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
  listen(address?: {
    readonly port?: number
    readonly host?: string
    /** A second port, by Node's own HTTP parser, for old health checks and proxies (docs/deploying.md). Default: none. */
    readonly plainPort?: number
  }): Promise<number>
  /**
   * Drains and stops: not ready, going-away to everybody, onDrain, log flushed, clients closed with
   * 1001, transport closed. Ends within 15 s, and up to `settleMs` later where commands of rooms still wait for
   * something, at any time and however often it is called; ends a start too.
   * @throws RingsideError outbox_unreachable when accepted events were not written; everything is closed by then.
   */
  close(): Promise<void>
  readonly apiKey: string | null
}

/** How urgent a message of an operator is. Default `info`. */
export type NoticeLevel = 'info' | 'warning'

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
