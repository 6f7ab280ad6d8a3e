import { isEventType } from './event-type.ts'
import { isGameCommandId } from './frame.ts'
import { isSchema, schema } from './schema.ts'
import type { Fields, Infer, InferPublic, Schema } from './schema.ts'

/** A typed command: its id, payload, answer and price. Build one with {@link command}. */
export interface CommandDefinition<
  P extends Fields = Fields,
  R extends Fields | null = Fields | null,
> {
  readonly id: number
  readonly payload: Schema<P>
  /** The answer's schema, or null for a command without an answer. */
  readonly reply: R extends Fields ? Schema<R> : null
  /** Tokens taken from the client's bucket, a finite number of at least 0. */
  readonly cost: number
  /** It says something to other players: refused with `muted` while its sender is muted. */
  readonly chat: boolean
}

/** A room's own event, for players and spectators alike. */
export interface EventDefinition<P extends Fields = Fields> {
  readonly payload: Schema<P>
}

export interface RoomDefinition<
  S extends Schema = Schema,
  E extends Readonly<Record<string, EventDefinition>> = Readonly<Record<string, EventDefinition>>,
> {
  readonly state: S
  readonly events?: E
}

export type Commands = Readonly<Record<string, CommandDefinition>>
export type Rooms = Readonly<Record<string, RoomDefinition>>

/** Server and client share this contract; it is written once and imported by both. */
export interface GameContract<C extends Commands = Commands, R extends Rooms = Rooms> {
  readonly commands: C
  readonly rooms: R
}

/** The value a command's handler gets. */
export type PayloadOf<D> = D extends { readonly payload: infer P } ? Infer<P> : never
/** The value a command's handler returns; `void` for a command without an answer. */
export type ReplyOf<D> = D extends { readonly reply: infer R }
  ? R extends Schema
    ? Infer<R>
    : void
  : void
/** The state of a room of the contract. */
export type StateOf<R> = R extends { readonly state: infer S } ? Infer<S> : never
/** The part of a room's state that spectators see. */
export type PublicStateOf<R> = R extends { readonly state: infer S } ? InferPublic<S> : never
/** The events of a room of the contract, name by name, as values. */
export type EventsOf<R> = R extends { readonly events?: infer E }
  ? { [K in keyof NonNullable<E>]: PayloadOf<NonNullable<E>[K]> }
  : object

export interface CommandOptions<R extends Fields | null> {
  readonly reply?: R
  /** Default 1. */
  readonly cost?: number
  /** It says something to other players, so that it is refused with `muted` while its sender is muted. Default false. */
  readonly chat?: boolean
}

/**
 * Declares a command. `id` is from 0 to 0xFFFEFFFF.
 * @throws TypeError on a reserved id, a cost below 0, a map or a hidden field.
 */
export function command<P extends Fields, R extends Fields>(
  id: number,
  payload: P,
  options: CommandOptions<R> & { readonly reply: R },
): CommandDefinition<P, R>
// Without a reply there is no R to infer: inside of `defineGame` it would be whatever a command may have.
export function command<P extends Fields>(
  id: number,
  payload: P,
  options?: { readonly reply?: null; readonly cost?: number; readonly chat?: boolean },
): CommandDefinition<P, null>
export function command<P extends Fields, R extends Fields | null>(
  id: number,
  payload: P,
  options: CommandOptions<R>,
): CommandDefinition<P, R>
export function command<P extends Fields, R extends Fields | null>(
  id: number,
  payload: P,
  options: CommandOptions<R> = {},
): CommandDefinition<P, R> {
  if (!isGameCommandId(id))
    throw new TypeError(`Expected a command id from 0 to 0xFFFEFFFF, got ${id}`)
  const cost = options.cost ?? 1
  if (!Number.isFinite(cost) || cost < 0)
    throw new TypeError(`Expected a cost of at least 0, got ${cost}`)
  const chat = options.chat ?? false
  if (typeof chat !== 'boolean')
    throw new TypeError(`Expected chat as true or false, got ${String(chat)}`)
  const reply = options.reply ? schema(options.reply) : null
  const definition = { id, payload: schema(payload), reply, cost, chat }
  checkMessage(definition.payload, `command ${id}`)
  if (reply) checkMessage(reply, `reply of command ${id}`)
  return Object.freeze(definition) as CommandDefinition<P, R>
}

/**
 * Declares a room event. It stands in the log as JSON, so it holds no bytes.
 * @throws TypeError on bytes, a map or a hidden field.
 */
export function event<P extends Fields>(payload: P): EventDefinition<P> {
  const definition = { payload: schema(payload) }
  checkMessage(definition.payload, 'event')
  checkJson(definition.payload, 'event')
  return Object.freeze(definition)
}

const COMMAND_NAME = /^[a-z][a-zA-Z0-9]{0,39}$/
const ROOM_TYPE = /^[a-z][a-z0-9-]{0,31}$/

/**
 * Joins commands and rooms to a game's contract.
 * @throws TypeError on a doubled command id, an unusable name, or a state that cannot be tracked (bytes, optional fields, maps or hidden fields inside lists).
 */
export function defineGame<const C extends Commands, const R extends Rooms>(game: {
  readonly commands?: C
  readonly rooms?: R
}): GameContract<C, R> {
  const byId = new Map<number, string>()
  for (const [name, { id }] of Object.entries(game.commands ?? {})) {
    if (!COMMAND_NAME.test(name) || name in Object.prototype)
      throw new TypeError(`Expected a command name like 'hit', got '${name}'`)
    const other = byId.get(id)
    if (other !== undefined)
      throw new TypeError(`Expected unique command ids, got ${id} for '${other}' and '${name}'`)
    byId.set(id, name)
  }
  for (const [type, room] of Object.entries(game.rooms ?? {})) {
    if (!ROOM_TYPE.test(type) || type in Object.prototype)
      throw new TypeError(`Expected a room type like 'arena', got '${type}'`)
    checkState(room.state, type)
    for (const name of Object.keys(room.events ?? {}))
      if (!isEventType(name) || name in Object.prototype)
        throw new TypeError(`Expected an event name that the feed does not use, got '${name}'`)
  }
  return Object.freeze({ commands: game.commands ?? ({} as C), rooms: game.rooms ?? ({} as R) })
}

function checkMessage(message: Schema, path: string): void {
  for (const field of message.ordered) {
    if (field.kind === 'map')
      throw new TypeError(`Expected no map in a message, got ${path}.${field.name}`)
    // A message goes whole to all who get it, so a hidden field in it would be hidden from nobody.
    if (field.audience !== 'public')
      throw new TypeError(`Expected public fields in a message, got ${path}.${field.name}`)
    if (field.item && isSchema(field.item)) checkMessage(field.item, `${path}.${field.name}`)
  }
}

function checkJson(message: Schema, path: string): void {
  for (const field of message.ordered) {
    const at = `${path}.${field.name}`
    if (field.kind === 'bytes') throw new TypeError(`Expected no bytes in an event, got ${at}`)
    if (field.item && isSchema(field.item)) checkJson(field.item, at)
  }
}

function checkState(state: Schema, path: string): void {
  for (const field of state.ordered) {
    const at = `${path}.${field.name}`
    if (field.kind === 'bytes') throw new TypeError(`Expected no bytes in a state, got ${at}`)
    if (field.optional) throw new TypeError(`Expected no optional field in a state, got ${at}`)
    if (!field.item || !isSchema(field.item)) continue
    if (field.kind === 'list') checkListItem(field.item, at)
    else checkState(field.item, at)
  }
}

function checkListItem(item: Schema, path: string): void {
  checkState(item, path)
  for (const field of item.ordered) {
    const at = `${path}.${field.name}`
    if (field.kind === 'map') throw new TypeError(`Expected no map inside a list, got ${at}`)
    if (field.audience !== 'public')
      throw new TypeError(`Expected the audience on the list, not inside it, got ${at}`)
    if (field.item && isSchema(field.item)) checkListItem(field.item, at)
  }
}
