import type { StateField } from '@ringside/protocol'
import { show, stateInvalid } from '../invalid.ts'
import { INSPECT, inspectFields } from './inspect.ts'
import type { InspectOptions, InspectValue } from './inspect.ts'
import { rawValue } from './tracked.ts'
import type { ChangedEntries, Tracked } from './tracked.ts'

/** Keys that the log knows below an object that has gone from the tree: a patch must null them. */
export interface Ghost {
  readonly maps: ReadonlyMap<number, ReadonlyMap<string, Ghost | null>>
  readonly objects: ReadonlyMap<number, Ghost>
}

/** A map asks the tracker for these. */
export interface MapHost {
  setEntry(node: MapNode, key: string, value: unknown): void
  deleteEntry(node: MapNode, key: string): void
}

const MAX_KEY_CHARACTERS = 256

/** A map of the state: a Map, behind a Proxy that looks like an object without a prototype. */
export class MapNode implements ChangedEntries {
  /** The entries as the tree keeps them, and their faces, which the game gets without a step between. */
  readonly nodes = new Map<string, Tracked>()
  readonly faces = new Map<string, object>()
  readonly owner: Tracked
  readonly field: StateField
  readonly proxy: Readonly<Record<string, unknown>>
  readonly host: MapHost
  readonly changed: (Tracked | null)[] = []
  changedCount = 0
  /** Keys that the log has and that were removed or replaced since its last patch. */
  stale: Map<string, Ghost | null> | null = null

  constructor(owner: Tracked, field: StateField, host: MapHost) {
    this.owner = owner
    this.field = field
    this.host = host
    this.proxy = new Proxy(this, handler) as unknown as Readonly<Record<string, unknown>>
  }

  put(key: string, entry: Tracked): void {
    this.nodes.set(key, entry)
    this.faces.set(key, entry.$face as object)
  }

  remove(key: string): void {
    this.nodes.delete(key)
    this.faces.delete(key)
  }

  /** `console.log` looks behind a Proxy, but calls this on it. */
  [INSPECT](depth: number, options: InspectOptions, inspect: InspectValue): string {
    const faces = Object.fromEntries(mapNodeOf(this)?.faces ?? [])
    return inspectFields(faces, { depth, options, inspect })
  }
}

const NODE = Symbol('node')

/** The map of a map field. */
export function mapOf(object: Tracked, field: StateField): MapNode {
  return rawValue(object, field.index) as MapNode
}

/** Empties the list of changed entries. */
export function forgetChanged(node: MapNode): void {
  node.changed.fill(null, 0, node.changedCount)
  node.changedCount = 0
}

/** The node behind a map of the state, or null for any other object. */
export function mapNodeOf(map: object): MapNode | null {
  return (map as { [NODE]?: MapNode })[NODE] ?? null
}

const handler: ProxyHandler<MapNode> = {
  get(target, key) {
    const entry = target.faces.get(key as string)
    if (entry !== undefined || typeof key === 'string') return entry
    return key === NODE ? target : undefined
  },
  has(target, key) {
    return target.faces.has(key as string)
  },
  set(target, key, value) {
    target.host.setEntry(target, checkKey(target, key), value)
    return true
  },
  deleteProperty(target, key) {
    if (typeof key === 'string') target.host.deleteEntry(target, key)
    return true
  },
  ownKeys(target) {
    return [...target.faces.keys()]
  },
  getOwnPropertyDescriptor(target, key) {
    const value = target.faces.get(key as string)
    if (value === undefined) return undefined
    return { value, writable: true, enumerable: true, configurable: true }
  },
  defineProperty(target, key) {
    throw stateInvalid(
      `Expected an assignment to ${target.field.name}, got defineProperty of '${String(key)}'`,
    )
  },
  getPrototypeOf() {
    return null
  },
  setPrototypeOf() {
    return false
  },
  preventExtensions() {
    return false
  },
}

function checkKey(node: MapNode, key: string | symbol): string {
  if (typeof key !== 'string' || !isMapKey(key))
    throw stateInvalid(
      `Expected a key of ${node.field.name} of at most ${MAX_KEY_CHARACTERS} characters, got ${show(key)}`,
    )
  return key
}

/** Any well-formed text of at most 256 characters but `__proto__`. */
export function isMapKey(key: string): boolean {
  return (
    key !== '__proto__' &&
    key.length <= MAX_KEY_CHARACTERS &&
    (key as string & { isWellFormed(): boolean }).isWellFormed()
  )
}

/**
 * Gives the values of a map of the state, without the Proxy's cost per entry that `for in` has. It takes any other
 * object too. Entries may be removed on the way.
 */
export function values<V>(map: Readonly<Record<string, V>>): Iterable<V> {
  const node = mapNodeOf(map)
  return node === null
    ? Object.values(map)
    : (node.faces.values() as Iterable<unknown> as Iterable<V>)
}

/** Keys and values of a map of the state, likewise. */
export function entries<V>(
  map: Readonly<Record<string, V>>,
): Iterable<readonly [key: string, value: V]> {
  const node = mapNodeOf(map)
  if (node === null) return Object.entries(map)
  return node.faces as Iterable<unknown> as Iterable<readonly [string, V]>
}

/** The number of entries of a map of the state, without counting. */
export function sizeOf(map: Readonly<Record<string, unknown>>): number {
  return mapNodeOf(map)?.faces.size ?? Object.keys(map).length
}
