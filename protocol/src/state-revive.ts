import type { Json } from './merge-patch.ts'
import { defaultValue } from './message-codec.ts'
import { fromSteps, isSchema } from './schema.ts'
import type { Infer, NamedField, ScalarItem, Schema } from './schema.ts'

type JsonObject = { readonly [key: string]: Json }

/**
 * Turns the feed's public state into the values that players see: steps of `quant` fields become
 * numbers, f32 decimals become their floats, hidden fields their defaults, and maps have no prototype.
 * Takes any JSON: a value that does not fit becomes a default, unknown members are left out.
 */
export function reviveState<S extends Schema>(schema: S, json: Json): Infer<S> {
  return reviveObject(schema, json) as Infer<S>
}

/**
 * Does the same for a merge patch: only members that the patch names, `null` where it removes. Applying the result to a
 * revived state gives the revived new state, but new entries lack hidden fields; see {@link applyStatePatch}.
 */
export function revivePatch(schema: Schema, patch: Json): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null)
  if (!isObject(patch)) return result
  for (const field of schema.ordered) {
    if (!Object.hasOwn(patch, field.name)) continue
    const value = patch[field.name] as Json
    if (field.kind === 'map') {
      const entries: Record<string, unknown> = Object.create(null)
      if (isObject(value))
        for (const key of Object.keys(value)) {
          const entry = value[key] as Json
          entries[key] = entry === null ? null : revivePatch(field.item as Schema, entry)
        }
      result[field.name] = entries
    } else if (field.kind === 'object')
      result[field.name] = revivePatch(field.item as Schema, value)
    else result[field.name] = reviveField(field, value)
  }
  return result
}

/** Applies a merge patch of the feed to a revived state, in place; new entries get every field. */
export function applyStatePatch<S extends Schema>(schema: S, state: Infer<S>, patch: Json): void {
  applyTo(schema, state, patch)
}

function applyTo(schema: Schema, target: Record<string, unknown>, patch: Json): void {
  if (!isObject(patch)) return
  for (const field of schema.ordered) {
    if (!Object.hasOwn(patch, field.name)) continue
    const value = patch[field.name] as Json
    if (field.kind === 'map')
      applyEntries(field, target[field.name] as Record<string, unknown>, value)
    else if (field.kind === 'object')
      applyTo(field.item as Schema, target[field.name] as Record<string, unknown>, value)
    else target[field.name] = reviveField(field, value)
  }
}

function applyEntries(field: NamedField, map: Record<string, unknown>, patch: Json): void {
  if (!isObject(patch)) return
  for (const key of Object.keys(patch)) {
    const value = patch[key] as Json
    if (value === null) delete map[key]
    else if (key in map) applyTo(field.item as Schema, map[key] as Record<string, unknown>, value)
    else map[key] = reviveObject(field.item as Schema, value)
  }
}

function reviveObject(schema: Schema, json: Json): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  const source: JsonObject = isObject(json) ? json : {}
  for (const field of schema.ordered) {
    const value = Object.hasOwn(source, field.name) ? (source[field.name] as Json) : null
    result[field.name] = reviveField(field, value)
  }
  return result
}

function reviveField(field: NamedField, value: Json): unknown {
  switch (field.kind) {
    case 'map': {
      const entries: Record<string, unknown> = Object.create(null)
      if (isObject(value))
        for (const key of Object.keys(value))
          if (value[key] !== null)
            entries[key] = reviveObject(field.item as Schema, value[key] as Json)
      return entries
    }
    case 'object':
      if (field.optional && value === null) return undefined
      return reviveObject(field.item as Schema, value)
    case 'list':
      return Array.isArray(value) ? value.map((item) => reviveItem(field.item, item)) : []
    default:
      return reviveScalar(field as ScalarItem, value) ?? defaultValue(field)
  }
}

function reviveItem(item: Schema | ScalarItem | null, value: Json): unknown {
  if (item === null) return value
  if (isSchema(item)) return reviveObject(item, value)
  return reviveScalar(item, value) ?? defaultItem(item)
}

function defaultItem({ kind, names = [] }: ScalarItem): unknown {
  if (kind === 'oneOf') return names[0]
  return kind === 'str' ? '' : kind === 'bool' ? false : 0
}

/** The value, or undefined when it is of another type. */
function reviveScalar(item: Pick<ScalarItem, 'kind' | 'step' | 'names'>, value: Json): unknown {
  switch (item.kind) {
    case 'str':
      return typeof value === 'string' ? value : undefined
    case 'oneOf':
      return item.names?.includes(value as string) ? value : undefined
    case 'bool':
      return typeof value === 'boolean' ? value : undefined
    case 'bytes':
      return undefined
    case 'quant':
      return typeof value === 'number' ? fromSteps(value, item.step) : undefined
    case 'f32':
      return typeof value === 'number' ? Math.fround(value) : undefined
    case 'int':
    case 'uint':
    case 'num':
      return typeof value === 'number' ? value : undefined
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
