import { stateLayout } from '@ringside/protocol'
import type { Audience, Schema, StateClass, StateField, StateLayout } from '@ringside/protocol'
import { ByteWriter } from '../encode/byte-writer.ts'
import { generate } from './codegen.ts'
import { JsonWriter, jsonKey } from '../encode/json-writer.ts'
import type { CompiledClass, Container } from '../tree/tracked.ts'

/** A state schema made ready: one per type of room, shared by its rooms (encoding is synchronous). */
export interface CompiledState<S extends Schema = Schema> {
  readonly schema: S
  readonly layout: StateLayout
  readonly classes: readonly CompiledClass[]
  readonly writer: ByteWriter
  readonly json: JsonWriter
}

/** Fields in one word of a mask: the sign bit stays out, so that words are small integers. */
export const WORD_BITS = 30

/**
 * Generates accessor classes and encoders for a room's state.
 * @throws TypeError when the schema cannot be a state (see `stateLayout`).
 */
export function compileState<S extends Schema>(schema: S): CompiledState<S> {
  const layout = stateLayout(schema)
  const classes = layout.classes.map(compileClass)
  return { schema, layout, classes, writer: new ByteWriter(), json: new JsonWriter() }
}

function compileClass(layout: StateClass): CompiledClass {
  const words = Math.max(1, Math.ceil(layout.fields.length / WORD_BITS))
  const mask = (keep: (field: StateField) => boolean): number[] => {
    const bits = Array.from({ length: words }, () => 0)
    for (const field of layout.fields)
      if (field.target === null && keep(field)) setBit(bits, field.index)
    return bits
  }
  const has = (audience: Audience): boolean =>
    layout.fields.some((field) => field.target === null && field.audience === audience)
  const base = {
    layout,
    names: new Set(layout.fields.map((field) => field.name)),
    words,
    publicMask: mask((field) => field.audience === 'public'),
    ownerMask: mask((field) => field.audience === 'owner'),
    teamMask: mask((field) => field.audience === 'team'),
    hiddenMask: mask((field) => field.audience !== 'public'),
    forOwnMask: mask((field) => field.audience !== 'nobody'),
    forTeamMask: mask((field) => field.audience === 'public' || field.audience === 'team'),
    allMask: mask(() => true),
    hasOwnerFields: has('owner'),
    hasTeamFields: has('team'),
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
