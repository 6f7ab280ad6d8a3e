import { command, defineGame, event } from './contract.ts'
import type {
  CommandDefinition,
  EventDefinition,
  GameContract,
  RoomDefinition,
} from './contract.ts'
import {
  bool,
  bytes,
  f32,
  int,
  isSchema,
  list,
  map,
  num,
  object,
  oneOf,
  optional,
  quant,
  schema,
  str,
  uint,
} from './schema.ts'
import type { Audience, Field, Fields, NamedField, ScalarItem, Schema } from './schema.ts'
import { sha256 } from './sha256.ts'

/*
 * A contract as one end tells it to the other: JSON without spaces,
 *   [schemas, commands, rooms]
 *   schema   [field, ...] by number; what it holds comes before it, so that nothing can be circular
 *   field    [number, name, kind, max, step, audience, optional, item]; audience 0-3; item: 0, the index of a schema
 *            plus 1, or [kind, max, step, names]; of a oneOf its names
 *   command  [id, name, payload, reply]: indexes of schemas, reply -1 for none
 *   room     [type, state, [[event, payload], ...]]
 * It says which fields share a schema, for the numbers of a state's classes follow from that.
 */

/** Their places are their numbers in the text. */
const AUDIENCES: readonly Audience[] = ['public', 'owner', 'team', 'nobody']

type FieldText = [
  number: number,
  name: string,
  kind: Field['kind'],
  max: number,
  step: number,
  audience: number,
  optional: 0 | 1,
  item:
    | number
    | readonly string[]
    | readonly [kind: ScalarItem['kind'], max: number, step: number, names: readonly string[]],
]

/**
 * Writes a contract as text, the same whatever the order in which its parts were declared. {@link readContractText}
 * reads it back.
 */
export function contractText(game: GameContract): string {
  const indexes = new Map<Schema, number>()
  const schemas: FieldText[][] = []
  function indexOf(of: Schema): number {
    const known = indexes.get(of)
    if (known !== undefined) return known
    const fields = of.ordered.map((field) => fieldText(field, indexOf))
    const index = schemas.push(fields) - 1
    indexes.set(of, index)
    return index
  }
  const commands = Object.entries(game.commands)
    .sort(([, a], [, b]) => a.id - b.id)
    .map(([name, { id, payload, reply }]) => [
      id,
      name,
      indexOf(payload),
      reply ? indexOf(reply) : -1,
    ])
  const rooms = byName(game.rooms).map(([type, { state, events = {} }]) => [
    type,
    indexOf(state),
    byName(events).map(([name, { payload }]) => [name, indexOf(payload)]),
  ])
  return JSON.stringify([schemas, commands, rooms])
}

function fieldText(field: NamedField, indexOf: (of: Schema) => number): FieldText {
  const { number, name, kind, max, step, audience, item } = field
  const itemText = !item
    ? kind === 'oneOf'
      ? field.names
      : 0
    : isSchema(item)
      ? indexOf(item) + 1
      : ([item.kind, item.max, item.step, item.names ?? []] satisfies FieldText[7])
  const isOptional = field.optional ? 1 : 0
  return [number, name, kind, max, step, AUDIENCES.indexOf(audience), isOptional, itemText]
}

/** By code units, which is the same order on every machine. */
function byName<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}

const fingerprints = new WeakMap<GameContract, string>()

/** The fingerprint of a contract: 32 hex digits of its text's SHA-256. It is computed once for each contract. */
export function contractFingerprint(game: GameContract): string {
  let known = fingerprints.get(game)
  if (known === undefined) fingerprints.set(game, (known = textFingerprint(contractText(game))))
  return known
}

/**
 * The fingerprint of a contract's text. It is a cryptographic hash, for the verdict on a fingerprint is remembered: with
 * two texts of one fingerprint, anybody could have the clients of a whole version turned away.
 */
export function textFingerprint(text: string): string {
  return sha256(text).slice(0, 32)
}

/** No game has as many; each is walked several times while a contract is compared. */
const MAX_SCHEMAS = 512
/** Fields of all schemas and messages, each with all that is below it: shared schemas would make it exponential. */
const MAX_FIELDS = 20_000

/**
 * Reads what {@link contractText} wrote, from anybody: every name and number is checked as where a contract is declared,
 * and the work is bounded by the text's length.
 * @throws TypeError or SyntaxError on anything else.
 */
export function readContractText(text: string): GameContract {
  const [schemaTexts, commandTexts, roomTexts] = arrayOf(JSON.parse(text))
  const schemas: Schema[] = []
  const sizes: number[] = []
  let total = 0
  const count = (size: number): void => {
    total += size
    if (total > MAX_FIELDS) throw new TypeError(`Expected at most ${MAX_FIELDS} fields`)
  }
  for (const entry of arrayOf(schemaTexts)) {
    const fields = arrayOf(entry) as FieldText[]
    let size = 1
    for (const field of fields)
      size += typeof field[7] === 'number' && field[7] > 0 ? (sizes[field[7] - 1] ?? 0) + 1 : 1
    // It is counted before the schema is made: that walks through all of it.
    count(size)
    if (sizes.push(size) > MAX_SCHEMAS)
      throw new TypeError(`Expected at most ${MAX_SCHEMAS} schemas`)
    schemas.push(readSchema(fields, schemas))
  }
  const find = (index: unknown): Schema => {
    const found = schemas[index as number]
    if (!found) throw new TypeError('Expected the index of a schema')
    count(sizes[index as number] as number)
    return found
  }
  const commands: Record<string, CommandDefinition> = {}
  for (const entry of arrayOf(commandTexts)) {
    const [id, name, payload, reply] = arrayOf(entry)
    const options = reply === -1 ? {} : { reply: find(reply).fields }
    add(commands, name, command(id as number, find(payload).fields, options))
  }
  const rooms: Record<string, RoomDefinition> = {}
  for (const entry of arrayOf(roomTexts)) {
    const [type, state, eventTexts] = arrayOf(entry)
    const events: Record<string, EventDefinition> = {}
    for (const eventText of arrayOf(eventTexts)) {
      const [name, payload] = arrayOf(eventText)
      add(events, name, event(find(payload).fields))
    }
    add(rooms, type, { state: find(state), events })
  }
  return defineGame({ commands, rooms })
}

function readSchema(texts: readonly FieldText[], schemas: readonly Schema[]): Schema {
  const fields: Record<string, Field> = {}
  for (const text of texts) add(fields, arrayOf(text)[1], readField(text, schemas))
  return schema(fields as Fields)
}

function readField(text: FieldText, schemas: readonly Schema[]): Field {
  const [number, , kind, max, step, place, isOptional, itemText] = text
  const audience = AUDIENCES[place]
  if (audience === undefined) throw new TypeError('Expected an audience')
  const options = { max, step, audience, names: kind === 'oneOf' ? itemText : [] }
  const field =
    kind === 'list' || kind === 'map' || kind === 'object'
      ? readOuter(kind, number, { options, item: readItem(itemText, schemas) })
      : scalarOf(kind)(number, options)
  return isOptional === 1 ? optional(field) : field
}

interface Options {
  readonly max: number
  readonly step: number
  readonly audience: Audience
  /** Anything at all. */
  readonly names: unknown
}

function readOuter(
  kind: 'list' | 'map' | 'object',
  number: number,
  { options, item }: { readonly options: Options; readonly item: Schema | ScalarItem },
): Field {
  if (!isSchema(item)) {
    if (kind !== 'list') throw new TypeError(`Expected a ${kind} of objects`)
    return list(number, item, options)
  }
  if (kind === 'list') return list(number, item, options)
  return kind === 'map' ? map(number, item, options) : object(number, item, options)
}

function readItem(text: FieldText[7], schemas: readonly Schema[]): Schema | ScalarItem {
  if (typeof text === 'number') {
    const found = schemas[text - 1]
    if (!found) throw new TypeError('Expected a schema that was told before')
    return found
  }
  const [kind, max, step, names] = arrayOf(text) as [ScalarItem['kind'], number, number, unknown]
  // What a field of its kind may be, an item may be.
  const field = scalarOf(kind)(1, { max, step, audience: 'public', names })
  return { kind, max: field.max, step: field.step, names: field.names }
}

const SCALARS: {
  readonly [K in ScalarItem['kind']]: (number: number, options: Options) => Field
} = {
  str,
  int,
  uint,
  num,
  f32,
  quant,
  bool,
  bytes,
  oneOf: (number, options) => oneOf(number, arrayOf(options.names) as [string], options),
}

function scalarOf(kind: unknown): (number: number, options: Options) => Field {
  if (typeof kind !== 'string' || !Object.hasOwn(SCALARS, kind))
    throw new TypeError('Expected the kind of a field')
  return SCALARS[kind as ScalarItem['kind']]
}

function add<T>(record: Record<string, T>, name: unknown, value: T): void {
  if (typeof name !== 'string' || name === '__proto__' || Object.hasOwn(record, name))
    throw new TypeError('Expected a name that comes once')
  record[name] = value
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('Expected an array')
  return value
}
