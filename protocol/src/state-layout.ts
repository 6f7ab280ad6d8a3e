import { goesByOwner, isSchema, list, schema } from './schema.ts'
import type { Audience, FieldKind, NamedField, ScalarItem, Schema } from './schema.ts'

/** Field numbers of a `StatePatch` message (docs/protocol.md, "State patches"). */
export const PATCH_EPOCH = 1
export const PATCH_TICK = 2
export const PATCH_AT = 3
export const PATCH_REMOVED = 4
/** Class c: created groups in field 8 + 2c, changed groups in field 9 + 2c. */
export const PATCH_FIRST_GROUP = 8

/** Field numbers of a `<Class>Columns` message. */
export const GROUP_HANDLES = 1
export const GROUP_PARENTS = 2
export const GROUP_PARENT_FIELD = 3
export const GROUP_KEYS = 4
/** A field's column has the field's number plus this. */
export const COLUMN_OFFSET = 5

/** The handle of the root object; all others are greater. */
export const ROOT_HANDLE = 1

/** One field of a class, with what both ends need to know about it. */
export interface StateField {
  readonly name: string
  readonly kind: FieldKind
  /** The field as it was declared. */
  readonly number: number
  /** Position in the class, from 0: its bit in a mask. */
  readonly index: number
  /** Number of its column in the class's `Columns` message. */
  readonly column: number
  readonly audience: Audience
  readonly max: number
  readonly step: number
  /** `oneOf`: its names, by their numbers. */
  readonly names: readonly string[]
  /** `map` and `object`: the class of the objects inside. */
  readonly target: StateClass | null
  /** `list`: the kind of its items. */
  readonly item: Schema | ScalarItem | null
  /** `list`: the wrapper message `{ items = 1 }` that a column repeats. */
  readonly wrapper: Schema | null
  /** `map` and `object`: number of this place in the layout, from 1; 0 for others. */
  readonly edge: number
}

/** One kind of tracked object: a distinct schema that is the root, a map's value or a nested object. */
export interface StateClass {
  /** Parents come before children; the root is 0. */
  readonly index: number
  /** Unique name in printed messages: `Root`, `Players`, `PlayersItems`. */
  readonly name: string
  readonly schema: Schema
  /** The fields by ascending number. */
  readonly fields: readonly StateField[]
  /** True when anything in it, or below it, is not public. */
  readonly hasHidden: boolean
  /** True when a map is in it or below it. */
  readonly hasMaps: boolean
}

/** The class table that both ends compute from the same schema. */
export interface StateLayout {
  readonly schema: Schema
  readonly classes: readonly StateClass[]
  /** Number of places where an object can be, plus one (places count from 1). */
  readonly edges: number
}

/**
 * Computes the class table of a room's state. The same schema gives the same table everywhere.
 * @throws TypeError when an `owner` or `team` field has no map around it whose key could say whose it is.
 */
export function stateLayout(state: Schema): StateLayout {
  const order: Schema[] = []
  visit(state, order)
  order.reverse()
  const names = nameClasses(order)
  const classes = new Map<Schema, StateClass>()
  let edges = 1
  // Children come first, so that a field can point at its class; places are numbered on the way.
  for (const [position, entry] of [...order.entries()].reverse()) {
    const fields = entry.ordered.map((field, index): StateField => {
      const target = targetOf(field)
      return Object.freeze({
        name: field.name,
        kind: field.kind,
        number: field.number,
        index,
        column: field.number + COLUMN_OFFSET,
        audience: field.audience,
        max: field.max,
        step: field.step,
        names: field.names,
        target: target === null ? null : (classes.get(target) ?? null),
        item: field.kind === 'list' ? field.item : null,
        wrapper: field.kind === 'list' ? wrapperOf(field) : null,
        edge: target === null ? 0 : edges++,
      })
    })
    const hasHidden = fields.some((f) => f.audience !== 'public' || f.target?.hasHidden === true)
    const hasMaps = fields.some((f) => f.kind === 'map' || f.target?.hasMaps === true)
    const name = names.get(entry) ?? ''
    classes.set(
      entry,
      Object.freeze({ index: position, name, schema: entry, fields, hasHidden, hasMaps }),
    )
  }
  const table = order.map((entry) => classes.get(entry) as StateClass)
  checkOwners(table[0] as StateClass)
  return Object.freeze({ schema: state, classes: table, edges })
}

/** The schema inside a map or object field, or null. */
function targetOf(field: NamedField): Schema | null {
  if (field.kind !== 'map' && field.kind !== 'object') return null
  return field.item !== null && isSchema(field.item) ? field.item : null
}

function wrapperOf(field: NamedField): Schema {
  const options = { max: field.max }
  const item = field.item as Schema | ScalarItem
  return schema({ items: isSchema(item) ? list(1, item, options) : list(1, item, options) })
}

/** Walks depth first, fields backwards, so that the reversed result has parents first, in the order of fields. */
function visit(entry: Schema, order: Schema[]): void {
  if (order.includes(entry)) return
  for (const field of [...entry.ordered].reverse()) {
    const target = targetOf(field)
    if (target !== null) visit(target, order)
  }
  order.push(entry)
}

function nameClasses(order: readonly Schema[]): Map<Schema, string> {
  const names = new Map<Schema, string>()
  const taken = new Set<string>(['Root'])
  order.forEach((entry, index) => {
    if (index === 0) names.set(entry, 'Root')
    for (const field of entry.ordered) {
      const target = targetOf(field)
      if (target === null || names.has(target)) continue
      const own = field.name.charAt(0).toUpperCase() + field.name.slice(1)
      let name = index === 0 ? own : `${names.get(entry)}${own}`
      while (taken.has(name)) name += '_'
      taken.add(name)
      names.set(target, name)
    }
  })
  return names
}

/** Refuses such a field outside every map, where no key says whose it is; the entries of a root's map have their own. */
function checkOwners(entry: StateClass): void {
  for (const field of entry.fields) {
    const { audience } = field
    if (goesByOwner[audience] && field.kind !== 'map')
      throw new TypeError(
        `Expected a map around the ${audience}'s field, got ${entry.name}.${field.name}`,
      )
    if (field.kind === 'object' && field.target !== null) checkOwners(field.target)
  }
}
