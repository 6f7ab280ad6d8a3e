import type { StateClass, StateField } from '@ringside/protocol'
import type { ByteWriter } from '../encode/byte-writer.ts'
import { jsonKey } from '../encode/json-writer.ts'
import type { JsonKey, JsonWriter } from '../encode/json-writer.ts'
import { stateFrozen } from '../invalid.ts'
import { EVERYBODY, NO_OWNER } from '../projection/audiences.ts'
import type { Owner } from '../projection/audiences.ts'

/** `$s`: not part of the state (not yet, or no longer). Changes are not recorded. */
export const DETACHED = 0
/** `$s`: part of the state, not yet told to players. */
export const NEW = 1
/** `$s`: players have it under its handle. */
export const KNOWN = 2

/** The entries of a map of which the log's next patch has something. */
export interface ChangedEntries {
  /**
   * An element is null where its entry has gone since, and from `changedCount` on: the array keeps its size
   * from patch to patch.
   */
  readonly changed: (Tracked | null)[]
  changedCount: number
}

/** Objects with changed fields, in the order of their first change; `a` is longer than `n`. */
export interface DirtyQueue {
  a: Tracked[]
  n: number
  /** Called ahead of the first one. */
  readonly first: () => void
}

/** Objects of one class that changed in the same fields: one message of columns. */
export interface Group {
  a: Tracked[]
  n: number
  /** Bytes that the length took the last time. */
  room: number
  /** The mask: one word for every 30 fields, as many words as the class has. */
  readonly words: number[]
}

/** Makes the parts of a new object that are more than a scalar. */
export interface Builder {
  /** The part as a field holds it: a ListNode, a MapNode, a Tracked. */
  list(field: StateField, value: unknown, owner: Tracked): unknown
  map(field: StateField, value: unknown, owner: Tracked): unknown
  object(field: StateField, value: unknown, owner: Tracked): Tracked
  setList(owner: Tracked, field: StateField, value: unknown): void
  setMap(owner: Tracked, field: StateField, value: unknown): void
  setObject(owner: Tracked, field: StateField, value: unknown): void
}

/** Settling a queue calls these. */
export interface Settler {
  touchLog(object: Tracked): void
  /** Fields of a public object that only the audience `key` sees have changed. */
  changedFor(key: number, object: Tracked, words: readonly number[]): void
  /** An object in a hidden place has changed; `words` are all of its changed fields. */
  changedHidden(object: Tracked, words: readonly number[]): void
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
  /** Masks of scalars and lists: those that everybody sees, the others, and all. */
  readonly publicMask: readonly number[]
  readonly hiddenMask: readonly number[]
  readonly allMask: readonly number[]
  /** What is seen of an object, by index of the kind of the audience of its place. */
  readonly views: readonly PlaceView[]
  /** Maps and nested objects. */
  readonly containers: readonly Container[]
  /** Groups by mask, kept from patch to patch; `active` are those in use. */
  readonly groups: Map<number | string, Group>
  readonly active: Group[]
}

/** What is seen of an object in a place for one kind of audience. */
export interface PlaceView {
  /** The mask of scalars and lists that all of the place's audience see. */
  readonly seen: readonly number[]
  /** The masks of those for narrower kinds, in the order of the table; only such as have a field. */
  readonly narrower: readonly NarrowerFields[]
}

/** The scalars and lists of an object that a narrower kind of audience than its place's sees. */
export interface NarrowerFields {
  readonly kind: number
  readonly words: readonly number[]
}

/** A map or object field with what the log's writer needs. */
export interface Container {
  readonly field: StateField
  readonly key: JsonKey
  readonly isPublic: boolean
  readonly hasHidden: boolean
}

/** The queue that new and detached objects have: nothing is ever put into it. */
const NO_QUEUE: DirtyQueue = { a: [], n: 0, first() {} }

/**
 * Stands in for the queues of a frozen state: whoever queues there throws before anything has changed. No object
 * of such a state is queued, so that every write comes here, and a state that is not frozen pays nothing for it.
 */
export const FROZEN: Tracked[] = new Proxy([], {
  set() {
    throw stateFrozen()
  },
})

/** True for an object of a frozen state; not for one that was taken out of it before. */
export function isFrozen(object: Tracked): boolean {
  return object.$s !== DETACHED && object.$d.a === FROZEN
}

/** @throws RingsideError room_released when the state that the object is part of is frozen. */
export function assertThawed(object: Tracked): void {
  if (isFrozen(object)) throw stateFrozen()
}

const NO_KEY = jsonKey('')

/**
 * One tracked object, as the tree keeps it; the game holds its face. Generated classes add the values of the schema's
 * fields as `$0`, `$1`, ... (quant: steps) and the words of two masks: `$m0`... changed since the last patch to
 * players, `$l0`... since the last patch to the log. All fields exist from construction; nothing can be added.
 */
export class Tracked {
  $c: CompiledClass
  /** What the game holds of it; set from construction on. */
  $face: object | null = null
  /** The queue that it joins when a field changes. */
  $d: DirtyQueue = NO_QUEUE
  $s = DETACHED
  /** 1: in the queue already, or must not be queued. */
  $q = 1
  /** 1: the log's next patch has something at or below it. */
  $lq = 0
  /** Index in `$n.changed`. */
  $li = 0
  /** Index in the queue of created objects. */
  $ci = 0
  /** Handle, 0 while detached. */
  $h = 0
  /** The key of the audience that sees it: in a hidden place one of its owner's. */
  $key = EVERYBODY
  /** Whom it belongs to; fields for others than all who see it go to the keys of that owner. */
  $own: Owner = NO_OWNER
  /** Its place: the parent, the field of the parent, the map of that field, the key in the map. */
  $p: Tracked | null = null
  $f: StateField | null = null
  $n: ChangedEntries | null = null
  $k = ''
  /** The key as JSON. */
  $kj: JsonKey = NO_KEY
  /** True when the log has this object under this key. */
  $log = false

  constructor(compiled: CompiledClass) {
    this.$c = compiled
  }
}

/** The value of a field as it is kept: steps, MapNode, ListNode, Tracked or a scalar. */
export function rawValue(object: Tracked, index: number): unknown {
  return (object as unknown as Record<string, unknown>)[`$${index}`]
}

export function childOf(object: Tracked, field: StateField): Tracked {
  return rawValue(object, field.index) as Tracked
}
