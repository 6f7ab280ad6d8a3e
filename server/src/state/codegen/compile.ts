import { stateLayout } from '@ringside/protocol'
import type { Schema, StateClass, StateField, StateLayout } from '@ringside/protocol'
import { ByteWriter } from '../encode/byte-writer.ts'
import { generate } from './codegen.ts'
import { JsonWriter, jsonKey } from '../encode/json-writer.ts'
import type { JsonKey } from '../encode/json-writer.ts'
import type { ListNode } from '../tree/list-node.ts'
import type { MapNode } from '../tree/map-node.ts'
import type { Tracked } from '../tree/tracked.ts'

/** Objects with changed fields, in the order of their first change; `a` is longer than `n`. */
export interface DirtyQueue {
  a: Tracked[]
  n: number
}

/** Objects of one class that changed in the same fields: one message of columns. */
export interface Group {
  a: Tracked[]
  n: number
  /** Bytes that the length took the last time. */
  room: number
  /** The mask, one word for 31 fields each; words that the class lacks stay empty. */
  readonly words: number[]
}

/** Makes the parts of a new object that are more than a scalar. */
export interface Builder {
  list(field: StateField, value: unknown, owner: Tracked): ListNode
  map(field: StateField, value: unknown, owner: Tracked): MapNode
  object(field: StateField, value: unknown, owner: Tracked): Tracked
  setList(owner: Tracked, field: StateField, value: unknown): void
  setMap(owner: Tracked, field: StateField, value: unknown): void
  setObject(owner: Tracked, field: StateField, value: unknown): void
}

/** What settling a queue calls back for. */
export interface Settler {
  touchLog(object: Tracked): void
  /** Fields that only the owner sees have changed: `words` is lent. */
  changedForOwner(object: Tracked, words: readonly number[]): void
}

/** The generated functions of a class. */
export interface GeneratedClass {
  /** A new, detached object with checked copies of `value`'s fields. */
  create(value: Readonly<Record<string, unknown>>, builder: Builder): Tracked
  /** Empties a queue: masks go to the log's, objects to groups. */
  settle(queue: DirtyQueue, settler: Settler): void
  /** Writes the columns of a group. */
  columns(writer: ByteWriter, group: Group): void
  /** Narrows the mask of a group of new objects to the fields in which one is not the default. */
  narrow(group: Group): void
  /** Writes the members of scalars and lists in the mask, each with a comma behind it. */
  json(writer: JsonWriter, object: Tracked, words: readonly number[]): void
  /** The same for those that are in the log's mask too. */
  jsonChanged(writer: JsonWriter, object: Tracked, words: readonly number[]): void
  /** The same as a whole member of a map, key and all, or nothing when nothing in the mask has changed. */
  jsonEntry(writer: JsonWriter, object: Tracked, words: readonly number[]): void
  /** Copies the log's mask into `words`. */
  logMask(object: Tracked, words: number[]): void
  /** Empties both masks. */
  clearMasks(object: Tracked): void
  clearLog(object: Tracked): void
  /** Sets one bit of the log's mask. */
  markLog(object: Tracked, index: number): void
  /** Sets one bit of the players' mask and queues the object, as an accessor does. */
  markChanged(object: Tracked, index: number): void
}

export interface CompiledClass extends GeneratedClass {
  readonly layout: StateClass
  readonly names: ReadonlySet<string>
  /** Words of a mask. */
  readonly words: number
  /** Masks of scalars and lists: by audience, and all. */
  readonly publicMask: readonly number[]
  readonly ownerMask: readonly number[]
  readonly hiddenMask: readonly number[]
  /** All but those that nobody sees. */
  readonly ownedMask: readonly number[]
  readonly allMask: readonly number[]
  /** Maps and nested objects. */
  readonly containers: readonly Container[]
  /** Groups by mask, kept from patch to patch; `active` are those in use. */
  readonly groups: Map<number | string, Group>
  readonly active: Group[]
}

/** A map or object field with what the log's writer needs. */
export interface Container {
  readonly field: StateField
  readonly key: JsonKey
  readonly isPublic: boolean
  readonly hasHidden: boolean
}

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
  const base = {
    layout,
    names: new Set(layout.fields.map((field) => field.name)),
    words,
    publicMask: mask((field) => field.audience === 'public'),
    ownerMask: mask((field) => field.audience === 'owner'),
    hiddenMask: mask((field) => field.audience !== 'public'),
    ownedMask: mask((field) => field.audience !== 'nobody'),
    allMask: mask(() => true),
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
export function setBit(words: number[], index: number): void {
  const word = Math.floor(index / WORD_BITS)
  words[word] = (words[word] ?? 0) | (1 << (index % WORD_BITS))
}

/** Is the bit of field `index` set? */
export function hasBit(words: readonly number[], index: number): boolean {
  return (((words[Math.floor(index / WORD_BITS)] as number) >>> (index % WORD_BITS)) & 1) === 1
}
