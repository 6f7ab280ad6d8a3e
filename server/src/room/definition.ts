import type { RequestFacts } from '../call/public-contract.ts'
import type {
  Commands,
  EventsOf,
  GameContract,
  Json,
  PayloadOf,
  ReplyOf,
  StateOf,
} from '@ringside/protocol'
import type { Logger } from '../process/logger.ts'
import type { Random } from '../process/random.ts'

/**
 * Decides what a room does when its log takes no more (`maxOutboxLagMs`, `maxPendingEvents`, `maxPendingBytes`,
 * `maxPendingTotalBytes`):
 * `pause` stands still, refuses input and goes on when the log does; `close` ends the room. Either way
 * everything up to then is written when the log is back.
 */
export type FullLogPolicy = 'pause' | 'close'

/**
 * A player's seat was given up for this reason: they left, or were dropped and did not come back in time, or taken out by
 * the game or an operator (`kicked`), for longer (`banned`); more was sent to them than they take (`slow`); their onJoin has not settled in time (`timeout`); the room or
 * its server came to an end; another connection has taken the seat.
 */
export type LeaveReason =
  | 'left'
  | 'dropped'
  | 'kicked'
  | 'banned'
  | 'slow'
  | 'timeout'
  | 'room_ended'
  | 'server_closed'
  | 'replaced'

/**
 * One player's seat in a room. It outlives its connection while the room keeps the seat
 * (`reconnectGraceMs`), so game code may keep it from onJoin to onLeave.
 */
export interface RoomSession<Events = Record<string, unknown>> {
  /** The session id: unique, made by the server, `~` and an id; the key of the player's own state. */
  readonly id: string
  /** The name that the client asked for, as a line (`cleanLine`) of 1-24 characters: at most 96 UTF-16 units. */
  readonly name: string
  /** False between onDrop and onReconnect. */
  readonly isConnected: boolean
  /**
   * An operator has muted them. Commands with `chat` are refused with `muted` by themselves; ask for what else of a
   * player others get to read.
   */
  readonly isMuted: boolean
  /** The team that `room.setTeam` has put it into, or null. It survives a restart of the server. */
  readonly team: string | null
  /** The game's own notes on the player; never sent. */
  readonly data: Record<string, unknown>
  /**
   * The result of `onAuth`. After a restart of the server it is the same by way of JSON, or undefined when
   * it is no JSON of at most 4,096 characters.
   */
  readonly auth: unknown
  /**
   * Aborts when the seat is given up, not when its connection breaks: pass it to what works for this player
   * alone. Made when first asked for.
   */
  readonly signal: AbortSignal
  /** Sends one frame of the game's own command id. The bytes are copied. */
  send(commandId: number, payload?: Uint8Array): void
  /**
   * Sends an event of the room to this player alone, as `room.emit` with `to`: a player who is away misses it, and it
   * is not in the log.
   * @throws RingsideError not_in_contract, room_released; PayloadError for what is no such event.
   */
  emit<N extends keyof Events & string>(
    name: N,
    data: Events[N],
    options?: Pick<EmitOptions, 'atOnce'>,
  ): void
  /** Takes the player out of the room; their client is closed with `kicked`. */
  kick(reason?: string): void
}

export interface BroadcastOptions {
  /** This session id is left out. */
  readonly except?: string
  /** Only these session ids get it. */
  readonly to?: readonly string[]
  /** Sends after the next patch, so that clients have the state that it speaks of. */
  readonly afterPatch?: boolean
}

/** Options of `room.emit`. */
export interface EmitOptions {
  /** Sends now, ahead of the patch of this turn: for an event that must not wait and needs no state. */
  readonly atOnce?: boolean
  /**
   * Only the players with these session ids get the event, and the log does not have it: spectators may not see it, nor
   * does a player who is away get it later. Default: everybody, and the log.
   */
  readonly to?: readonly string[]
}

/**
 * A room as its hooks and commands see it. Everything is synchronous but `durable`. In a room that is over, or goes on
 * with another owner, whatever would come about nowhere throws RingsideError room_released: writes to the state, emit,
 * broadcast, after, end, lock, setPrivate, setMetadata (RM14). Reading goes on.
 */
export interface Room<State = unknown, Events = Record<string, unknown>> {
  readonly id: string
  readonly type: string
  /** Change it directly; changes are recorded (see docs/protocol.md for what can be). */
  readonly state: State
  /**
   * The room's clock in ms since 1970: fixed within a tick, the only time a game should use. It goes on
   * while the room is paused (`onResume`).
   */
  readonly now: number
  /** Ticks since the room began. */
  readonly tick: number
  readonly tickHz: number
  /**
   * The same seed, epoch and inputs give the same log. The only randomness a game should use: what players
   * see of it tells nothing of what they do not see, and a new owner of the room repeats none of it.
   */
  readonly random: Random
  readonly epoch: number
  /** Players with a seat, in the order in which they joined. A view: do not keep it. */
  readonly sessions: ReadonlyMap<string, RoomSession<Events>>
  readonly clientCount: number
  readonly isLocked: boolean
  /**
   * Seats, at most those of the type, which it is at first. Set it, most often in onCreate, to have fewer; nobody is put
   * out, and it survives a restart of the server.
   * @throws RingsideError option_invalid unless it is whole, and from 1 to the type's `maxClients`.
   */
  maxClients: number
  readonly log: Logger
  /**
   * Puts an event into the room's log, for spectators, and sends it to the players: after the patch of this turn
   * (within 1/patchHz), so that whoever hears of it has the state that it speaks of. With `to` it goes to those players
   * alone.
   * @throws RingsideError room_released once the room is over; room_paused with 10,000 events waiting, or 16 Mi
   * characters of them.
   */
  emit<N extends keyof Events & string>(name: N, data: Events[N], options?: EmitOptions): void
  /** Sends a frame of the game's own command id to players; not part of the log. */
  broadcast(commandId: number, payload: Uint8Array, options?: BroadcastOptions): void
  /**
   * Puts a player into a team, which decides who sees the fields for `team`; null takes them out. A team is a
   * name of 1-64 characters that does not begin with `~`, as the ids of sessions do, or a whole number from 0 to
   * 65,535, whose digits are its name. The player gets a full state in place of the next patch, and the others a patch with
   * what that changes for them. It does nothing for a session without a seat.
   * @throws RingsideError bad_request for what is no team, which a client whose command it ends gets.
   */
  setTeam(session: RoomSession<Events>, team: string | number | null): void
  /** Calls after `ms` of the room's clock. The returned function cancels. At most 1,000 at once. */
  after(ms: number, callback: () => Synchronous): () => void
  /** Lets no new players in until unlock. */
  lock(): void
  unlock(): void
  /** The metadata that were set last, also by the room's owner before a restart; null when they never were. */
  readonly metadata: Json
  /** `GET /rooms` shows this; at most 4 KiB of JSON. A crash may take back the last 30 s of changes. */
  setMetadata(metadata: Json): void
  /**
   * Hides the room from lists, spectators and joinOrCreate, at once. Lock and privacy are stored a round trip
   * later, apart from the log: a crash in between undoes them, but nothing that was emitted.
   */
  setPrivate(isPrivate: boolean): void
  /**
   * Ends the room after this turn, once its answer is out: `end` in the log, players closed with
   * room_ended.
   */
  end(): void
  /**
   * Resolves when everything up to now cannot be lost any more (OB74), also of a room that is over.
   * @throws RingsideError when that will never be: event_refused, room_taken, or outbox_unreachable (the log was
   * given up, or the server closed without it). Then what happened since may not be in the log.
   */
  durable(): Promise<void>
}

/** A client's request when it joined; checked to be plain JSON of at most 4 KiB. */
export interface JoinRequest {
  readonly name: string
  readonly options: Json
  readonly remoteAddress: string
  /**
   * The request for the seat: its headers, cookies, query, origin, and who asks. Null where the server's own code has
   * reserved it.
   */
  readonly request: RequestFacts | null
  /**
   * Aborts when the answer is waited for no longer: after `hookTimeoutMs`, or when the client has gone. Pass it to what
   * onAuth asks.
   */
  readonly signal: AbortSignal
}

/**
 * The result of a hook that runs to its end before anything else of the room does: anything but a promise, and
 * ignored. The other hooks, and commands, may be async.
 */
export type Synchronous =
  | void
  | null
  | boolean
  | number
  | string
  | (() => void)
  | { readonly then?: never }

/** The result of a hook that may be async: ignored, but for a promise that is waited for, or rejects. */
export type MayAwait = Synchronous | Promise<unknown>

/** Handlers and numbers of one type of room. */
export interface RoomHandlers<State, Events, C extends Commands> {
  /** Seats, 1-10,000. Default 16. */
  readonly maxClients?: number
  /**
   * Commands of all players of a room together in a second, 1 - 1e6, and as many at once; beyond it they are refused with
   * `rate_limited`. Default null: the bucket of each client is the only bound.
   */
  readonly maxMessagesPerSecond?: number | null
  /** Ticks a second, 0 (no tick) - 120. Default 30. */
  readonly tickHz?: number
  /** Patches a second to players, above 0, at most 120. Default 20. */
  readonly patchHz?: number
  /** Patches a second to the log, above 0, at most patchHz. Default 10. */
  readonly logHz?: number
  /** Spectators see everything this much later, in ms, 0-3,600,000. Default 0. */
  readonly delayMs?: number
  /** A dropped player's seat is kept for so long, in ms, 0-600,000. Default 20,000. */
  readonly reconnectGraceMs?: number
  /** An empty room ends after this, in ms; null = never. Default 10,000. */
  readonly emptyTimeoutMs?: number | null
  /** Default: the server's `whenLogIsFull`. */
  readonly whenLogIsFull?: FullLogPolicy
  /**
   * Matches of this type are written into the server's `archive`, whole, and kept for `keepMs` after their end: 60,000 -
   * 1e12. Default: they are over when they leave the log.
   */
  readonly archive?: { readonly keepMs: number }
  /**
   * Makes the state, or a promise of it. `options` are the creator's wishes: hostile until checked. Nobody knows of the
   * room before it has one: whoever asked for it waits, for `hookTimeoutMs` at most, and is then told `timeout`. Refuse
   * by `throw reject(...)`; after anything else that is thrown they are told `internal`. Either way there is no room.
   */
  onCreate(
    room: Omit<Room<State, Events>, 'state' | 'emit' | 'durable'>,
    options: Json,
  ): State | Promise<State>
  /**
   * Refuse by `throw reject(...)` or returning false; else the result (or what its promise gives) becomes
   * `session.auth`. Called before the seat is reserved. The client is told `timeout` when it has not settled after
   * `hookTimeoutMs`, and its result counts for nothing then.
   */
  onAuth?(room: Room<State, Events>, request: JoinRequest): unknown
  /**
   * A player's connection has taken the seat. They are in, get JOINED and the state, and their commands are
   * taken once this has returned, or its promise has settled; after `hookTimeoutMs` they are refused instead, with
   * `timeout`. After an await look first: while `session.isConnected` is false they have gone, and onLeave has run
   * or follows.
   */
  onJoin?(room: Room<State, Events>, session: RoomSession<Events>): MayAwait
  /** The connection broke; the seat is kept until onReconnect or onLeave. */
  onDrop?(room: Room<State, Events>, session: RoomSession<Events>): Synchronous
  onReconnect?(room: Room<State, Events>, session: RoomSession<Events>): Synchronous
  /**
   * The seat was given up; after an onJoin that has not settled, but at most `hookTimeoutMs` after that was called.
   * What its promise does after such a time of its own, or after the room's end, may be refused (`room_released`).
   */
  onLeave?(room: Room<State, Events>, session: RoomSession<Events>, reason: LeaveReason): MayAwait
  /** Runs once per tick, with the tick's length in ms (1000 / tickHz). */
  onTick?(room: Room<State, Events>, tickMs: number): Synchronous
  /** The room is over here; nothing is sent any more, and only a room that has ended may still be written. */
  onDispose?(room: Room<State, Events>): Synchronous
  /**
   * The room is about to be given up, most often because the server closes; the last changes still reach the log.
   * It runs again with the next attempt when the log could not take them.
   */
  onDrain?(room: Room<State, Events>): Synchronous
  /**
   * The room goes on from a snapshot and the log (another process owned it before). Timers are not part
   * of them: set them anew here. A seat whose onJoin or onLeave had not settled there gets onLeave after this.
   */
  onRestore?(room: Room<State, Events>): Synchronous
  /**
   * The room goes on after a pause (`whenLogIsFull: 'pause'`), before its next tick. `room.now` went on by
   * `pausedMs` (whole ms) meanwhile: put off what was to happen at a time. Timers whose time has come
   * fire after this.
   */
  onResume?(room: Room<State, Events>, pausedMs: number): Synchronous
  /** A hook or command threw something that is no rejection; it has been logged. */
  onError?(room: Room<State, Events>, error: unknown, where: string): Synchronous
  /**
   * Handlers of the contract's commands for players of this room. The result of one is the answer;
   * `throw reject(code)` refuses.
   */
  readonly commands?: {
    readonly [K in keyof C]?: (
      room: Room<State, Events>,
      session: RoomSession<Events>,
      payload: PayloadOf<C[K]>,
    ) => ReplyOf<C[K]> | Promise<ReplyOf<C[K]>>
  }
}

/** Handlers of room `T` of a contract. */
export type RoomHandlersOf<G extends GameContract, T extends keyof G['rooms']> = RoomHandlers<
  StateOf<G['rooms'][T]>,
  EventsOf<G['rooms'][T]>,
  G['commands']
>

/** The room type as game code names it in its own functions: `RoomOf<typeof game, 'arena'>`. */
export type RoomOf<G extends GameContract, T extends keyof G['rooms']> = Room<
  StateOf<G['rooms'][T]>,
  EventsOf<G['rooms'][T]>
>
