import { stateLayout } from '@ringside/protocol'
import type { Schema, StateClass, StateField, StateLayout } from '@ringside/protocol'
import { ByteWriter } from '../encode/byte-writer.ts'
import { generate } from './codegen.ts'
import { JsonWriter, jsonKey } from '../encode/json-writer.ts'
import { EVERYBODY_KIND, KINDS, NOBODY_KIND } from '../projection/kinds.ts'
import type { Kinds } from '../projection/kinds.ts'
import type { CompiledClass, Container, PlaceView } from '../tree/tracked.ts'

/** A state schema made ready: one per type of room, shared by its rooms (encoding is synchronous). */
export interface CompiledState<S extends Schema = Schema> {
  readonly schema: S
  readonly layout: StateLayout
  readonly classes: readonly CompiledClass[]
  readonly kinds: Kinds
  /** The indexes of the kinds that a field is for, and that of each place (`StateField.edge`). */
  readonly usedKinds: ReadonlySet<number>
  readonly placeKinds: readonly number[]
  readonly writer: ByteWriter
  readonly json: JsonWriter
}

/** Fields in one word of a mask: the sign bit stays out, so that words are small integers. */
export const WORD_BITS = 30

/**
 * Generates accessor classes and encoders for a room's state.
 * @throws TypeError when the schema cannot be a state (see `stateLayout`), or a field is for no kind of audience.
 */
export function compileState<S extends Schema>(schema: S, kinds: Kinds = KINDS): CompiledState<S> {
  const layout = stateLayout(schema)
  const fields = layout.classes.flatMap((each) => each.fields)
  const usedKinds = new Set(fields.map((field) => kinds.indexOf(field.audience)))
  const placeKinds = Array.from({ length: layout.edges }, () => EVERYBODY_KIND)
  for (const { edge, target, audience } of fields)
    if (target !== null) placeKinds[edge] = kinds.indexOf(audience)
  const classes = layout.classes.map((each) => compileClass(each, kinds))
  const [writer, json] = [new ByteWriter(), new JsonWriter()]
  return { schema, layout, classes, kinds, usedKinds, placeKinds, writer, json }
}

function compileClass(layout: StateClass, kinds: Kinds): CompiledClass {
  const words = Math.max(1, Math.ceil(layout.fields.length / WORD_BITS))
  const mask = (keep: (field: StateField) => boolean): number[] => {
    const bits = Array.from({ length: words }, () => 0)
    for (const field of layout.fields)
      if (field.target === null && keep(field)) setBit(bits, field.index)
    return bits
  }
  const view = (place: number): PlaceView => {
    const seenBy = (kind: number): number[] =>
      mask((field) => kinds.meet(place, kinds.indexOf(field.audience)) === kind)
    const narrower = kinds.rows
      .map((_, kind) => ({ kind, words: seenBy(kind) }))
      .filter((each) => each.kind !== place && each.kind !== NOBODY_KIND)
      .filter((each) => each.words.some((word) => word !== 0))
    return { seen: seenBy(place), narrower }
  }
  const views = kinds.rows.map((_, place) => view(place))
  const base = {
    layout,
    names: new Set(layout.fields.map((field) => field.name)),
    words,
    publicMask: views[EVERYBODY_KIND]?.seen,
    hiddenMask: mask((field) => field.audience !== 'public'),
    allMask: mask(() => true),
    views,
    containers: layout.fields.filter((field) => field.target !== null).map(container),
    groups: new Map(),
    active: [],
  }
  const compiled = base as unknown as CompiledClass
  return Object.assign(compiled, generate(compiled))
}

function container(field: StateField): Container {
  return {
    field,
    key: jsonKey(field.name),
    isPublic: field.audience === 'public',
    hasHidden: field.audience !== 'public' || field.target?.hasHidden === true,
  }
}

/** Sets the bit of field `index` in a mask. */
function setBit(words: number[], index: number): void {
  const word = Math.floor(index / WORD_BITS)
  words[word] = (words[word] ?? 0) | (1 << (index % WORD_BITS))
}

/** Is the bit of field `index` set? */
export function hasBit(words: readonly number[], index: number): boolean {
  return (((words[Math.floor(index / WORD_BITS)] as number) >>> (index % WORD_BITS)) & 1) === 1
}
