import { FIRST_RESERVED_ID, isGameCommandId } from '@ringside/protocol'
import type { CommandDefinition, Commands } from '@ringside/protocol'
import { checkFunction, checkText, invalid, shownNumber, shownText } from '../process/argument.ts'
import { RingsideError } from '../process/errors.ts'
import { NO_COMMAND_ID, NO_INDEX } from './call.ts'
import type { CommandEntry, MethodEntry, NamedCommand, NamedEntry } from './call.ts'
import type { Session } from './public-contract.ts'
import { scratchMemory } from '../transport/off-heap.ts'
import { compileDecode, compileEncode } from './compiled-codec.ts'

/** It runs for a command outside a room. `payload` is bytes for a raw command, else the value. */
export type CommandHandler = (session: Session, payload: never) => unknown

/** Options of a raw command. */
export interface RawOptions {
  /** Tokens that it takes from the client's bucket, 0 or more. Default 1. */
  readonly cost?: number
  /** It says something to other players, so that it is refused with `muted` while its sender is muted. Default false. */
  readonly chat?: boolean
}

/** A method as it is registered. */
export type MethodDefinition = Pick<MethodEntry, 'name' | 'run'> &
  Partial<Pick<MethodEntry, 'cost'>>

/** The specification of JSON-RPC keeps these names for itself. */
const RESERVED_METHODS = 'rpc.'

/** Ids below it are looked up in an array of 8 KB. */
const SMALL_IDS = 1024

/**
 * Every command of the server by id, and everything with a name by its name. Complete before `listen`:
 * afterwards dispatch only reads.
 */
export class CommandRegistry {
  readonly #byId = new Map<number, CommandEntry>()
  /** The same for ids below SMALL_IDS, where most games have theirs: an array is looked up faster than the map. */
  readonly #bySmallId = Array.from({ length: SMALL_IDS }, (): CommandEntry | undefined => undefined)
  /** Commands of the contract, and methods. */
  readonly #byName = new Map<string, NamedEntry>()
  #isSealed = false

  /** Declares the commands of a contract; they have no handler yet. */
  constructor(commands: Commands = {}) {
    for (const [index, [name, { id, cost, payload, reply }]] of Object.entries(
      commands,
    ).entries()) {
      const entry: NamedCommand = {
        id,
        index,
        name,
        cost,
        payload,
        reply,
        decode: compileDecode(payload),
        encode: reply && compileEncode(reply, scratchMemory),
        isAsync: false,
        handler: null,
      }
      this.#add(entry)
      this.#name(entry)
    }
  }

  /**
   * Registers a raw command.
   * @throws RingsideError reserved_id, registered_twice, already_listening, option_invalid (cost).
   */
  addRaw(id: number, handler: CommandHandler, cost = 1): void {
    this.#checkOpen()
    checkCost(cost)
    checkFunction(`the handler of command ${id}`, handler)
    const name = `0x${id.toString(16).padStart(4, '0')}`
    this.#add({
      id,
      index: NO_INDEX,
      name,
      cost,
      payload: null,
      reply: null,
      decode: null,
      encode: null,
      isAsync: false,
      handler: handler as never,
    })
  }

  /**
   * Gives a command of the contract a handler that needs no room.
   * @throws RingsideError not_in_contract, registered_twice, already_listening.
   */
  addTyped(definition: CommandDefinition, handler: CommandHandler): void {
    this.#checkOpen()
    if (typeof definition !== 'object' || definition === null)
      throw invalid(
        `Expected a command's id or a command of the contract, got ${shownText(definition)}`,
      )
    const entry = this.#byId.get(definition.id)
    if (!entry || entry.payload !== definition.payload)
      throw new RingsideError(
        'not_in_contract',
        `Expected a command of the contract, got id ${definition.id}`,
      )
    checkFunction(`the handler of command '${entry.name}'`, handler)
    if (entry.handler) throw twice(`command '${entry.name}'`)
    entry.handler = handler as never
  }

  /**
   * Registers a method, which has a name and no id.
   * @throws RingsideError reserved_id (names from `rpc.` on), registered_twice, already_listening, option_invalid.
   */
  addMethod({ name, cost = 1, run }: MethodDefinition): void {
    this.#checkOpen()
    checkCost(cost)
    checkText('the name of a method', name)
    if (name.startsWith(RESERVED_METHODS))
      throw new RingsideError(
        'reserved_id',
        `Expected a name that does not begin with '${RESERVED_METHODS}', got '${name}'`,
      )
    this.#name({ id: NO_COMMAND_ID, name, cost, isAsync: false, run })
  }

  /** Nothing can be registered from here on. */
  seal(): void {
    this.#isSealed = true
  }

  get(id: number): CommandEntry | undefined {
    return id < SMALL_IDS ? this.#bySmallId[id] : this.#byId.get(id)
  }

  /** A command of the contract or a method; raw commands have no name. */
  find(name: string): NamedEntry | undefined {
    return this.#byName.get(name)
  }

  #checkOpen(): void {
    if (this.#isSealed)
      throw new RingsideError('already_listening', 'Expected registration before listen')
  }

  #add(entry: CommandEntry): void {
    if (!isGameCommandId(entry.id))
      throw new RingsideError(
        'reserved_id',
        `Expected an id from 0 to 0x${(FIRST_RESERVED_ID - 1).toString(16)}, got ${entry.id}`,
      )
    const other = this.#byId.get(entry.id)
    if (other) throw twice(`id 0x${entry.id.toString(16)} (as '${other.name}')`)
    this.#byId.set(entry.id, entry)
    if (entry.id < SMALL_IDS) this.#bySmallId[entry.id] = entry
  }

  #name(entry: NamedEntry): void {
    if (this.#byName.has(entry.name)) throw twice(`name '${entry.name}'`)
    this.#byName.set(entry.name, entry)
  }
}

/** Makes the handler of a command with `chat`: made once, ahead of `listen`, so that the others pay nothing for it. */
export function unlessMuted(handler: CommandHandler): CommandHandler {
  checkFunction('the handler of a command', handler)
  return (session, payload) => {
    if (session.isMuted) throw new RingsideError('muted')
    return handler(session, payload)
  }
}

function checkCost(cost: number): void {
  if (!Number.isFinite(cost) || cost < 0)
    throw invalid(`Expected a cost of at least 0, got ${shownNumber(cost)}`)
}

function twice(what: string): RingsideError {
  return new RingsideError(
    'registered_twice',
    `Expected each command and method once, got ${what} twice`,
  )
}
