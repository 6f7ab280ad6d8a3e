import { stateInvalid } from '../invalid.ts'
import { INSPECT, inspectFields } from './inspect.ts'
import type { InspectOptions, InspectValue } from './inspect.ts'
import { plain } from './plain.ts'
import type { Tracked } from './tracked.ts'

/** The key under which a face tells its node. Nothing of the package exports it. */
export const NODE = Symbol('node')

/**
 * A tracked object as the game holds it (ST15). Generated classes give it the fields of the schema as own enumerable
 * accessors, and nothing else: what the tree keeps of it is behind a private field.
 */
export abstract class Face {
  abstract [NODE](): Tracked

  toJSON(): unknown {
    return plain(this[NODE]())
  }

  [INSPECT](depth: number, options: InspectOptions, inspect: InspectValue): string {
    return inspectFields(Object.assign({}, this), { depth, options, inspect })
  }
}

// Accessors are the object's own; only what no schema declares falls through to here.
const guard: object = new Proxy(Object.prototype, {
  set(...[, key, , receiver]: [object, string | symbol, unknown, unknown]) {
    const name = nodeOf(receiver)?.$c.layout.name ?? 'the state'
    throw stateInvalid(`Expected a declared field of ${name}, got '${String(key)}'`)
  },
})
Object.setPrototypeOf(Face.prototype, guard)

/** The node behind an object of a state, or null for any other value. */
export function nodeOf(value: unknown): Tracked | null {
  return value instanceof Face ? value[NODE]() : null
}
