import type { Schema } from '@ringside/protocol'
import type { Session } from '../call/contract.ts'
import type { Decode, EncodeInto } from './compiled-codec.ts'
import type { Caller } from './caller.ts'

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

/** One method without a command id: reachable by name only, so by JSON-RPC only. */
export interface MethodEntry {
  /** Always NO_COMMAND_ID. */
  readonly id: number
  readonly name: string
  /** Tokens it takes from the client's bucket. */
  readonly cost: number
  isAsync: boolean
  /** Checks the params and runs the handler. @throws Rejection for a refusal. */
  readonly run: (params: unknown, caller: Caller) => unknown
}

/** Everything that can be called by name. A command has an `index`, a method has none. */
export type CallEntry = CommandEntry | MethodEntry

/** Tells the two apart. */
export function isCommand(entry: CallEntry): entry is CommandEntry {
  return 'index' in entry
}
