import type { Schema } from '@ringside/protocol'
import type { Refusal } from '../process/refusal.ts'
import type { CallScope } from './call-scope.ts'
import type { Decode, EncodeInto } from './compiled-codec.ts'
import type { Principal } from '../auth/principal.ts'
import type { Session } from './public-contract.ts'

/*
 * A call is an entry of the command table, a decoded value, the caller, and the target of its answer.
 * This file is the contract of all four. Beside it public-contract.ts has sessions and callers as game code sees them,
 * and seat-contract.ts a room's end of a connection and a session's end of a seat.
 */

/** The id of a method, which has none on the wire. */
export const NO_COMMAND_ID = -1

/** The index of an entry that no room can handle. */
export const NO_INDEX = -1

/** One command as dispatch sees it. All entries have the same shape. */
export interface CommandEntry {
  readonly id: number
  /** Its place in the contract, from 0, by which a room's handler is found; a raw command has NO_INDEX. */
  readonly index: number
  /** Name in the contract; for a raw command its id in hex. */
  readonly name: string
  /** Tokens it takes from the client's bucket. */
  readonly cost: number
  /** Null for a raw command. */
  readonly payload: Schema | null
  readonly reply: Schema | null
  /** Null for a raw command. */
  readonly decode: Decode | null
  /** Null without a reply. */
  readonly encode: EncodeInto | null
  /** A handler of it has returned a promise before: it is refused while its caller has too many calls pending. */
  isAsync: boolean
  /** Runs when the client's room does not handle the command; null = it needs a room. */
  handler: ((session: Session, payload: unknown) => unknown) | null
}

/** A command of the contract, which can be called by its name as well. */
export interface NamedCommand extends CommandEntry {
  readonly payload: Schema
}

/** One method without a command id: reachable by name only, so by JSON-RPC only. */
export interface MethodEntry {
  /** It is always NO_COMMAND_ID. */
  readonly id: number
  readonly name: string
  /** Tokens it takes from the client's bucket. */
  readonly cost: number
  isAsync: boolean
  /** Checks the params and runs the handler. @throws Rejection for a refusal. */
  readonly run: (params: unknown, caller: Caller, scope: CallScope) => unknown
}

/** Everything that can be called by name. */
export type NamedEntry = NamedCommand | MethodEntry

/** Everything that can be called. A command has an `index`, a method has none. */
export type CallEntry = CommandEntry | MethodEntry

/** Tells the two apart. */
export function isCommand(entry: CallEntry): entry is CommandEntry {
  return 'index' in entry
}

/** One handler of a type of room, resolved when the type was registered. Only its room runs it. */
export interface SeatCommand {
  readonly name: string
  /** What log lines call it: `command <name>`. */
  readonly where: string
  /** It is refused while its player is muted. */
  readonly chat: boolean
  readonly run: (room: unknown, session: unknown, payload: unknown) => unknown
}

/** The seat of a caller, as far as a call needs it. */
export interface CallSeat {
  readonly roomId: string
  /** The handlers of the room's type by {@link CommandEntry.index}; undefined = the room has none. */
  readonly commands: readonly (SeatCommand | undefined)[]
  /**
   * Runs one of `commands` with the decoded payload and returns its answer, or a promise of it.
   * @throws Rejection for a refusal; anything else it throws is a bug of the game.
   */
  run(command: SeatCommand, payload: unknown): unknown
}

/** Every caller has these. */
interface AnyCaller {
  /** False once the caller has gone: nothing is told to it any more. */
  readonly isOpen: boolean
  /**
   * The calls that wait for a promise; null until there was one. The dispatcher makes it; the caller abandons them
   * when it goes, after which `isOpen` is false.
   */
  pending: PendingCalls | null
  /** Counts an invalid call; one too many may end the caller. */
  strike(): void
}

/** A connection that calls. ClientSession implements it. */
export interface SessionCaller extends AnyCaller {
  readonly kind: 'session'
  /** The connection as handlers get it. */
  readonly handle: Session
  readonly seat: CallSeat | null
  /** Sends a whole frame; the bytes are copied. */
  send(frame: Uint8Array): void
  /** Sends a whole frame that fills its buffer: the message itself, while it is lent. */
  sendBuffer(frame: ArrayBuffer): void
  /** Sends a frame of this id and payload; the bytes are copied. */
  sendPayload(id: number, payload: Uint8Array): void
  /** Sends what the entry's compiled encoder makes of the value; false when it left the value to encodeMessage. */
  sendValue(entry: CommandEntry, value: unknown): boolean
}

/** A request over HTTP that calls. */
export interface PrincipalCaller extends AnyCaller {
  readonly kind: 'principal'
  readonly principal: Principal
  readonly remoteAddress: string
}

/** A session, or a principal without one. */
export type Caller = SessionCaller | PrincipalCaller

/**
 * The target of an answer knows the caller, and how this kind of call is told of things. It exists before its
 * message comes, so that a plain call allocates nothing for it; it may be filled anew for the next message, so
 * code that answers later keeps `kept()`.
 */
interface Target {
  readonly caller: Caller
  /** Tells what the handler returned. @throws whatever does not encode; then nothing was sent. */
  answer(entry: CallEntry, result: unknown): void
  /** Tells a refusal, `internal` and `timeout` among them. `id` is NO_COMMAND_ID for a method. */
  refuse(refusal: Refusal, id: number): void
  /** The same target, for as long as it is wanted. */
  kept(): ReplyTo
}

/** The target of a caller with a session: only those reach a command. Each kind is a class of its own. */
export interface SessionReply extends Target {
  readonly kind: 'plain' | 'request' | 'rpc-socket'
  readonly caller: SessionCaller
}

/** One member of a JSON-RPC message that came over a socket; a notification's target tells nothing. */
export interface RpcSocketReply extends SessionReply {
  readonly kind: 'rpc-socket'
}

/** One member of a JSON-RPC body of `POST /rpc`. */
export interface RpcHttpReply extends Target {
  readonly kind: 'rpc-http'
  readonly caller: PrincipalCaller
}

/** Targets of JSON-RPC: only those reach a method. */
export type RpcReply = RpcSocketReply | RpcHttpReply
/** Every target there is. */
export type ReplyTo = SessionReply | RpcHttpReply

/**
 * A call whose handler returned a promise. States: waiting -> answered | over; `over` is told nothing more, and ends
 * once the promise settles.
 */
export class PendingCall {
  readonly entry: CallEntry
  readonly replyTo: ReplyTo
  /** Null for a command. */
  readonly scope: CallScope | null
  /** Its time ran out, or its caller has gone: what the handler still brings is dropped. */
  isOver = false
  /** Stops the timer of the timeout; null without one. */
  cancelTimer: (() => void) | null = null

  constructor(entry: CallEntry, replyTo: ReplyTo, scope: CallScope | null) {
    this.entry = entry
    this.replyTo = replyTo
    this.scope = scope
  }

  /** Nobody waits for it any more, which its handler is told. */
  end(): void {
    this.isOver = true
    this.stopTimer()
    this.scope?.end()
  }

  stopTimer(): void {
    this.cancelTimer?.()
    this.cancelTimer = null
  }
}

/**
 * The calls of one caller whose promises have not settled, those that were answered `timeout` among them: their
 * handlers still run. The dispatcher bounds their number (CA4).
 */
export class PendingCalls {
  readonly #calls = new Set<PendingCall>()

  get count(): number {
    return this.#calls.size
  }

  add(call: PendingCall): void {
    this.#calls.add(call)
  }

  /** The promise of the call has settled. */
  settle(call: PendingCall): void {
    this.#calls.delete(call)
    call.stopTimer()
  }

  /** The caller has gone: nothing is told of these any more, and no timer of theirs is left. */
  abandon(): void {
    for (const call of this.#calls) {
      this.#calls.delete(call)
      call.end()
    }
  }
}
