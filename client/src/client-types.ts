import type {
  CommandDefinition,
  EventsOf,
  GameContract,
  Infer,
  Json,
  ReplyOf,
  RoomListing,
  StateOf,
} from '@ringside/protocol'
import type { RequestError } from './request-error.ts'
import type { RpcParams } from './rpc-text.ts'
import type { SocketFactory } from './socket/socket.ts'
import type { Timers } from './timers.ts'

/** Seams and numbers of a client. Every one has a default. */
export interface ConnectOptions {
  /** Default: the WebSocket of the browser or of Node; in Node 20 the package `ws`. */
  readonly socket?: SocketFactory
  /** Default: the global fetch. */
  readonly fetch?: typeof fetch
  /** Gives numbers from 0 to 1, which spread reconnects. Default Math.random. */
  readonly random?: () => number
  /** Default: the machine's. */
  readonly timers?: Timers
  /**
   * Headers of matchmaking requests, for example an Authorization that `onAuth` looks at, and of calls by
   * `rpc` over HTTP.
   */
  readonly headers?: Readonly<Record<string, string>>
  /** Longest wait for a seat (request, connection, JOINED, STATE), in ms. Default 10,000. */
  readonly joinTimeoutMs?: number
  /**
   * Longest wait for the answer of a request or a call by `rpc`, in ms. Default 15,000: longer than the server's
   * `handlerTimeoutMs` (10 s), so that the server's own `timeout` arrives, with what it says of trying again.
   */
  readonly requestTimeoutMs?: number
  /**
   * A lost connection is redialled for this long, in ms. Default 30,000. The room keeps the seat for its
   * own `reconnectGraceMs`; once the seat is gone the server says so and redialling ends at once.
   */
  readonly reconnectForMs?: number
  /** When the seat is gone, join the same room anew (with a new sessionId). Default false. */
  readonly rejoin?: boolean
  /** Bytes the socket may hold back before `send` drops. Default 1 MiB. */
  readonly maxBufferedBytes?: number
  /**
   * Largest payload of a message in bytes where the server has not told its own, as JOINED does: for plain sessions. Default
   * 65,536, the server's default.
   */
  readonly maxPayloadBytes?: number
  /** For everything that is sent while a room's connection is away. Default `reject`. */
  readonly whileAway?: WhileAway
}

/**
 * What becomes of what a game sends to a room while its connection is away (`reconnecting`). `reject`: `send` is false, a
 * request or call rejects with `disconnected`. `keep`: it is sent once the seat is back, in order and before anything new, at
 * most once; up to 100 messages, 256 KiB and 30 s, beyond which it is as with `reject`. It is for the same seat only.
 */
export type WhileAway = 'reject' | 'keep'

/** Options of one message. */
export interface SendOptions {
  /** Default: `whileAway` of the client. A session without a room does not come back: it keeps nothing. */
  readonly whileAway?: WhileAway
}

/** Something that may be given up while it is on its way. */
export interface AbortOptions {
  /**
   * Gives it up when it aborts: the promise rejects with the signal's reason, as that of `fetch`, no timer or socket is
   * left, and a seat that was asked for goes back to the server. Once the promise has resolved it is of no effect.
   */
  readonly signal?: AbortSignal
}

/** A player's wishes for a seat. */
export interface JoinOptions extends AbortOptions {
  /** 1-24 characters as people count them; the server cleans it. Default: the server picks one. */
  readonly name?: string
  /** The room's onCreate and onAuth get them: plain JSON of at most 4 KiB. */
  readonly options?: Json
}

/** Room types of a contract. */
export type RoomType<G extends GameContract> = keyof G['rooms'] & string
type CommandName<G extends GameContract> = keyof G['commands'] & string
/** A method's name that is no command's: with a command's the params would go unchecked. */
type OtherMethod<G extends GameContract, M extends string> = M extends CommandName<G> ? never : M
type Payload<D> = D extends CommandDefinition ? Infer<D['payload']> : never

/** A type whose members, all the way down, can be read and not written. */
export type DeepReadonly<T> = T extends (infer I)[]
  ? readonly DeepReadonly<I>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** The state of a room as a client has it: the server's to change. */
export type RoomStateOf<G extends GameContract, T extends RoomType<G>> = DeepReadonly<
  StateOf<G['rooms'][T]>
>

/** Joins rooms of one server. */
export interface Client<G extends GameContract> {
  /** Joins a room of this type that has space, or creates one. @throws RequestError */
  joinOrCreate<T extends RoomType<G>>(type: T, request?: JoinOptions): Promise<ClientRoom<G, T>>
  /** Joins a room of this type that has space. @throws RequestError room_not_found, ... */
  join<T extends RoomType<G>>(type: T, request?: JoinOptions): Promise<ClientRoom<G, T>>
  /** Creates a room and joins it. @throws RequestError */
  create<T extends RoomType<G>>(type: T, request?: JoinOptions): Promise<ClientRoom<G, T>>
  /** Joins the room with this id. @throws RequestError room_not_found, room_full, ... */
  joinById<T extends RoomType<G> = RoomType<G>>(
    roomId: string,
    request?: JoinOptions,
  ): Promise<ClientRoom<G, T>>
  /**
   * Takes a seat back with its `reconnectToken`, for example after a reload. When it is aborted the seat stays as it was,
   * and so does the token. @throws RequestError
   */
  reconnect<T extends RoomType<G> = RoomType<G>>(
    roomId: string,
    token: string,
    options?: AbortOptions,
  ): Promise<ClientRoom<G, T>>
  /** Takes the seat of a ticket made elsewhere (`server.reserveSeat`: bots and tests). @throws RequestError */
  joinWithTicket<T extends RoomType<G> = RoomType<G>>(
    ticket: string,
    url?: string,
    options?: AbortOptions,
  ): Promise<ClientRoom<G, T>>
  /** The public rooms, as `GET /rooms` lists them. @throws RequestError */
  rooms(): Promise<RoomListing[]>
  /**
   * Follows the list of public rooms until it is closed, over breaks of the connection too. Handlers are called for the
   * rooms that are there, then for every change, and never within this call.
   */
  watchRooms(handlers?: RoomsHandlers): RoomsWatch
  /** Opens a connection without a room, for commands that need none. It does not redial. @throws RequestError */
  open(options?: AbortOptions): Promise<PlainSession<G>>
  /**
   * Calls a method that the server registered with `rpc` over HTTP (`POST /rpc`), without a connection.
   * Commands need a session: here they are no methods (-32601).
   * @throws RpcError (rejects) when the server answers with an error; RequestError `disconnected`,
   * `timeout`, `bad_answer`, or with the code of an HTTP error.
   */
  rpc(method: string, params?: RpcParams, options?: RequestOptions): Promise<unknown>
}

/** State of a watched list. `failed` is final: the server refuses for good; and so is `closed`. */
export type RoomsStatus = 'connecting' | 'live' | 'reconnecting' | 'failed' | 'closed'

/** Handlers of a watched list of rooms. Nothing is called after `close`. */
export interface RoomsHandlers {
  readonly onAdd?: (room: RoomListing) => void
  /** Players, lock or metadata have changed. */
  readonly onUpdate?: (room: RoomListing, before: RoomListing) => void
  /** The room is over, or private now. */
  readonly onRemove?: (room: RoomListing) => void
  readonly onStatus?: (status: RoomsStatus, info: { readonly reason?: string }) => void
}

/** A followed list of rooms. */
export interface RoomsWatch {
  /** By id; while the connection is away, as they were last known. */
  readonly rooms: ReadonlyMap<string, RoomListing>
  readonly status: RoomsStatus
  close(): void
}

/** Options of one request. */
export interface RequestOptions extends SendOptions {
  /** Longest wait for the answer, in ms, the time while it is kept included. Default: `requestTimeoutMs` of the client. */
  readonly timeoutMs?: number
}

/** Sends the contract's commands. */
export interface CommandSender<G extends GameContract> {
  /**
   * Sends a command without waiting for an answer. False when it was dropped: not connected and not kept
   * (`whileAway`), or the network takes nothing (inputs are not kept for that: they would be stale).
   * @throws PayloadError when the payload does not fit the contract.
   */
  send<N extends CommandName<G>>(
    command: N,
    payload: Payload<G['commands'][N]>,
    options?: SendOptions,
  ): boolean
  /** Sends raw bytes on a command id. */
  send(commandId: number, payload?: Uint8Array, options?: SendOptions): boolean
  /** Sends a command and resolves with its answer. @throws RequestError (rejects) */
  request<N extends CommandName<G>>(
    command: N,
    payload: Payload<G['commands'][N]>,
    options?: RequestOptions,
  ): Promise<ReplyOf<G['commands'][N]>>
  /**
   * Calls a command of the contract by its name as JSON-RPC, or a method that the server registered with
   * `rpc`. A command's params and result are its payload and its reply.
   * @throws RpcError (rejects) when the server answers with an error; RequestError as `request` does.
   */
  rpc<N extends CommandName<G>>(
    method: N,
    params: Payload<G['commands'][N]>,
    options?: RequestOptions,
  ): Promise<ReplyOf<G['commands'][N]>>
  rpc<M extends string>(
    method: OtherMethod<G, M>,
    params?: RpcParams,
    options?: RequestOptions,
  ): Promise<unknown>
  /**
   * Calls with frames of the game's own command ids; the handler may keep `payload`. The first listener of an id gets what
   * came before it, in the first 10 s of the connection. Returns unsubscribe.
   */
  onMessage(commandId: number, handler: (payload: Uint8Array) => void): () => void
  /** Calls with refusals of plain commands (ERROR without a request), early ones too. Returns unsubscribe. */
  onError(handler: (error: CommandError) => void): () => void
}

/** A plain command that the server refused. */
export interface CommandError {
  readonly commandId: number
  readonly code: string
  readonly message: string
  readonly retry: boolean
}

/** A connection without a room. */
export interface PlainSession<G extends GameContract> extends CommandSender<G> {
  readonly isOpen: boolean
  /** Calls once, when the connection has ended, or has ended by now. Returns unsubscribe. */
  onClose(handler: (info: CloseInfo) => void): () => void
  close(): void
}

export interface CloseInfo {
  /** WebSocket close code; 1006 when there was no closing handshake. */
  readonly code: number
  readonly reason: string
  /** The server went away, and asked before to come back after so many ms: each client has a time of its own. */
  readonly goingAwayMs?: number
}

/**
 * State of a room's connection. `connecting`: only before the join resolved. `connected` <->
 * `reconnecting` as the network comes and goes. `closed` is final.
 */
export type RoomStatus = 'connecting' | 'connected' | 'reconnecting' | 'closed'

export interface StatusInfo {
  /** Close code that ended the connection (reconnecting, closed). 1000 after leave(). */
  readonly code?: number
  readonly reason?: string
  /** Code that ended the redialling: `reconnect_refused`, `room_not_found`, ... (closed). */
  readonly error?: RequestError
  /** Attempts so far (reconnecting). */
  readonly attempt?: number
  /** Ms until the next attempt (reconnecting). */
  readonly retryInMs?: number
  /** The server announced its end; it may be back after so many ms (connected). */
  readonly goingAwayMs?: number
  /** True when a new seat was taken because the old one was gone (connected). */
  readonly isNewSeat?: boolean
  /**
   * True when the room has had events meanwhile that it no longer keeps for this player: none of what was missed follows,
   * only the state as it is now (connected).
   */
  readonly eventsMissed?: boolean
  /** Commands that were kept (`whileAway`) and were not sent: too old, or for a seat that is gone (connected, closed). */
  readonly droppedSends?: number
}

/** An event's place. */
export interface EventInfo {
  /** The room clock in ms at which it was emitted. */
  readonly at: number
  /** Its place among all events of the room; undefined for one that is not in the room's log. */
  readonly index: number | undefined
  /** True when it was missed while the connection was away: the state is that of now, not of `at`. */
  readonly replayed: boolean
}

/** The news of a patch or full state; valid only during the call. */
export interface PatchInfo {
  /** True for a full state: nothing of the earlier state is left. */
  readonly isFull: boolean
  readonly epoch: number
  readonly tick: number
  /** Room clock in ms that this state belongs to. */
  readonly at: number
}

/** An operator's words to the players of a room. */
export interface RoomNotice {
  readonly text: string
  /** `info` or `warning`; a newer server may have more. */
  readonly level: string
  /** Room clock in ms at sending. */
  readonly at: number
}

export interface RosterEntry {
  readonly sessionId: string
  readonly name: string
}

/** The client's estimate of the server's clock. */
export interface ServerClock {
  /** Server time minus local time in ms, of the quickest recent round trip. */
  readonly offsetMs: number
  /** Median of the recent round trips in ms; 0 before the first. */
  readonly rttMs: number
  /** Server time in ms, now. It may step by some ms when a better sample arrives. */
  now(): number
}

/** Options of `onAdd`. */
export interface EntryOptions {
  /** Calls at once for the entries that are there already. Default true. */
  readonly immediate?: boolean
}

/** A seat in a room. */
export interface ClientRoom<
  G extends GameContract,
  T extends RoomType<G> = RoomType<G>,
> extends CommandSender<G> {
  readonly id: string
  readonly type: T
  /** Own session id: the key of own entries in the state. Changes only with `rejoin`. */
  readonly sessionId: string
  /** Own name, as the server cleaned it. */
  readonly name: string
  /**
   * The replica of the room's state, changed in place by patches. Read it, never write it. Objects in it
   * keep their identity as long as they exist; a full state makes all of them new.
   */
  readonly state: RoomStateOf<G, T>
  readonly status: RoomStatus
  /**
   * The room stands still until the server can save it again: nothing changes, requests are refused with
   * `room_paused`. While the connection is away this is as it was last known.
   */
  readonly isPaused: boolean
  /** Players with a seat, by session id. */
  readonly roster: ReadonlyMap<string, RosterEntry>
  /** Pass it to `client.reconnect` to take the seat back; keep it as secret as a password. */
  readonly reconnectToken: string
  readonly epoch: number
  /** Tick of the newest state. */
  readonly tick: number
  /** Room clock in ms of the newest state. */
  readonly at: number
  readonly tickHz: number
  readonly patchHz: number
  readonly clock: ServerClock
  /** Median round trip in ms. */
  readonly ping: number
  /**
   * Calls for each event of the room with this name. The first listener of a name gets what came before it, in the first
   * 10 s after the seat was taken. Those that were missed while the connection was away follow, marked as `replayed`.
   * Returns unsubscribe.
   */
  on<N extends keyof EventsOf<G['rooms'][T]> & string>(
    name: N,
    handler: (payload: EventsOf<G['rooms'][T]>[N], info: EventInfo) => void,
  ): () => void
  /**
   * Calls `listener` after each patch that changed the selected part: another value, another object, or
   * the same object with a change in or below it. A selector that builds a new object each time is
   * reported each time. The listener is not called at once. Returns unsubscribe.
   */
  onChange<V>(selector: (state: RoomStateOf<G, T>) => V, listener: (value: V) => void): () => void
  /**
   * Calls `listener` for each entry of the selected map: those that are there already, at once, and later ones as they
   * come, after the patch that brought them. Entries that a reconnect finds again are not told anew. `selector` picks a
   * map of the state, or undefined while there is none. Returns unsubscribe.
   */
  onAdd<V>(
    selector: (state: RoomStateOf<G, T>) => Readonly<Record<string, V>> | undefined,
    listener: (entry: V, key: string) => void,
    options?: EntryOptions,
  ): () => void
  /** Calls `listener` with each entry that is gone from the selected map, as it was last. Returns unsubscribe. */
  onRemove<V>(
    selector: (state: RoomStateOf<G, T>) => Readonly<Record<string, V>> | undefined,
    listener: (entry: V, key: string) => void,
  ): () => void
  /** Calls after every applied patch or full state, before onChange. Returns unsubscribe. */
  onPatch(listener: (patch: PatchInfo) => void): () => void
  onJoined(listener: (player: RosterEntry) => void): () => void
  onLeft(listener: (player: RosterEntry) => void): () => void
  /** Calls when `isPaused` changes. Returns unsubscribe. */
  onPaused(listener: (isPaused: boolean) => void): () => void
  /** Calls with an operator's words to the players of the room. Returns unsubscribe. */
  onNotice(listener: (notice: RoomNotice) => void): () => void
  /** Calls when `status` changes. Returns unsubscribe. */
  onStatus(listener: (status: RoomStatus, info: StatusInfo) => void): () => void
  /**
   * Closes the connection and keeps the seat: until `reconnectGraceMs` of the room are over `client.reconnect` takes it
   * back with the `reconnectToken`, which can still be read. While a new seat is being taken (`rejoin`), that is given up.
   */
  disconnect(): void
  /** Gives the seat up. Resolves when the connection is closed; never rejects. */
  leave(): Promise<void>
}
