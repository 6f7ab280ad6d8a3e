import type { InspectOptions, inspect as inspectValue } from 'node:util'

/** `util.inspect.custom`: without it `console.log` would print accessors, and what is behind a Proxy. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never

interface Inspection {
  /** Levels that are left; negative: none. */
  readonly depth: number
  readonly options: InspectOptions
  readonly inspect: typeof inspectValue
}

/** Prints a part of a state as `util.inspect` prints a plain object in its place, down to the depth that is asked for. */
export function inspectFields(fields: object, { depth, options, inspect }: Inspection): string {
  if (depth < 0) return options.colors ? '\u001b[36m[Object]\u001b[39m' : '[Object]'
  // A depth of null or Infinity stays as it is.
  return inspect(fields, Number.isFinite(options.depth) ? { ...options, depth } : options)
}
