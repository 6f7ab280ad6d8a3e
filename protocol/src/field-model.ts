import { isSchema } from './schema.ts'
import type { Audience, FieldKind, NamedField, ScalarItem } from './schema.ts'

/** One field of a contract's message, without code. */
export interface FieldModel {
  readonly number: number
  readonly name: string
  readonly label: 'single' | 'optional' | 'repeated' | 'map'
  /** Protobuf type; for an object the name of the message that `fields` describes. */
  readonly type: string
  /** Size of one step of a quantised number, else null. */
  readonly step: number | null
  /** The most characters, bytes or items, else null. */
  readonly max: number | null
  readonly audience: Audience
  /** `oneOf` only: its names by their numbers. */
  readonly names?: readonly string[]
  /** Fields of the object, list item or map value, else null. */
  readonly fields: readonly FieldModel[] | null
}

/** Makes a protobuf message name: `round-over` becomes `RoundOver`, `arena.kill` becomes `ArenaKill`. */
export function pascalCase(text: string): string {
  return text.replace(/(?:^|[-.])(.)/g, (_, first: string) => first.toUpperCase())
}

const PROTO_TYPE: {
  readonly [K in Exclude<FieldKind, 'list' | 'map' | 'object' | 'oneOf'>]: string
} = {
  str: 'string',
  int: 'sint32',
  uint: 'uint32',
  num: 'double',
  f32: 'float',
  quant: 'sint32',
  bool: 'bool',
  bytes: 'bytes',
}

/** Describes one field of a schema. */
export function fieldModel(field: NamedField): FieldModel {
  const { item, kind } = field
  const fields = item && isSchema(item) ? item.ordered.map(fieldModel) : null
  const scalar = item && !isSchema(item) ? item.kind : (kind as ScalarItem['kind'])
  const names = item && !isSchema(item) ? item.names : kind === 'oneOf' ? field.names : undefined
  return {
    number: field.number,
    name: field.name,
    label: label(field),
    ...(names ? { names } : {}),
    type: fields || scalar === 'oneOf' ? pascalCase(field.name) : PROTO_TYPE[scalar],
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
