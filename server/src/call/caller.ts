import type { Principal, Session } from '../call/contract.ts'
import type { CommandEntry } from './entry.ts'
import type { PendingCalls } from './pending-calls.ts'

/** One handler of a type of room, resolved when the type was registered. Only its room runs it. */
export interface SeatCommand {
  readonly name: string
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

/** What every caller has. */
interface AnyCaller {
  /** False once the caller has gone: nothing is told to it any more. */
  readonly isOpen: boolean
  /** Aborts when the caller goes. It is made when it is first asked for. */
  readonly signal: AbortSignal
  /** The calls that wait for a promise; null until there was one. The dispatcher makes it. */
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

/** Who calls. */
export type Caller = SessionCaller | PrincipalCaller
