import { isSchema, shortestFloat, toSteps } from '@ringside/protocol'
import type { Json, NamedField, ScalarItem, Schema } from '@ringside/protocol'

/**
 * A message as it stands on the feed: what players get as protobuf, as JSON. `value` is what decoding
 * gave, so both see the same. Quantised fields are whole steps and 32-bit floats their shortest
 * decimal, as in a state patch.
 */
export function toFeedJson(
  schema: Schema,
  value: Record<string, unknown>,
): { [key: string]: Json } {
  const result: { [key: string]: Json } = {}
  for (const field of schema.ordered) {
    const entry = value[field.name]
    if (entry !== undefined) result[field.name] = fieldJson(field, entry)
  }
  return result
}

function fieldJson(field: NamedField, value: unknown): Json {
  const item = field.item
  if (!item) return scalarJson(field as ScalarItem, value)
  if (field.kind === 'list')
    return (value as unknown[]).map((entry) =>
      isSchema(item) ? toFeedJson(item, entry as Record<string, unknown>) : scalarJson(item, entry),
    )
  return toFeedJson(item as Schema, value as Record<string, unknown>)
}

function scalarJson(scalar: Pick<ScalarItem, 'kind' | 'step'>, value: unknown): Json {
  switch (scalar.kind) {
    case 'quant':
      return toSteps(value as number, scalar.step)
    case 'f32':
      return shortestFloat(value as number)
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('base64')
    default:
      return value as Json
  }
}
