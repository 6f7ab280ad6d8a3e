import type { StateField } from '@ringside/protocol'
import { RingsideError } from '../../process/errors.ts'
import type { CompiledClass, DirtyQueue } from '../codegen/compile.ts'
import { jsonKey } from '../encode/json-writer.ts'
import type { JsonKey } from '../encode/json-writer.ts'
import type { MapNode } from './map-node.ts'
import type { ListNode } from './list-node.ts'

/** `$s`: not part of the state (not yet, or no longer). Changes are not recorded. */
export const DETACHED = 0
/** `$s`: part of the state, not yet told to players. */
export const NEW = 1
/** `$s`: players have it under its handle. */
export const KNOWN = 2

/** `$level`: what the places around an object let be seen of it. */
export const PUBLIC = 0
export const OWNED = 1
export const SECRET = 2

/** The queue that new and detached objects have: nothing is ever put into it. */
const NO_QUEUE: DirtyQueue = { a: [], n: 0 }

const NO_KEY = jsonKey('')

/**
 * One tracked object. Generated classes add the accessors of the schema's fields, their values as
 * `$0`, `$1`, ... (quant: steps) and the words of two masks: `$m0`... changed since the last patch to players,
 * `$l0`... since the last patch to the log. All fields exist from construction; nothing can be added.
 */
export class Tracked {
  $c: CompiledClass
  /** Where it queues when a field changes. */
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
  $level = PUBLIC
  /** Session id of who may see its owner's fields. */
  $own: string | null = null
  /** Where it is: parent, field of the parent, map of that field, key in the map. */
  $p: Tracked | null = null
  $f: StateField | null = null
  $n: MapNode | null = null
  $k = ''
  /** The key as JSON. */
  $kj: JsonKey = NO_KEY
  /** True when the log has this object under this key. */
  $log = false

  constructor(compiled: CompiledClass) {
    this.$c = compiled
  }

  /** A plain copy, as JSON.stringify wants it. Holds hidden fields too. */
  toJSON(): unknown {
    return plain(this)
  }
}

// Accessors are found on the generated prototype; only what no schema declares falls through to here.
const guard: object = new Proxy(Object.prototype, {
  set(...[, key, , receiver]: [object, string | symbol, unknown, unknown]) {
    const name = receiver instanceof Tracked ? receiver.$c.layout.name : 'the state'
    throw stateInvalid(`Expected a declared field of ${name}, got '${String(key)}'`)
  },
})
Object.setPrototypeOf(Tracked.prototype, guard)

/** The value of a field as it is kept: steps, MapNode, ListNode, Tracked or a scalar. */
export function rawValue(object: Tracked, index: number): unknown {
  return (object as unknown as Record<string, unknown>)[`$${index}`]
}

export function mapOf(object: Tracked, field: StateField): MapNode {
  return rawValue(object, field.index) as MapNode
}

export function childOf(object: Tracked, field: StateField): Tracked {
  return rawValue(object, field.index) as Tracked
}

/** A plain deep copy of a tracked object, hidden fields included. */
export function plain(object: Tracked): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  const values = object as unknown as Record<string, unknown>
  for (const field of object.$c.layout.fields) {
    if (field.kind === 'map') {
      const entries: Record<string, unknown> = Object.create(null)
      for (const [key, entry] of mapOf(object, field).entries) entries[key] = plain(entry)
      copy[field.name] = entries
    } else if (field.kind === 'object') copy[field.name] = plain(childOf(object, field))
    else if (field.kind === 'list')
      copy[field.name] = [...(rawValue(object, field.index) as ListNode).items]
    else copy[field.name] = values[field.name]
  }
  return copy
}

export function stateInvalid(message: string): RingsideError {
  return new RingsideError('state_invalid', message)
}

/** What came, short enough for a message. */
export function show(value: unknown): string {
  if (typeof value === 'string')
    return `'${value.length > 40 ? `${value.slice(0, 40)}...` : value}'`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}
