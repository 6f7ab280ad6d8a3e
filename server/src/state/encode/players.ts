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
  system,
} from '@ringside/protocol'
import type { StateField } from '@ringside/protocol'
import type { ByteWriter } from './byte-writer.ts'
import type { CompiledState } from '../codegen/compile.ts'
import type { PatchHeader, PlayerPatch } from '../contract.ts'
import { mapOf } from '../tree/map-node.ts'
import { OWNED, PUBLIC, SECRET, childOf } from '../tree/tracked.ts'
import type { CompiledClass, Group, Settler, Tracked } from '../tree/tracked.ts'
import type { Tree } from '../tree/tree.ts'

const BYTES = 2
const FIXED64 = 1
const EMPTY: ReadonlyMap<string, Uint8Array> = new Map()

/** What only one session may see of a patch. */
interface OwnerPart {
  readonly removed: number[]
  /** By place, as the tree's queues. */
  readonly created: Map<number, Tracked[]>
  readonly changed: { readonly object: Tracked; readonly words: readonly number[] }[]
}

/** Writes StatePatch messages (docs/protocol.md, "State patches") in frames of STATE and PATCH. */
export class PlayersEncoder implements Settler {
  readonly #compiled: CompiledState
  readonly #writer: ByteWriter
  readonly #tree: Tree
  #parts = new Map<string, OwnerPart>()

  constructor(compiled: CompiledState, tree: Tree) {
    this.#compiled = compiled
    this.#writer = compiled.writer
    this.#tree = tree
  }

  touchLog(object: Tracked): void {
    this.#tree.touchLog(object)
  }

  changedForOwner(object: Tracked, words: readonly number[]): void {
    if (object.$own !== null) this.#part(object.$own).changed.push({ object, words })
  }

  /** Everything recorded since the last call, or null. */
  flush(header: PatchHeader): PlayerPatch | null {
    const tree = this.#tree
    const { classes } = this.#compiled
    for (const compiled of classes) {
      const queue = tree.dirty[compiled.layout.index]
      if (queue !== undefined && queue.n > 0) compiled.settle(queue, this)
    }
    const publicCreated = tree.createdCount > 0 ? this.#sortCreated(tree.created) : null
    const removed: number[] = []
    for (const { handle, level, owner } of tree.removals) {
      if (level === PUBLIC) removed.push(handle)
      else if (level === OWNED && owner !== null) this.#part(owner).removed.push(handle)
    }
    const hasGroups = classes.some((compiled) => compiled.active.length > 0)
    const hasPublic = hasGroups || publicCreated !== null || removed.length > 0
    tree.settleNew()
    if (!hasPublic && this.#parts.size === 0) return null
    this.#begin(system.patch.id, header)
    this.#removed(removed)
    if (publicCreated !== null) this.#createdGroups(publicCreated)
    for (const compiled of classes) if (compiled.active.length > 0) this.#changedGroups(compiled)
    const frame = this.#writer.finish()
    return { frame, ownerFrames: this.#ownerFrames(frame) }
  }

  /** Everything that `sessionId` may see. */
  full(header: PatchHeader, sessionId: string | null): Uint8Array {
    const places: Tracked[][] = Array.from({ length: this.#compiled.layout.edges }, () => [])
    collect(this.#tree.root, places)
    const publicCreated = this.#sortCreated(places)
    this.#begin(system.state.id, header)
    if (publicCreated !== null) this.#createdGroups(publicCreated)
    const part = sessionId === null ? undefined : this.#parts.get(sessionId)
    if (part !== undefined) this.#ownerPart(part)
    this.#parts = new Map()
    return this.#writer.finish()
  }

  /** Public objects by place, or null; what is an owner's goes to his part. */
  #sortCreated(places: readonly (readonly (Tracked | null)[])[]): Map<number, Tracked[]> | null {
    const result = new Map<number, Tracked[]>()
    for (const [place, objects] of places.entries()) {
      for (const object of objects) {
        if (object === null || object.$level === SECRET) continue
        if (object.$level === PUBLIC) {
          push(result, place, object)
          const owner = object.$c.ownerMask
          if (object.$own !== null && owner.some((word) => word !== 0))
            this.#part(object.$own).changed.push({ object, words: owner })
        } else if (object.$own !== null) push(this.#part(object.$own).created, place, object)
      }
    }
    return result.size === 0 ? null : result
  }

  #part(owner: string): OwnerPart {
    let part = this.#parts.get(owner)
    if (part === undefined) {
      part = { removed: [], created: new Map(), changed: [] }
      this.#parts.set(owner, part)
    }
    return part
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
    const mask = first.$level === PUBLIC ? compiled.publicMask : compiled.ownedMask
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

  #ownerFrames(frame: Uint8Array): ReadonlyMap<string, Uint8Array> {
    if (this.#parts.size === 0) return EMPTY
    const frames = new Map<string, Uint8Array>()
    for (const [owner, part] of this.#parts) {
      this.#writer.begin()
      this.#writer.bytes(frame)
      this.#ownerPart(part)
      frames.set(owner, this.#writer.finish())
    }
    this.#parts = new Map()
    return frames
  }

  #ownerPart({ removed, created, changed }: OwnerPart): void {
    this.#removed(removed)
    if (created.size > 0) this.#createdGroups(created)
    const groups = new Map<CompiledClass, Map<string, Group>>()
    for (const { object, words } of changed) {
      const ofClass = groups.get(object.$c) ?? new Map<string, Group>()
      groups.set(object.$c, ofClass)
      const key = words.join()
      const group = ofClass.get(key) ?? { a: [], n: 0, room: 1, words: [...words] }
      ofClass.set(key, group)
      group.a[group.n++] = object
    }
    for (const [compiled, ofClass] of groups) {
      compiled.active.push(...ofClass.values())
      this.#changedGroups(compiled)
    }
  }
}

/** Every object from `object` down, by place, parents first. */
function collect(object: Tracked, places: Tracked[][]): void {
  ;(places[object.$f?.edge ?? 0] as Tracked[]).push(object)
  for (const { field } of object.$c.containers) {
    if (field.kind === 'object') collect(childOf(object, field), places)
    else for (const entry of mapOf(object, field).entries.values()) collect(entry, places)
  }
}

function push(places: Map<number, Tracked[]>, place: number, object: Tracked): void {
  const list = places.get(place)
  if (list === undefined) places.set(place, [object])
  else list.push(object)
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

/** Where new objects are: one parent for all when they share it, else one for each; keys for a map's. */
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
