import { PayloadError, ROOT_HANDLE, defaultValue, stateLayout } from '@ringside/protocol'
import type { Infer, NamedField, Schema, StateClass, StateField } from '@ringside/protocol'
import { parsePatch } from './patch-parser.ts'
import type { Column, ParsedGroup, ParsedPatch } from './patch-parser.ts'

/** The changes that one STATE or PATCH made. */
export interface AppliedPatch {
  /** True for a STATE: everything was replaced, `state` is another object. */
  readonly full: boolean
  /** Names of the state's own fields at or below which something changed. */
  readonly fields: ReadonlySet<string>
  /** The changed objects, by path from the root (`['players', id]`; `[]` is the root itself). */
  readonly changes: readonly StateChange[]
}

/** One object of the state that came, went or changed. */
export interface StateChange {
  readonly kind: 'added' | 'changed' | 'removed'
  readonly path: readonly string[]
  /** `changed` only: names of the fields that the patch carried. */
  readonly names: readonly string[]
}

/** A room's state as one client may see it; fields hidden from it hold their defaults. */
export interface StateReplica<S extends Schema = Schema> {
  /** Changed in place by patches, another object after each STATE. Maps have no prototype. */
  readonly state: Infer<S>
  /** Header of the last STATE or PATCH: ownership of the room, tick, room clock in ms. */
  readonly epoch: number
  readonly tick: number
  readonly at: number
  /**
   * Applies the payload (not the frame) of a STATE.
   * @throws PayloadError when it is none; the state is then as before.
   */
  applyState(payload: Uint8Array): AppliedPatch
  /**
   * Applies the payload of a PATCH.
   * @throws PayloadError when it is none, or does not fit this state; join again then.
   */
  applyPatch(payload: Uint8Array): AppliedPatch
}

/** Makes a replica that holds defaults until its first STATE. It is interpreted and needs no eval. */
export function createReplica<S extends Schema>(schema: S): StateReplica<S> {
  return new Replica(schema)
}

type Values = Record<string, unknown>

/** One object of the state with its handle. */
interface Node {
  readonly handle: number
  readonly layout: StateClass
  readonly values: Values
  readonly parent: Node | null
  /** Field of the parent, and key where that field is a map. */
  readonly field: StateField | null
  readonly key: string
  readonly path: readonly string[]
  /** False for an object in a place that this contract does not have: a newer server's. Nobody sees it. */
  readonly isVisible: boolean
  children: Set<Node> | null
}

/** Objects in places that this contract does not have are counted by no map, so all together have a bound. */
const MAX_OBJECTS = 250_000

class Replica<S extends Schema> implements StateReplica<S> {
  epoch = 0
  tick = 0
  at = 0
  readonly #layout
  #nodes = new Map<number, Node>()
  #root: Node

  constructor(schema: S) {
    this.#layout = stateLayout(schema)
    this.#root = this.#makeRoot()
  }

  get state(): Infer<S> {
    return this.#root.values as Infer<S>
  }

  applyState(payload: Uint8Array): AppliedPatch {
    const patch = parsePatch(this.#layout, payload)
    const before = { root: this.#root, nodes: this.#nodes }
    this.#nodes = new Map()
    this.#root = this.#makeRoot()
    try {
      this.#apply(patch, [])
    } catch (cause) {
      this.#root = before.root
      this.#nodes = before.nodes
      throw cause
    }
    const fields = new Set(this.#root.layout.fields.map((field) => field.name))
    return { full: true, fields, changes: [{ kind: 'added', path: [], names: [] }] }
  }

  applyPatch(payload: Uint8Array): AppliedPatch {
    const patch = parsePatch(this.#layout, payload)
    const changes: StateChange[] = []
    this.#apply(patch, changes)
    const fields = new Set<string>()
    for (const { path, names } of changes) {
      if (path.length > 0) fields.add(path[0] as string)
      else for (const name of names) fields.add(name)
    }
    return { full: false, fields, changes }
  }

  #makeRoot(): Node {
    const layout = this.#layout.classes[0] as StateClass
    const root = makeNode(layout, { handle: ROOT_HANDLE, parent: null, field: null, key: '' })
    this.#nodes.set(ROOT_HANDLE, root)
    return root
  }

  /** Applies removals first: a key that was removed and set again in one patch is then the new object. */
  #apply(patch: ParsedPatch, changes: StateChange[]): void {
    for (const handle of patch.removed) {
      const node = this.#nodes.get(handle)
      if (node === undefined || node.parent === null) continue
      if (node.isVisible) changes.push({ kind: 'removed', path: node.path, names: [] })
      this.#remove(node)
    }
    for (const group of patch.created) this.#create(group, changes)
    for (const group of patch.changed) this.#change(group, changes)
    this.epoch = patch.epoch
    this.tick = patch.tick
    this.at = patch.at
  }

  #create(group: ParsedGroup, changes: StateChange[]): void {
    const { layout, handles, columns } = group
    const nodes: Node[] = []
    for (let row = 0; row < handles.length; row++) {
      const handle = handles[row] as number
      const node =
        handle === ROOT_HANDLE && layout.index === 0 ? this.#root : this.#place(group, row)
      nodes.push(node)
      if (!node.isVisible) continue
      changes.push(
        node.parent === null
          ? { kind: 'changed', path: [], names: columns.map((column) => column.field.name) }
          : { kind: 'added', path: node.path, names: [] },
      )
    }
    assign(nodes, columns)
  }

  /** Makes the object of one row of a group of new objects and puts it where it belongs. */
  #place(group: ParsedGroup, row: number): Node {
    const { layout, parents, keys } = group
    const handle = group.handles[row] as number
    const parent = this.#nodes.get(parents[parents.length === 1 ? 0 : row] ?? 0)
    const field = parent?.layout.fields.find((entry) => entry.number === group.parentField)
    const key = field?.kind === 'map' ? keys[row] : ''
    const isUnknownPlace = field === undefined && group.parentField > 0
    if (parent === undefined || handle === 0 || (!isUnknownPlace && field?.target !== layout))
      throw new PayloadError(layout.name, `Expected a place for the object ${handle}`)
    if (key === undefined || key === '__proto__')
      throw new PayloadError(layout.name, `Expected a key for the object ${handle}`)
    const known = this.#nodes.get(handle)
    if (known !== undefined) {
      if (known.parent === null || isWithin(parent, known))
        throw new PayloadError(layout.name, `Expected a new handle, got ${handle}`)
      this.#remove(known)
    }
    if (field !== undefined) this.#vacate(parent, field, key)
    if (this.#nodes.size >= MAX_OBJECTS)
      throw new PayloadError(layout.name, `Expected at most ${MAX_OBJECTS} objects`)
    const node = makeNode(layout, { handle, parent, field: field ?? null, key })
    this.#nodes.set(handle, node)
    parent.children ??= new Set()
    parent.children.add(node)
    if (field === undefined) return node
    if (field.kind === 'map') {
      const map = parent.values[field.name] as Values
      if (parent.children.size > field.max && Object.keys(map).length >= field.max)
        throw new PayloadError(field.name, `Expected at most ${field.max} entries`)
      map[key] = node.values
    } else parent.values[field.name] = node.values
    return node
  }

  #change(group: ParsedGroup, changes: StateChange[]): void {
    const { layout, handles, columns } = group
    const names = columns.map((column) => column.field.name)
    const nodes: Node[] = []
    for (let row = 0; row < handles.length; row++) {
      const node = this.#nodes.get(handles[row] as number)
      if (node === undefined || node.layout !== layout)
        throw new PayloadError(layout.name, `Expected a known object, got ${handles[row]}`)
      nodes.push(node)
      if (node.isVisible) changes.push({ kind: 'changed', path: node.path, names })
    }
    assign(nodes, columns)
  }

  /** Forgets the object at a place that gets a new one, for a doubled or late patch may bring one. */
  #vacate(parent: Node, field: StateField, key: string): void {
    if (parent.children === null) return
    const values =
      field.kind === 'map' ? (parent.values[field.name] as Values)[key] : parent.values[field.name]
    if (values === undefined) return
    for (const child of parent.children)
      if (child.values === values) {
        this.#remove(child)
        return
      }
  }

  #remove(node: Node): void {
    const { parent, field } = node
    parent?.children?.delete(node)
    if (parent !== null && field !== null) {
      if (field.kind === 'map') delete (parent.values[field.name] as Values)[node.key]
      else parent.values[field.name] = defaultsOf(node.layout.schema)
    }
    this.#forget(node)
  }

  #forget(node: Node): void {
    this.#nodes.delete(node.handle)
    if (node.children !== null) for (const child of node.children) this.#forget(child)
  }
}

function makeNode(
  layout: StateClass,
  place: Pick<Node, 'handle' | 'parent' | 'field' | 'key'>,
): Node {
  const { parent, field, key } = place
  const path: string[] = []
  if (parent !== null && field !== null) path.push(...parent.path, field.name)
  if (field?.kind === 'map') path.push(key)
  const isVisible = parent === null || (field !== null && parent.isVisible)
  return { ...place, layout, path, isVisible, values: defaultsOf(layout.schema), children: null }
}

/** Works column by column, so that one name serves all objects of a group. */
function assign(nodes: readonly Node[], columns: readonly Column[]): void {
  for (const { field, values } of columns) {
    const { name } = field
    for (let row = 0; row < nodes.length; row++) (nodes[row] as Node).values[name] = values[row]
  }
}

function isWithin(node: Node, outer: Node): boolean {
  for (let at: Node | null = node; at !== null; at = at.parent) if (at === outer) return true
  return false
}

/** Makes every field with its default, and maps without a prototype. */
function defaultsOf(schema: Schema): Values {
  const values: Values = {}
  for (const field of schema.ordered) values[field.name] = defaultOf(field)
  return values
}

function defaultOf(field: NamedField): unknown {
  if (field.kind === 'map') return Object.create(null)
  return field.kind === 'object' ? defaultsOf(field.item as Schema) : defaultValue(field)
}
