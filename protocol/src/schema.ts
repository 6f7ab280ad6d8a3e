/**
 * The viewers of a field of a room's state. `owner` is the session whose id is the key of the nearest
 * enclosing map entry; `team` is that session and whoever is in its team, or the team of that name;
 * `nobody` never leaves the server. Spectators get `public` only.
 */
export type Audience = 'public' | 'owner' | 'team' | 'nobody'

/** True for the audiences that go by whose a field is: such a field needs a map around it, whose keys say so. */
export const goesByOwner: { readonly [A in Audience]: boolean } = {
  public: false,
  owner: true,
  team: true,
  nobody: false,
}

/** Kinds of values that a field of a schema can hold. */
export type FieldKind =
  | 'str'
  | 'int'
  | 'uint'
  | 'num'
  | 'f32'
  | 'quant'
  | 'bool'
  | 'oneOf'
  | 'bytes'
  | 'list'
  | 'map'
  | 'object'

/** The type of what spectators do not get. */
export interface Hidden {
  readonly hidden: true
}

/**
 * One field of a schema. `T` is the type of its value, `P` that of what spectators see of it; they exist for inference
 * only.
 */
export interface Field<T = unknown, P = unknown> {
  readonly kind: FieldKind
  /** Field number on the wire, 1-255, unique in its schema, never reused for another meaning. */
  readonly number: number
  readonly audience: Audience
  /** Messages only: the value may be `undefined`, and then is not sent. */
  readonly optional: boolean
  /** `str`: characters (UTF-16 units); `bytes`: bytes; `list`: items. */
  readonly max: number
  /** `quant`: the size of one step; the value is a whole number of steps on every wire. */
  readonly step: number
  /** `oneOf`: what the value may be; the place of a name is its number on the wire. Empty for other kinds. */
  readonly names: readonly string[]
  /** The item of a `list`, `map` or `object`. */
  readonly item: Schema | ScalarItem | null
  readonly type?: T
  readonly shown?: P
}

/** A scalar as the item of a list, for example `str()`; it has no number of its own. */
export interface ScalarItem<T = unknown> {
  readonly kind: Exclude<FieldKind, 'list' | 'map' | 'object'>
  readonly max: number
  readonly step: number
  /** `oneOf` only. */
  readonly names?: readonly string[]
  readonly type?: T
}

export type Fields = Readonly<Record<string, Field>>

/** A named set of fields; build one with {@link schema}. */
export interface Schema<F extends Fields = Fields> {
  readonly fields: F
  /** The fields with their names, by ascending number. */
  readonly ordered: readonly NamedField[]
}

export interface NamedField extends Field {
  readonly name: string
}

/** The TypeScript type of a field's value. */
export type InferField<F> = F extends { readonly type?: infer T } ? T : never

/** The TypeScript type that a schema (or a bare set of fields) describes. */
export type Infer<S> =
  S extends Schema<infer F> ? InferFields<F> : S extends Fields ? InferFields<S> : never

/** What has no fields takes none: to `{}` anything could be assigned. */
type InferFields<F> = keyof F extends never
  ? Readonly<Record<string, never>>
  : { [K in keyof F]: InferField<F[K]> }

/** The type of the public part of a state: hidden fields are not in it. */
export type InferPublic<S> =
  S extends Schema<infer F>
    ? {
        readonly [K in keyof F as F[K] extends { readonly shown?: Hidden } ? never : K]: ShownOf<
          F[K]
        >
      }
    : never

/** A field that says nothing of spectators shows them its value. */
type ShownOf<F> = F extends { readonly shown?: infer P }
  ? unknown extends P
    ? InferField<F>
    : P
  : never

/** What spectators see of a field with these options. */
type Shown<O, P> = O extends { readonly audience: Exclude<Audience, 'public'> } ? Hidden : P

export interface FieldOptions {
  readonly audience?: Audience
}
export interface SizedOptions extends FieldOptions {
  /** Most characters, bytes or items; more is invalid_payload, or throws when the game writes it. */
  readonly max?: number
}
export interface QuantOptions extends FieldOptions {
  /** Size of one step, a finite number above 0, for example 0.01. */
  readonly step: number
}

/** `max` where a field does not set its own: characters, bytes, items. */
const DEFAULT_MAX: { readonly [K in FieldKind]?: number } = {
  str: 65_536,
  bytes: 10 * 1024 * 1024,
  list: 10_000,
  map: 10_000,
}

const NO_NAMES: readonly string[] = Object.freeze([])

interface Options extends SizedOptions {
  readonly step?: number
  readonly item?: Schema | ScalarItem
  readonly names?: readonly string[]
}

function field<T, P>(kind: FieldKind, number: number, options: Options): Field<T, P> {
  if (!Number.isInteger(number) || number < 1 || number > 255)
    throw new TypeError(`Expected a field number from 1 to 255, got ${number}`)
  const max = options.max ?? DEFAULT_MAX[kind] ?? 0
  if (!Number.isInteger(max) || max < 0)
    throw new TypeError(`Expected a whole max of at least 0, got ${max}`)
  return Object.freeze({
    kind,
    number,
    audience: options.audience ?? 'public',
    optional: false,
    max,
    step: options.step ?? 1,
    names: options.names ?? NO_NAMES,
    item: options.item ?? null,
  })
}

function scalar<T>(kind: ScalarItem['kind']): ScalarItem<T> {
  return Object.freeze({ kind, max: DEFAULT_MAX[kind] ?? 0, step: 1 })
}

/** Text, at most `max` characters (UTF-16 units; 65,536). Without a number: an item of a list. */
export function str(): ScalarItem<string>
export function str<const O extends SizedOptions>(
  number: number,
  options?: O,
): Field<string, Shown<O, string>>
export function str(number?: number, options: SizedOptions = {}): Field | ScalarItem {
  if (number === undefined) return scalar<string>('str')
  return field<string, never>('str', number, options)
}

/** A whole number from -2^31 to 2^31-1 (protobuf sint32). */
export function int(): ScalarItem<number>
export function int<const O extends FieldOptions>(
  number: number,
  options?: O,
): Field<number, Shown<O, number>>
export function int(number?: number, options: FieldOptions = {}): Field | ScalarItem {
  return number === undefined ? scalar<number>('int') : field('int', number, options)
}

/** A whole number from 0 to 2^32-1 (protobuf uint32). */
export function uint(): ScalarItem<number>
export function uint<const O extends FieldOptions>(
  number: number,
  options?: O,
): Field<number, Shown<O, number>>
export function uint(number?: number, options: FieldOptions = {}): Field | ScalarItem {
  return number === undefined ? scalar<number>('uint') : field('uint', number, options)
}

/** Any finite number, 8 bytes (protobuf double): times in ms, large counts. */
export function num(): ScalarItem<number>
export function num<const O extends FieldOptions>(
  number: number,
  options?: O,
): Field<number, Shown<O, number>>
export function num(number?: number, options: FieldOptions = {}): Field | ScalarItem {
  return number === undefined ? scalar<number>('num') : field('num', number, options)
}

/** A finite number rounded to 32-bit float when it is assigned, 4 bytes (protobuf float). */
export function f32(): ScalarItem<number>
export function f32<const O extends FieldOptions>(
  number: number,
  options?: O,
): Field<number, Shown<O, number>>
export function f32(number?: number, options: FieldOptions = {}): Field | ScalarItem {
  return number === undefined ? scalar<number>('f32') : field('f32', number, options)
}

/**
 * A number rounded to a multiple of `step` when it is assigned; its count of steps, -2^31 to 2^31-1,
 * is what both wires carry (protobuf sint32). {@link fromSteps} turns the count back into the value.
 */
export function quant<const O extends QuantOptions>(
  number: number,
  options: O,
): Field<number, Shown<O, number>> {
  if (!Number.isFinite(options.step) || options.step <= 0)
    throw new TypeError(`Expected a step above 0, got ${options.step}`)
  return field('quant', number, options)
}

/** True or false. */
export function bool(): ScalarItem<boolean>
export function bool<const O extends FieldOptions>(
  number: number,
  options?: O,
): Field<boolean, Shown<O, boolean>>
export function bool(number?: number, options: FieldOptions = {}): Field | ScalarItem {
  return number === undefined ? scalar<boolean>('bool') : field('bool', number, options)
}

const VALUE_NAME = /^[A-Za-z][A-Za-z0-9_]{0,39}$/
const MAX_NAMES = 256

/**
 * One of some names (a protobuf enum): in TypeScript a union of them, in JSON the name, on the wire its place, from 0.
 * The first one is the default. A name never changes its place: new ones come at the end. Without a number: an item of a
 * list.
 * @throws TypeError on a doubled name, one that is no word of 1-40 letters, digits and `_`, none, or more than 256.
 */
export function oneOf<const N extends readonly [string, ...string[]]>(
  ...names: N
): ScalarItem<N[number]>
export function oneOf<const N extends readonly [string, ...string[]]>(
  number: number,
  ...names: N
): Field<N[number], N[number]>
export function oneOf<const N extends readonly [string, ...string[]], const O extends FieldOptions>(
  number: number,
  names: N,
  options?: O,
): Field<N[number], Shown<O, N[number]>>
export function oneOf(
  ...[first, ...rest]: readonly (number | string | readonly string[] | FieldOptions | undefined)[]
): Field | ScalarItem {
  if (typeof first === 'string')
    return Object.freeze({ kind: 'oneOf', max: 0, step: 1, names: checkNames([first, ...rest]) })
  const [names, options] = Array.isArray(rest[0])
    ? [rest[0] as unknown[], (rest[1] ?? {}) as FieldOptions]
    : [rest, {}]
  return field('oneOf', first as number, { ...options, names: checkNames(names) })
}

function checkNames(given: readonly unknown[]): readonly string[] {
  for (const name of given)
    if (typeof name !== 'string' || !VALUE_NAME.test(name))
      throw new TypeError(`Expected a name like 'red', got '${String(name).slice(0, 40)}'`)
  if (given.length === 0 || given.length > MAX_NAMES || new Set(given).size !== given.length)
    throw new TypeError(`Expected 1-${MAX_NAMES} names, each once`)
  return Object.freeze([...(given as readonly string[])])
}

/** Raw bytes, for messages only (a room's state holds none). */
export function bytes(number: number, options: SizedOptions = {}): Field<Uint8Array> {
  return field<Uint8Array, never>('bytes', number, options)
}

/** An array of a schema's objects or of scalars. In a room's state it is replaced whole, in order. */
export function list<S extends Schema, const O extends SizedOptions>(
  number: number,
  item: S,
  options?: O,
): Field<Infer<S>[], Shown<O, readonly InferPublic<S>[]>>
export function list<T, const O extends SizedOptions>(
  number: number,
  item: ScalarItem<T>,
  options?: O,
): Field<T[], Shown<O, readonly T[]>>
export function list(number: number, item: Schema | ScalarItem, options: SizedOptions = {}): Field {
  return field<unknown[], never>('list', number, { ...options, item })
}

/** Objects of one schema by string key; each is tracked by itself. For a room's state only. */
export function map<S extends Schema, const O extends SizedOptions>(
  number: number,
  item: S,
  options?: O,
): Field<Record<string, Infer<S>>, Shown<O, Readonly<Record<string, InferPublic<S>>>>> {
  return field('map', number, { ...options, item })
}

/** One nested object, always present. */
export function object<S extends Schema, const O extends FieldOptions>(
  number: number,
  item: S,
  options?: O,
): Field<Infer<S>, Shown<O, InferPublic<S>>> {
  return field('object', number, { ...options, item })
}

/**
 * Makes a field of a message optional: `undefined` is allowed and is not sent.
 * @throws TypeError for a list or map: protobuf cannot tell an absent one from an empty one.
 */
export function optional<T>(inner: Field<T>): Field<T | undefined> {
  if (inner.kind === 'list' || inner.kind === 'map')
    throw new TypeError(`Expected no optional ${inner.kind}: an empty one says the same`)
  return Object.freeze({ ...inner, optional: true }) as Field<T | undefined>
}

const NAME = /^[a-z][a-zA-Z0-9]*$/

/** Objects may stand inside objects so deep. A schema's depth bounds every recursion over its values. */
const MAX_DEPTH = 16

/**
 * Declares a set of fields. Numbers are explicit and unique. Names are camelCase.
 * @throws TypeError on a doubled number, a name that every object has (`constructor`, `toString`),
 * or more than 16 levels.
 */
export function schema<F extends Fields>(fields: F): Schema<F> {
  const ordered = Object.entries(fields)
    .map(([name, entry]): NamedField => Object.freeze({ ...entry, name }))
    .sort((a, b) => a.number - b.number)
  ordered.forEach((entry, index) => {
    if (!NAME.test(entry.name) || entry.name in Object.prototype)
      throw new TypeError(`Expected a camelCase field name, got '${entry.name}'`)
    if (ordered[index + 1]?.number === entry.number)
      throw new TypeError(`Expected unique field numbers, got ${entry.number} twice`)
  })
  const declared = Object.freeze({ fields: Object.freeze({ ...fields }), ordered })
  if (depthOf(declared) > MAX_DEPTH) throw new TypeError(`Expected at most ${MAX_DEPTH} levels`)
  return declared
}

function depthOf(declared: Schema): number {
  let deepest = 0
  for (const { item } of declared.ordered)
    if (item && isSchema(item)) deepest = Math.max(deepest, depthOf(item))
  return deepest + 1
}

/** True for a schema, false for the item of a list of scalars. */
export function isSchema(item: Schema | ScalarItem): item is Schema {
  return 'ordered' in item
}

/** The count of steps nearest to a value of a `quant` field. Never -0. */
export function toSteps(value: number, step: number): number {
  return Math.round(value / step) + 0
}

/** The value of a count of steps: the same number on server, player and spectator. */
export function fromSteps(steps: number, step: number): number {
  // 1/step is whole for every decimal step in use (0.1, 0.01): dividing gives the shortest decimal.
  const perUnit = Math.round(1 / step)
  return Math.abs(perUnit * step - 1) < 1e-9 ? steps / perUnit : steps * step
}
