import { FIRST_RESERVED_ID, isGameCommandId } from '@ringside/protocol'
import type { CommandDefinition, Commands, Schema } from '@ringside/protocol'
import { RingsideError } from '../errors.ts'
import type { Session } from '../server-types.ts'
import { compileDecode, compileEncode } from './compiled-codec.ts'
import type { Decode, EncodeInto } from './compiled-codec.ts'

/** What runs for a command outside a room. `payload` is bytes for a raw command, else the value. */
export type CommandHandler = (session: Session, payload: never) => unknown

/** One command as dispatch sees it. All entries have the same shape. */
export interface CommandEntry {
  readonly id: number
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
  /** Runs when the client's room does not handle the command; null = it needs a room. */
  handler: ((session: Session, payload: unknown) => unknown) | null
}

/**
 * Every command of the server by id, complete before `listen`: afterwards dispatch only reads.
 */
export class CommandRegistry {
  readonly #byId = new Map<number, CommandEntry>()
  readonly #names = new Set<string>()
  #isSealed = false

  /** Declares the commands of a contract; they have no handler yet. */
  constructor(commands: Commands = {}) {
    for (const [name, { id, cost, payload, reply }] of Object.entries(commands))
      this.#add({
        id,
        name,
        cost,
        payload,
        reply,
        decode: compileDecode(payload),
        encode: reply && compileEncode(reply),
        handler: null,
      })
  }

  /**
   * Registers a raw command.
   * @throws RingsideError reserved_id, registered_twice, already_listening, option_invalid (cost).
   */
  addRaw(id: number, handler: CommandHandler, cost = 1): void {
    this.#checkOpen()
    if (!Number.isFinite(cost) || cost < 0)
      throw new RingsideError('option_invalid', `Expected a cost of at least 0, got ${cost}`)
    const name = `0x${id.toString(16).padStart(4, '0')}`
    this.#add({
      id,
      name,
      cost,
      payload: null,
      reply: null,
      decode: null,
      encode: null,
      handler: handler as never,
    })
  }

  /**
   * Gives a command of the contract a handler that needs no room.
   * @throws RingsideError not_in_contract, registered_twice, already_listening.
   */
  addTyped(definition: CommandDefinition, handler: CommandHandler): void {
    this.#checkOpen()
    const entry = this.#byId.get(definition.id)
    if (!entry || entry.payload !== definition.payload)
      throw new RingsideError(
        'not_in_contract',
        `Expected a command of the contract, got id ${definition.id}`,
      )
    if (entry.handler) throw twice(`command '${entry.name}'`)
    entry.handler = handler as never
  }

  /** No registration from here on. */
  seal(): void {
    this.#isSealed = true
  }

  get(id: number): CommandEntry | undefined {
    return this.#byId.get(id)
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
    if (this.#names.has(entry.name)) throw twice(`name '${entry.name}'`)
    this.#byId.set(entry.id, entry)
    this.#names.add(entry.name)
  }
}

function twice(what: string): RingsideError {
  return new RingsideError('registered_twice', `Expected each command once, got ${what} twice`)
}
