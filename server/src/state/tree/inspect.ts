/** `util.inspect.custom`: without it `console.log` would print accessors, and what is behind a Proxy. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never

/**
 * What of `util.inspect`'s types is used here. Types of Node would be in the declarations of this package, and a project
 * without them could not compile.
 */
export interface InspectOptions {
  readonly depth?: number | null | undefined
  readonly colors?: boolean | undefined
}

export type InspectValue = (value: unknown, options: InspectOptions) => string

interface Inspection {
  /** Levels that are left; negative: none. */
  readonly depth: number
  readonly options: InspectOptions
  readonly inspect: InspectValue
}

/** Prints a part of a state as `util.inspect` prints a plain object in its place, down to the depth that is asked for. */
export function inspectFields(fields: object, { depth, options, inspect }: Inspection): string {
  if (depth < 0) return options.colors ? '\u001b[36m[Object]\u001b[39m' : '[Object]'
  // A depth of null or Infinity stays as it is.
  return inspect(fields, Number.isFinite(options.depth) ? { ...options, depth } : options)
}
