/**
 * Who may see a field of a room's state. `owner` is the session whose id is the key of the nearest
 * enclosing map entry; `nobody` never leaves the server. Spectators get `public` only.
 */
export type Audience = 'public' | 'owner' | 'nobody'

/** What a field of a schema holds. */
export type FieldKind =
  | 'str'
  | 'int'
  | 'uint'
  | 'num'
  | 'f32'
  | 'quant'
  | 'bool'
  | 'bytes'
  | 'list'
  | 'map'
  | 'object'

/** One field of a schema. `T` is the type of its value; it exists for inference only. */
export interface Field<T = unknown> {
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
  /** `list`, `map` and `object`: what an item is. */
  readonly item: Schema | ScalarItem | null
  readonly type?: T
}

/** A scalar as the item of a list, for example `str()`; it has no number of its own. */
export interface ScalarItem<T = unknown> {
  readonly kind: Exclude<FieldKind, 'list' | 'map' | 'object'>
  readonly max: number
  readonly step: number
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
  S extends Schema<infer F>
    ? { [K in keyof F]: InferField<F[K]> }
    : S extends Fields
      ? { [K in keyof S]: InferField<S[K]> }
      : never

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

const DEFAULT_MAX_CHARACTERS = 65_536
const DEFAULT_MAX_BYTES = 10 * 1024 * 1024
const DEFAULT_MAX_ITEMS = 10_000

interface Options extends SizedOptions {
  readonly step?: number
  readonly item?: Schema | ScalarItem
}

function field<T>(kind: FieldKind, number: number, max: number, options: Options): Field<T> {
  if (!Number.isInteger(number) || number < 1 || number > 255)
    throw new TypeError(`Expected a field number from 1 to 255, got ${number}`)
  return Object.freeze({
    kind,
    number,
    audience: options.audience ?? 'public',
    optional: false,
    max: options.max ?? max,
    step: options.step ?? 1,
    item: options.item ?? null,
  })
}

function scalar<T>(kind: ScalarItem['kind'], max: number, step = 1): ScalarItem<T> {
  return Object.freeze({ kind, max, step })
}

/** Text, at most `max` characters (UTF-16 units; 65,536). Without a number: an item of a list. */
export function str(): ScalarItem<string>
export function str(number: number, options?: SizedOptions): Field<string>
export function str(number?: number, options: SizedOptions = {}) {
  if (number === undefined) return scalar<string>('str', DEFAULT_MAX_CHARACTERS)
  return field<string>('str', number, DEFAULT_MAX_CHARACTERS, options)
}

/** A whole number from -2^31 to 2^31-1 (protobuf sint32). */
export function int(): ScalarItem<number>
export function int(number: number, options?: FieldOptions): Field<number>
export function int(number?: number, options: FieldOptions = {}) {
  return number === undefined ? scalar<number>('int', 0) : field<number>('int', number, 0, options)
}

/** A whole number from 0 to 2^32-1 (protobuf uint32). */
export function uint(): ScalarItem<number>
export function uint(number: number, options?: FieldOptions): Field<number>
export function uint(number?: number, options: FieldOptions = {}) {
  return number === undefined
    ? scalar<number>('uint', 0)
    : field<number>('uint', number, 0, options)
}

/** Any finite number, 8 bytes (protobuf double): times in ms, large counts. */
export function num(): ScalarItem<number>
export function num(number: number, options?: FieldOptions): Field<number>
export function num(number?: number, options: FieldOptions = {}) {
  return number === undefined ? scalar<number>('num', 0) : field<number>('num', number, 0, options)
}

/** A finite number rounded to 32-bit float when it is assigned, 4 bytes (protobuf float). */
export function f32(): ScalarItem<number>
export function f32(number: number, options?: FieldOptions): Field<number>
export function f32(number?: number, options: FieldOptions = {}) {
  return number === undefined ? scalar<number>('f32', 0) : field<number>('f32', number, 0, options)
}

/**
 * A number rounded to a multiple of `step` when it is assigned; its count of steps, -2^31 to 2^31-1,
 * is what both wires carry (protobuf sint32). {@link fromSteps} turns the count back into the value.
 */
export function quant(number: number, options: QuantOptions): Field<number> {
  if (!Number.isFinite(options.step) || options.step <= 0)
    throw new TypeError(`Expected a step above 0, got ${options.step}`)
  return field<number>('quant', number, 0, options)
}

/** True or false. */
export function bool(): ScalarItem<boolean>
export function bool(number: number, options?: FieldOptions): Field<boolean>
export function bool(number?: number, options: FieldOptions = {}) {
  return number === undefined
    ? scalar<boolean>('bool', 0)
    : field<boolean>('bool', number, 0, options)
}

/** Raw bytes, for messages only (a room's state holds none). */
export function bytes(number: number, options: SizedOptions = {}): Field<Uint8Array> {
  return field<Uint8Array>('bytes', number, DEFAULT_MAX_BYTES, options)
}

/** An array of a schema's objects or of scalars. In a room's state it is replaced whole, in order. */
export function list<S extends Schema>(
  number: number,
  item: S,
  options?: SizedOptions,
): Field<Infer<S>[]>
export function list<T>(number: number, item: ScalarItem<T>, options?: SizedOptions): Field<T[]>
export function list(number: number, item: Schema | ScalarItem, options: SizedOptions = {}) {
  return field<unknown[]>('list', number, DEFAULT_MAX_ITEMS, { ...options, item })
}

/** Objects of one schema by string key; each is tracked by itself. For a room's state only. */
export function map<S extends Schema>(
  number: number,
  item: S,
  options: SizedOptions = {},
): Field<Record<string, Infer<S>>> {
  return field<Record<string, Infer<S>>>('map', number, DEFAULT_MAX_ITEMS, { ...options, item })
}

/** One nested object, always present. */
export function object<S extends Schema>(
  number: number,
  item: S,
  options: FieldOptions = {},
): Field<Infer<S>> {
  return field<Infer<S>>('object', number, 0, { ...options, item })
}

/** Makes a field of a message optional: `undefined` is allowed and is not sent. */
export function optional<T>(inner: Field<T>): Field<T | undefined> {
  return Object.freeze({ ...inner, optional: true }) as Field<T | undefined>
}

const FORBIDDEN_NAMES = new Set(['__proto__', 'constructor', 'prototype', 'toString', 'valueOf'])
const NAME = /^[a-z][a-zA-Z0-9]*$/

/**
 * Declares a set of fields. Numbers are explicit and unique. Names are camelCase.
 * Throws TypeError on a doubled number or an unusable name.
 */
export function schema<F extends Fields>(fields: F): Schema<F> {
  const ordered = Object.entries(fields)
    .map(([name, entry]): NamedField => Object.freeze({ ...entry, name }))
    .sort((a, b) => a.number - b.number)
  ordered.forEach((entry, index) => {
    if (!NAME.test(entry.name) || FORBIDDEN_NAMES.has(entry.name))
      throw new TypeError(`Expected a camelCase field name, got '${entry.name}'`)
    if (ordered[index + 1]?.number === entry.number)
      throw new TypeError(`Expected unique field numbers, got ${entry.number} twice`)
  })
  return Object.freeze({ fields: Object.freeze({ ...fields }), ordered })
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
