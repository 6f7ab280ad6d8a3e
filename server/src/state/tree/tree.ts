import type { StateField } from '@ringside/protocol'
import type { CompiledState } from '../codegen/compile.ts'
import { Handles } from './handles.ts'
import { ListNode, copyItems, isPlain } from './list-node.ts'
import { jsonKey } from '../encode/json-writer.ts'
import { MapNode, forgetChanged, isMapKey, mapOf } from './map-node.ts'
import type { Ghost, MapHost } from './map-node.ts'
import { DETACHED, FROZEN, KNOWN, NEW } from './tracked.ts'
import { assertThawed, childOf, rawValue } from './tracked.ts'
import { nodeOf } from './face.ts'
import { plain } from './plain.ts'
import type { Tracked, Builder, CompiledClass, DirtyQueue, PlaceView, Settler } from './tracked.ts'
import { show, stateInvalid } from '../invalid.ts'
import { Audiences, EVERYBODY, NOBODY } from '../projection/audiences.ts'
import type { Owner } from '../projection/audiences.ts'
import { EVERYBODY_KIND, NOBODY_KIND, kindOf } from '../projection/kinds.ts'
import type { Kinds } from '../projection/kinds.ts'

/** A removed object that players know, and the key of the audience that has to be told. */
export interface Removal {
  readonly handle: number
  readonly key: number
}

/** The fields of an object, known to players, that go from one audience of a kind to another. */
export interface MovedFields {
  readonly object: Tracked
  readonly words: readonly number[]
  readonly from: number
  readonly to: number
}

/** What has gone over to other audiences since the last patch to players, who know it as it was. */
export interface Moved {
  /** Fields of objects that are seen by the same audience as before. */
  readonly fields: MovedFields[]
  /** Objects in places of audiences, parents first: new to theirs under the handles that they have now. */
  readonly objects: Tracked[]
}

/**
 * The object tree of one room, with the handles of its objects and the changes since the last patches. A
 * removed object goes on as a plain object of its own (writes to it are not recorded) and may be put back,
 * under a new handle. Handles are used again only after the patch that removed them.
 */
export class Tree implements Builder, MapHost, Pick<Settler, 'touchLog'> {
  readonly root: Tracked
  readonly audiences: Audiences
  readonly dirty: readonly DirtyQueue[]
  /** New objects by place (`StateField.edge`), parents first; null where one has gone again. */
  readonly created: readonly (Tracked | null)[][]
  createdCount = 0
  removals: Removal[] = []
  /** Number of objects that have `$lq` set. */
  logCount = 0
  /** Called ahead of the first change after a patch, and of some others. */
  onChange: () => void = () => {}
  /** These objects, and null from there on: the array keeps its size from patch to patch. */
  readonly #logQueue: (Tracked | null)[] = []
  readonly #classes: readonly CompiledClass[]
  readonly #kinds: Kinds
  readonly #placeKinds: readonly number[]
  readonly #handles: Handles

  constructor(compiled: CompiledState, initial: unknown) {
    this.#classes = compiled.classes
    this.#kinds = compiled.kinds
    this.#placeKinds = compiled.placeKinds
    this.#handles = new Handles(compiled.kinds)
    this.audiences = new Audiences(compiled.kinds, compiled.usedKinds)
    const first = (): void => this.onChange()
    this.dirty = compiled.classes.map(() => ({ a: [], n: 0, first }))
    this.created = Array.from({ length: compiled.layout.edges }, () => [])
    this.root = this.#build(compiled.classes[0] as CompiledClass, initial)
    this.#attach(this.root)
    this.settleNew()
    this.clearLog()
  }

  /**
   * Settles the tree after the players' patch: everything new is known, and handles of the removed may be used
   * again.
   */
  settleNew(): void {
    if (this.createdCount > 0) {
      for (const queue of this.created) {
        for (const object of queue) {
          if (object === null) continue
          object.$s = KNOWN
          object.$q = 0
        }
        queue.length = 0
      }
      this.createdCount = 0
    }
    if (this.removals.length > 0) this.removals = []
    this.#handles.settle()
    this.audiences.settle()
  }

  /** Both patches have everything. */
  get isSettled(): boolean {
    if (this.createdCount > 0 || this.removals.length > 0 || this.logCount > 0) return false
    return this.dirty.every(({ n }) => n === 0)
  }

  /**
   * Before the players' patch: gives what belongs to sessions that have changed their groups to their audiences of now.
   * Until then an object has the keys under which players know it. It walks over all that may be hidden.
   */
  moveOwned(): Moved | null {
    if (!this.audiences.takeStale()) return null
    const moved: Moved = { fields: [], objects: [] }
    this.#move(this.root, moved, false)
    return moved
  }

  /** Settles the tree after the log's patch: the log has everything. */
  clearLog(): void {
    const queue = this.#logQueue
    for (let i = 0; i < this.logCount; i++) {
      const object = queue[i] as Tracked
      queue[i] = null
      object.$lq = 0
      object.$c.clearLog(object)
      object.$log = object.$s !== DETACHED
      for (const { field } of object.$c.containers) {
        if (field.kind !== 'map') continue
        const node = mapOf(object, field)
        forgetChanged(node)
        node.stale = null
      }
    }
    this.logCount = 0
  }

  /** Notes that the log's next patch has something at `object`, all the way up. */
  touchLog(object: Tracked): void {
    let at = object
    while (at.$lq === 0) {
      at.$lq = 1
      this.#logQueue[this.logCount++] = at
      const parent = at.$p
      if (parent === null) return
      if (at.$n !== null) {
        at.$li = at.$n.changedCount
        at.$n.changed[at.$n.changedCount++] = at
        // The first changed entry of a map has marked the way up for the others.
        if (at.$n.changedCount > 1) return
      }
      parent.$c.markLog(parent, (at.$f as StateField).index)
      at = parent
    }
  }

  /**
   * Lets every write to an object of the tree throw from now on, until `thaw`. Changes since the last patch are in
   * none. It costs time for what is queued, and none for the rest.
   */
  freeze(): void {
    for (const queue of this.dirty) {
      for (let i = 0; i < queue.n; i++) (queue.a[i] as Tracked).$q = 0
      queue.n = 0
      queue.a = FROZEN
    }
    for (const queue of this.created) for (const object of queue) if (object !== null) object.$q = 0
  }

  /** Takes writes again, after a `freeze` that had nothing queued. */
  thaw(): void {
    for (const queue of this.dirty) {
      queue.n = 0
      queue.a = []
    }
  }

  list(field: StateField, value: unknown, owner: Tracked): ListNode {
    return new ListNode(owner, field, value)
  }

  map(field: StateField, value: unknown, owner: Tracked): MapNode {
    const node = new MapNode(owner, field, this)
    for (const [key, entry] of this.#buildEntries(node, value)) {
      node.put(key, entry)
      link(entry, node, key)
    }
    return node
  }

  object(field: StateField, value: unknown, owner: Tracked): Tracked {
    const child = this.#build(this.#classOf(field), value)
    child.$p = owner
    child.$f = field
    return child
  }

  setList(owner: Tracked, field: StateField, value: unknown): void {
    const node = rawValue(owner, field.index) as ListNode
    if (value !== node.proxy) node.replace(copyItems(field, value, node.path))
  }

  setMap(owner: Tracked, field: StateField, value: unknown): void {
    assertThawed(owner)
    const node = mapOf(owner, field)
    if (value !== node.proxy) this.#replaceEntries(node, this.#buildEntries(node, value))
  }

  /** A nested object stays the same object; its fields take the new values. */
  setObject(owner: Tracked, field: StateField, value: unknown): void {
    const child = childOf(owner, field)
    if (value !== child.$face) this.#assign(child, this.#build(child.$c, value))
  }

  setEntry(node: MapNode, key: string, value: unknown): void {
    assertThawed(node.owner)
    const before = node.nodes.get(key)
    if (before !== undefined && value === before.$face) return
    if (before === undefined && node.nodes.size >= node.field.max)
      throw stateInvalid(`Expected at most ${node.field.max} entries in ${node.field.name}`)
    const entry = this.#adopt(this.#classOf(node.field), value)
    if (before !== undefined) this.deleteEntry(node, key)
    this.#insert(node, key, entry)
  }

  deleteEntry(node: MapNode, key: string): void {
    assertThawed(node.owner)
    const entry = node.nodes.get(key)
    if (entry === undefined) return
    if (entry.$s !== DETACHED) {
      if (entry.$log) {
        node.stale ??= new Map()
        node.stale.set(key, ghostOf(entry))
      }
      if (this.removals.length === 0) this.onChange()
      if (entry.$s === KNOWN) this.removals.push({ handle: entry.$h, key: entry.$key })
      this.#release(entry)
      node.owner.$c.markLog(node.owner, node.field.index)
      this.touchLog(node.owner)
    }
    node.remove(key)
    entry.$p = null
    entry.$f = null
    entry.$n = null
  }

  #insert(node: MapNode, key: string, entry: Tracked): void {
    node.put(key, entry)
    link(entry, node, key)
    if (node.owner.$s !== DETACHED) this.#attach(entry)
  }

  #replaceEntries(node: MapNode, entries: ReadonlyMap<string, Tracked>): void {
    for (const key of node.nodes.keys()) this.deleteEntry(node, key)
    for (const [key, entry] of entries) this.#insert(node, key, entry)
  }

  /** Copies the fields of a detached object into an attached one; entries of its maps move over. */
  #assign(to: Tracked, from: Tracked): void {
    const target = to.$face as Record<string, unknown>
    const source = from.$face as Record<string, unknown>
    for (const field of to.$c.layout.fields) {
      if (field.kind === 'map') {
        const entries = new Map(mapOf(from, field).nodes)
        for (const entry of entries.values()) entry.$p = null
        this.#replaceEntries(mapOf(to, field), entries)
      } else if (field.kind === 'object') this.#assign(childOf(to, field), childOf(from, field))
      else target[field.name] = source[field.name]
    }
  }

  #classOf(field: StateField): CompiledClass {
    return this.#classes[field.target?.index ?? 0] as CompiledClass
  }

  /** A new object with the fields of a plain one; of one of a state, which a spread copy may have in it, a copy (ST16). */
  #build(compiled: CompiledClass, given: unknown): Tracked {
    const { name } = compiled.layout
    const node = nodeOf(given)
    const value = node === null ? given : plain(node)
    if (!isPlain(value))
      throw stateInvalid(`Expected a plain object for ${name}, got ${show(value)}`)
    for (const key of Object.keys(value))
      if (!compiled.names.has(key))
        throw stateInvalid(`Expected a declared field of ${name}, got '${key}'`)
    return compiled.create(value, this)
  }

  #buildEntries(node: MapNode, value: unknown): Map<string, Tracked> {
    if (!isPlain(value))
      throw stateInvalid(`Expected a plain object for ${node.field.name}, got ${show(value)}`)
    const keys = Object.keys(value)
    if (keys.length > node.field.max)
      throw stateInvalid(`Expected at most ${node.field.max} entries in ${node.field.name}`)
    const built = new Map<string, Tracked>()
    const compiled = this.#classOf(node.field)
    for (const key of keys) {
      if (!isMapKey(key))
        throw stateInvalid(`Expected a usable key of ${node.field.name}, got ${show(key)}`)
      built.set(key, this.#build(compiled, value[key]))
    }
    return built
  }

  /** A new object from a plain one, or a removed one of the right class that comes back. */
  #adopt(compiled: CompiledClass, value: unknown): Tracked {
    const node = nodeOf(value)
    if (node === null) return this.#build(compiled, value)
    if (node.$c !== compiled || node.$p !== null || node.$s !== DETACHED)
      throw stateInvalid(
        `Expected a plain object for ${compiled.layout.name}, got one that is in the state already; copy it: { ...it }`,
      )
    return node
  }

  /** Makes an object and all below it part of the state. Its place has been linked before. */
  #attach(object: Tracked): void {
    const parent = object.$p
    const queue = this.created[object.$f?.edge ?? 0] as (Tracked | null)[]
    object.$s = NEW
    object.$q = 1
    object.$d = this.dirty[object.$c.layout.index] as DirtyQueue
    object.$log = false
    object.$lq = 0
    object.$c.clearMasks(object)
    object.$ci = queue.length
    queue.push(object)
    if (this.createdCount++ === 0) this.onChange()
    if (parent === null) object.$own = this.audiences.unowned
    else this.#inherit(object, parent)
    object.$h = this.#handles.take(object.$key)
    this.touchLog(object)
    for (const { field } of object.$c.containers) {
      if (field.kind === 'object') this.#attach(childOf(object, field))
      else for (const entry of mapOf(object, field).nodes.values()) this.#attach(entry)
    }
  }

  /**
   * Says who may see an object: whom its parent lets see it, narrowed by the audience of its own place. In
   * a hidden place all belongs to whom the place belongs to, whatever keys are in it.
   */
  #inherit(object: Tracked, parent: Tracked): void {
    const { audiences } = this
    const place = this.#placeKinds[(object.$f as StateField).edge] as number
    const isPublic = parent.$key === EVERYBODY
    if (isPublic && place === EVERYBODY_KIND && !object.$c.layout.hasHidden) {
      object.$own = audiences.unowned
      object.$key = EVERYBODY
      return
    }
    const kind = this.#kinds.meet(kindOf(parent.$key), place)
    if (kind === NOBODY_KIND) {
      object.$own = audiences.unowned
      object.$key = NOBODY
      return
    }
    const isNamed =
      isPublic &&
      object.$n !== null &&
      (place === EVERYBODY_KIND || parent.$own === audiences.unowned)
    object.$own = isNamed ? audiences.hold(object.$k) : audiences.share(parent.$own)
    object.$key = object.$own.keys[kind] as number
  }

  #move(object: Tracked, moved: Moved, isInMoved: boolean): void {
    if (object.$key === NOBODY) return
    const isMoved = object.$own.isStale && this.#changeOwner(object, moved, isInMoved)
    for (const { field, hasHidden } of object.$c.containers) {
      if (object.$key === EVERYBODY && !hasHidden) continue
      if (field.kind === 'object') this.#move(childOf(object, field), moved, isMoved)
      else
        for (const entry of mapOf(object, field).nodes.values()) this.#move(entry, moved, isMoved)
    }
  }

  /**
   * Gives an object the keys of its owner of now. They may be the same: a session is back in its group, and only what
   * was made below in between has others. The old audience forgets a hidden object with all below it, and the new
   * one gets it under a handle of its own; true then.
   */
  #changeOwner(object: Tracked, moved: Moved, isInMoved: boolean): boolean {
    const before = object.$own
    const now = this.audiences.hold(before.name as string)
    this.audiences.release(before)
    object.$own = now
    const from = object.$key
    const kind = kindOf(from)
    const to = now.keys[kind] as number
    const isKnown = object.$s === KNOWN
    if (from === to) {
      if (isKnown) movedFields(object, before, moved)
      return false
    }
    if (isKnown) {
      if (!isInMoved) this.removals.push({ handle: object.$h, key: from })
      moved.objects.push(object)
    }
    this.#handles.release(object.$h, from)
    object.$key = to
    object.$h = this.#handles.take(to)
    return true
  }

  /** Takes an object and all below it out of every queue. */
  #release(object: Tracked): void {
    if (object.$s === NEW) {
      ;(this.created[object.$f?.edge ?? 0] as (Tracked | null)[])[object.$ci] = null
      this.createdCount--
    }
    this.#handles.release(object.$h, object.$key)
    this.audiences.release(object.$own)
    if (object.$lq === 1 && object.$n !== null) object.$n.changed[object.$li] = null
    object.$s = DETACHED
    object.$q = 1
    object.$h = 0
    object.$log = false
    object.$c.clearMasks(object)
    for (const { field } of object.$c.containers) {
      if (field.kind === 'object') this.#release(childOf(object, field))
      else {
        const node = mapOf(object, field)
        for (const entry of node.nodes.values()) this.#release(entry)
        forgetChanged(node)
        node.stale = null
      }
    }
  }
}

/** Notes the fields whose audience is not that of the owner before. */
function movedFields(object: Tracked, before: Owner, moved: Moved): void {
  for (const { kind, words } of (object.$c.views[kindOf(object.$key)] as PlaceView).narrower) {
    const from = before.keys[kind] as number
    const to = object.$own.keys[kind] as number
    if (from !== to) moved.fields.push({ object, words, from, to })
  }
}

function link(entry: Tracked, node: MapNode, key: string): void {
  entry.$p = node.owner
  entry.$f = node.field
  entry.$n = node
  if (entry.$k !== key) {
    entry.$k = key
    entry.$kj = jsonKey(key)
  }
}

/** The keys of maps below `object` that the log has, as they were when it last looked. */
function ghostOf(object: Tracked): Ghost | null {
  if (!object.$c.layout.hasMaps) return null
  const maps = new Map<number, Map<string, Ghost | null>>()
  const objects = new Map<number, Ghost>()
  for (const { field } of object.$c.containers) {
    if (field.kind === 'object') {
      const ghost = ghostOf(childOf(object, field))
      if (ghost !== null) objects.set(field.index, ghost)
      continue
    }
    const node = mapOf(object, field)
    const keys = new Map<string, Ghost | null>()
    for (const [key, entry] of node.nodes) if (entry.$log) keys.set(key, ghostOf(entry))
    if (node.stale !== null) for (const [key, ghost] of node.stale) keys.set(key, ghost)
    maps.set(field.index, keys)
  }
  return { maps, objects }
}
