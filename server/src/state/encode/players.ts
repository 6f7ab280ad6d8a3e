import {
  GROUP_HANDLES,
  GROUP_KEYS,
  GROUP_PARENTS,
  GROUP_PARENT_FIELD,
  PATCH_AT,
  PATCH_EPOCH,
  PATCH_FIRST_GROUP,
  PATCH_REMOVED,
  PATCH_TICK,
  defaultValue,
  system,
} from '@ringside/protocol'
import type { StateField } from '@ringside/protocol'
import type { ByteWriter } from './byte-writer.ts'
import type { CompiledState } from '../codegen/compile.ts'
import type { FullState, PatchHeader, PlayerPatch } from '../contract.ts'
import { mapOf } from '../tree/map-node.ts'
import { EVERYBODY, NOBODY } from '../projection/audiences.ts'
import { kindOf } from '../projection/kinds.ts'
import type { FrameTools } from '../projection/patch-frames.ts'
import { PatchFrames } from '../projection/patch-frames.ts'
import { childOf } from '../tree/tracked.ts'
import type { CompiledClass, Group, PlaceView, Settler, Tracked } from '../tree/tracked.ts'
import type { Moved, Tree } from '../tree/tree.ts'

const BYTES = 2
const FIXED64 = 1

/** The part of a patch that one audience alone may see. */
interface HiddenPart {
  readonly removed: number[]
  /** Its objects by place, as in the tree's queues. */
  readonly created: Map<number, Tracked[]>
  readonly changed: FieldsOf[]
  /** Fields that the audience sees no longer: they are sent with their defaults. */
  readonly blanked: FieldsOf[]
}

interface FieldsOf {
  readonly object: Tracked
  readonly words: readonly number[]
}

/** The parts of one frame, by key of the audience. */
type HiddenParts = Map<number, HiddenPart>

/** Writes StatePatch messages (docs/protocol.md, "State patches") in frames of STATE and PATCH. */
export class PlayersEncoder implements Settler {
  readonly #compiled: CompiledState
  readonly #writer: ByteWriter
  readonly #tree: Tree
  readonly #tools: FrameTools
  /** An object of each class with every field at its default. */
  readonly #blanks = new Map<CompiledClass, Tracked>()
  /** Those of the patch that is being made. */
  #parts: HiddenParts = new Map()

  constructor(compiled: CompiledState, tree: Tree) {
    this.#compiled = compiled
    this.#writer = compiled.writer
    this.#tree = tree
    this.#tools = { audiences: tree.audiences, writer: compiled.writer }
  }

  touchLog(object: Tracked): void {
    this.#tree.touchLog(object)
  }

  changedFor(key: number, object: Tracked, words: readonly number[]): void {
    if (key !== NOBODY) partOf(this.#parts, key).changed.push({ object, words })
  }

  changedHidden(object: Tracked, words: readonly number[]): void {
    const { seen, narrower } = viewOf(object)
    const common = masked(words, seen)
    if (common !== null) this.changedFor(object.$key, object, common)
    for (const fields of narrower) {
      const own = masked(words, fields.words)
      if (own !== null) this.changedFor(keyFor(object, fields.kind), object, own)
    }
  }

  /** Everything recorded since the last call, or null. */
  flush(header: PatchHeader): PlayerPatch | null {
    const tree = this.#tree
    const { classes } = this.#compiled
    const parts = this.#parts
    // This comes before anything is asked for its audience: objects that have left one must not be in its part.
    const moved = tree.moveOwned()
    if (moved !== null) this.#tellMoved(moved)
    for (const compiled of classes) {
      const queue = tree.dirty[compiled.layout.index]
      if (queue !== undefined && queue.n > 0) compiled.settle(queue, this)
    }
    const publicCreated = tree.createdCount > 0 ? sortCreated(tree.created, parts) : null
    const removed: number[] = []
    for (const { handle, key } of tree.removals) {
      if (key === EVERYBODY) removed.push(handle)
      else if (key !== NOBODY) partOf(parts, key).removed.push(handle)
    }
    const hasGroups = classes.some((compiled) => compiled.active.length > 0)
    const hasPublic = hasGroups || publicCreated !== null || removed.length > 0
    tree.settleNew()
    if (!hasPublic && parts.size === 0) return null
    this.#begin(system.patch.id, header)
    this.#removed(removed)
    if (publicCreated !== null) this.#createdGroups(publicCreated)
    for (const compiled of classes) if (compiled.active.length > 0) this.#changedGroups(compiled)
    const frame = this.#writer.finish()
    this.#parts = new Map()
    return new PatchFrames(frame, this.#tools, this.#encodeParts(parts))
  }

  /** Each part, encoded once for however many see it. */
  #encodeParts(parts: HiddenParts): ReadonlyMap<number, Uint8Array> | null {
    if (parts.size === 0) return null
    const encoded = new Map<number, Uint8Array>()
    for (const [key, part] of parts) {
      this.#writer.begin()
      this.#part(part)
      encoded.set(key, this.#writer.finish())
    }
    return encoded
  }

  /** Takes what has gone over to another audience from the old one, and gives it whole to the new one. */
  #tellMoved({ fields, objects }: Moved): void {
    for (const { object, words, from, to } of fields) {
      if (from !== NOBODY) partOf(this.#parts, from).blanked.push({ object, words })
      this.changedFor(to, object, words)
    }
    for (const object of objects)
      if (object.$key !== NOBODY)
        push(partOf(this.#parts, object.$key).created, object.$f?.edge ?? 0, object)
  }

  /** Everything, for whoever may see it. */
  fullState(header: PatchHeader): FullState {
    const parts: HiddenParts = new Map()
    const publicCreated = sortCreated(this.#places(), parts)
    this.#begin(system.state.id, header)
    if (publicCreated !== null) this.#createdGroups(publicCreated)
    return new PatchFrames(this.#writer.finish(), this.#tools, this.#encodeParts(parts))
  }

  /** Every object by place. */
  #places(): Tracked[][] {
    const places: Tracked[][] = Array.from({ length: this.#compiled.layout.edges }, () => [])
    collect(this.#tree.root, places)
    return places
  }

  /** Everything that `sessionId` may see. */
  full(header: PatchHeader, sessionId: string | null): Uint8Array {
    const places = this.#places()
    const parts: HiddenParts = new Map()
    const keys = sessionId === null ? [] : this.#tree.audiences.heldBy(sessionId)
    const publicCreated = sortCreated(places, parts, keys)
    this.#begin(system.state.id, header)
    if (publicCreated !== null) this.#createdGroups(publicCreated)
    for (const part of parts.values()) this.#part(part)
    return this.#writer.finish()
  }

  #begin(id: number, header: PatchHeader): void {
    const w = this.#writer
    w.begin()
    w.need(4)
    w.v.setUint32(w.p, id)
    w.p += 4
    w.tag(PATCH_EPOCH, 0)
    w.varint(header.epoch)
    w.tag(PATCH_TICK, 0)
    w.varint(header.tick)
    w.tag(PATCH_AT, FIXED64)
    w.double(header.at)
  }

  #removed(handles: readonly number[]): void {
    if (handles.length > 0) packed(this.#writer, PATCH_REMOVED, handles)
  }

  /** Groups of new objects, class by class, so that parents come first. */
  #createdGroups(places: ReadonlyMap<number, readonly Tracked[]>): void {
    const lists = [...places.values()].sort((a, b) => classIndex(a) - classIndex(b))
    for (const objects of lists) this.#createdGroup(objects as Tracked[])
  }

  #createdGroup(objects: Tracked[]): void {
    const first = objects[0] as Tracked
    const compiled = first.$c
    // An object is created with the fields that all who see its place see.
    const mask = viewOf(first).seen
    const group: Group = { a: objects, n: objects.length, room: 3, words: [...mask] }
    compiled.narrow(group)
    const w = this.#writer
    w.tag(PATCH_FIRST_GROUP + 2 * compiled.layout.index, BYTES)
    const at = this.#openGroup(group)
    handles(w, group)
    if (first.$p !== null) place(w, objects, first.$f as StateField)
    compiled.columns(w, group)
    w.endLength(at, group.room)
  }

  #openGroup(group: Group): number {
    const w = this.#writer
    w.need(8)
    const at = w.p
    w.p += group.room
    return at
  }

  #changedGroups(compiled: CompiledClass): void {
    const w = this.#writer
    const { active } = compiled
    for (const group of active) {
      w.tag(PATCH_FIRST_GROUP + 1 + 2 * compiled.layout.index, BYTES)
      const at = this.#openGroup(group)
      handles(w, group)
      compiled.columns(w, group)
      const length = w.p - at - group.room
      w.endLength(at, group.room)
      group.room = length < 128 ? 1 : length < 16_384 ? 2 : 3
      // The array keeps its size from patch to patch, but no object.
      group.a.fill(null as never, 0, group.n)
      group.n = 0
    }
    active.length = 0
  }

  #part({ removed, created, changed, blanked }: HiddenPart): void {
    this.#removed(removed)
    if (created.size > 0) this.#createdGroups(created)
    this.#blankedGroups(blanked)
    for (const group of groupsOf(changed)) {
      group.compiled.active.push(group)
      this.#changedGroups(group.compiled)
    }
  }

  /** Changed groups again, with the defaults in place of the values. */
  #blankedGroups(fields: readonly FieldsOf[]): void {
    const w = this.#writer
    for (const group of groupsOf(fields)) {
      const { compiled, n, words } = group
      w.tag(PATCH_FIRST_GROUP + 1 + 2 * compiled.layout.index, BYTES)
      const at = this.#openGroup(group)
      handles(w, group)
      const blank = this.#blankOf(compiled)
      compiled.columns(w, { a: Array.from({ length: n }, () => blank), n, room: 1, words })
      w.endLength(at, group.room)
    }
  }

  #blankOf(compiled: CompiledClass): Tracked {
    let blank = this.#blanks.get(compiled)
    if (blank === undefined) {
      const { ordered } = compiled.layout.schema
      const values = Object.fromEntries(ordered.map((field) => [field.name, defaultValue(field)]))
      blank = compiled.create(values, this.#tree)
      this.#blanks.set(compiled, blank)
    }
    return blank
  }
}

function partOf(parts: HiddenParts, key: number): HiddenPart {
  let part = parts.get(key)
  if (part === undefined) {
    part = { removed: [], created: new Map(), changed: [], blanked: [] }
    parts.set(key, part)
  }
  return part
}

/**
 * Public objects by place, or null when there are none; what is hidden goes to the parts of its audiences, or
 * of those in `keys` alone.
 */
function sortCreated(
  places: readonly (readonly (Tracked | null)[])[],
  parts: HiddenParts,
  keys: readonly number[] | null = null,
): Map<number, Tracked[]> | null {
  const result = new Map<number, Tracked[]>()
  const isAsked = (key: number): boolean => key !== NOBODY && (keys === null || keys.includes(key))
  for (const [place, objects] of places.entries()) {
    for (const object of objects) {
      if (object === null || object.$key === NOBODY) continue
      const { $key } = object
      if ($key === EVERYBODY) push(result, place, object)
      else if (isAsked($key)) push(partOf(parts, $key).created, place, object)
      for (const { kind, words } of viewOf(object).narrower) {
        const key = keyFor(object, kind)
        if (isAsked(key)) partOf(parts, key).changed.push({ object, words })
      }
    }
  }
  return result.size === 0 ? null : result
}

interface ClassGroup extends Group {
  readonly compiled: CompiledClass
}

/** Objects of one class with the same fields in one group. */
function groupsOf(fields: readonly FieldsOf[]): ClassGroup[] {
  const groups: ClassGroup[] = []
  const byClass = new Map<CompiledClass, Map<string, ClassGroup>>()
  for (const { object, words } of fields) {
    const ofClass = byClass.get(object.$c) ?? new Map<string, ClassGroup>()
    byClass.set(object.$c, ofClass)
    const mask = words.join()
    let group = ofClass.get(mask)
    if (group === undefined) {
      group = { compiled: object.$c, a: [], n: 0, room: 1, words: [...words] }
      ofClass.set(mask, group)
      groups.push(group)
    }
    group.a[group.n++] = object
  }
  return groups
}

/** The fields that are in both masks, or null. */
function masked(words: readonly number[], mask: readonly number[]): number[] | null {
  const both = words.map((word, index) => word & (mask[index] ?? 0))
  return both.some((word) => word !== 0) ? both : null
}

/** Every object from `object` down, by place, parents first. */
function collect(object: Tracked, places: Tracked[][]): void {
  ;(places[object.$f?.edge ?? 0] as Tracked[]).push(object)
  for (const { field } of object.$c.containers) {
    if (field.kind === 'object') collect(childOf(object, field), places)
    else for (const entry of mapOf(object, field).nodes.values()) collect(entry, places)
  }
}

function push(places: Map<number, Tracked[]>, place: number, object: Tracked): void {
  const list = places.get(place)
  if (list === undefined) places.set(place, [object])
  else list.push(object)
}

/** What is seen of an object where it is. */
function viewOf({ $c, $key }: Tracked): PlaceView {
  return $c.views[kindOf($key)] as PlaceView
}

/** The key of the audience of a kind for what belongs to the object's owner. */
function keyFor({ $own }: Tracked, kind: number): number {
  return $own.keys[kind] as number
}

function classIndex(objects: readonly Tracked[]): number {
  return objects[0]?.$c.layout.index ?? 0
}

function handles(w: ByteWriter, { a, n }: Group): void {
  w.need(n * 5 + 16)
  if (n === 1) {
    w.tag(GROUP_HANDLES, 0)
    w.varint((a[0] as Tracked).$h)
    return
  }
  w.tag(GROUP_HANDLES, BYTES)
  const b = w.b
  const at = w.p
  const room = n >= 64 ? 2 : 1
  let p = at + room
  for (let i = 0; i < n; i++) {
    let rest = (a[i] as Tracked).$h
    while (rest > 127) {
      b[p++] = (rest & 127) | 128
      rest >>>= 7
    }
    b[p++] = rest
  }
  w.p = p
  w.endLength(at, room)
}

/** Writes the places of new objects: one parent for all when they share it, else one for each; keys for a map's. */
function place(w: ByteWriter, objects: readonly Tracked[], field: StateField): void {
  const parents = objects.map((object) => object.$p?.$h ?? 0)
  const isShared = parents.every((parent) => parent === parents[0])
  packed(w, GROUP_PARENTS, isShared ? parents.slice(0, 1) : parents)
  w.tag(GROUP_PARENT_FIELD, 0)
  w.varint(field.number)
  if (field.kind !== 'map') return
  for (const object of objects) {
    w.tag(GROUP_KEYS, BYTES)
    w.string(object.$k)
  }
}

function packed(w: ByteWriter, field: number, values: readonly number[]): void {
  w.tag(field, BYTES)
  w.need(values.length * 5 + 8)
  const at = w.p
  w.p += 1
  for (const value of values) w.varint(value)
  w.endLength(at, 1)
}
