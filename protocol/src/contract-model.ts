import type { GameContract } from './contract.ts'
import { isSchema } from './schema.ts'
import type { Audience, FieldKind, NamedField, ScalarItem, Schema } from './schema.ts'
import { system } from './system-messages.ts'

/** What a message of a contract is for. */
export type MessageRole = 'system' | 'command' | 'reply' | 'event' | 'state'

/** One message of a contract, without code: what a printed `.proto` says of it. */
export interface MessageModel {
  /** Name of the protobuf message, derived: `HitCommand`, `HitReply`, `ArenaKillEvent`, `ArenaState`. */
  readonly name: string
  readonly role: MessageRole
  /** What it belongs to: `hit`, `arena.kill`, `arena`, `join`. */
  readonly subject: string
  /** Commands and system messages: the id in front of it on the wire; else null. */
  readonly id: number | null
  readonly fields: readonly FieldModel[]
}

export interface FieldModel {
  readonly number: number
  readonly name: string
  readonly label: 'single' | 'optional' | 'repeated' | 'map'
  /** Protobuf type; for an object the name of the message that `fields` describes. */
  readonly type: string
  /** Size of one step of a quantised number, else null. */
  readonly step: number | null
  /** Most characters, bytes or items, else null. */
  readonly max: number | null
  readonly audience: Audience
  /** Fields of the object, list item or map value, else null. */
  readonly fields: readonly FieldModel[] | null
}

/**
 * Describes a contract and the system messages as plain data, in a stable order.
 * @throws TypeError when two messages would get the same name (`round-over` and `roundOver`).
 */
export function describeContract(contract: GameContract): MessageModel[] {
  const messages: MessageModel[] = []
  for (const [subject, { id, payload }] of Object.entries(system))
    messages.push(message('system', subject, payload, id))
  for (const [subject, { id, payload, reply }] of Object.entries(contract.commands)) {
    messages.push(message('command', subject, payload, id))
    if (reply) messages.push(message('reply', subject, reply))
  }
  for (const [type, room] of Object.entries(contract.rooms)) {
    messages.push(message('state', type, room.state))
    for (const [name, { payload }] of Object.entries(room.events ?? {}))
      messages.push(message('event', `${type}.${name}`, payload))
  }
  const names = new Set<string>()
  for (const { name } of messages) {
    if (names.has(name)) throw new TypeError(`Expected unique message names, got ${name} twice`)
    names.add(name)
  }
  return messages
}

const SUFFIX: { readonly [R in MessageRole]: string } = {
  system: 'Message',
  command: 'Command',
  reply: 'Reply',
  event: 'Event',
  state: 'State',
}

// oxlint-disable-next-line max-params -- a constructor of four plain values
function message(
  role: MessageRole,
  subject: string,
  payload: Schema,
  id: number | null = null,
): MessageModel {
  const name = pascalCase(subject) + SUFFIX[role]
  return { name, role, subject, id, fields: payload.ordered.map(fieldModel) }
}

/** `round-over` and `arena.kill` as protobuf message names: `RoundOver`, `ArenaKill`. */
function pascalCase(text: string): string {
  return text.replace(/(?:^|[-.])(.)/g, (_, first: string) => first.toUpperCase())
}

const PROTO_TYPE: { readonly [K in Exclude<FieldKind, 'list' | 'map' | 'object'>]: string } = {
  str: 'string',
  int: 'sint32',
  uint: 'uint32',
  num: 'double',
  f32: 'float',
  quant: 'sint32',
  bool: 'bool',
  bytes: 'bytes',
}

function fieldModel(field: NamedField): FieldModel {
  const { item, kind } = field
  const fields = item && isSchema(item) ? item.ordered.map(fieldModel) : null
  const scalar = item && !isSchema(item) ? item.kind : (kind as ScalarItem['kind'])
  return {
    number: field.number,
    name: field.name,
    label: label(field),
    type: fields ? pascalCase(field.name) : PROTO_TYPE[scalar],
    step: kind === 'quant' ? field.step : null,
    max: field.max > 0 ? field.max : null,
    audience: field.audience,
    fields,
  }
}

function label(field: NamedField): FieldModel['label'] {
  if (field.kind === 'list') return 'repeated'
  if (field.kind === 'map') return 'map'
  return field.optional ? 'optional' : 'single'
}
