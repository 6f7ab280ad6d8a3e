import { base64Decode, base64Encode } from './base64.ts'
import { clipText } from './clip-text.ts'
import type { Json } from './merge-patch.ts'
import { defaultValue } from './message-codec.ts'
import { PayloadError, checkScalar, misfit, nameOf } from './scalar.ts'
import type { Scalar } from './scalar.ts'
import { fromSteps, toSteps } from './schema.ts'
import type { Infer, NamedField, Schema } from './schema.ts'

/**
 * Encodes an object by its schema as protobuf's canonical JSON (ProtoJSON), which a runtime with the
 * printed `.proto` reads. A quantised number is its count of steps, bytes are base64. Fields without
 * presence are written with their default too, which ProtoJSON leaves to the writer: a reader without the
 * schema sees every field. An optional field that is `undefined` is left out.
 * @throws PayloadError that names the path of a value that does not fit its field.
 */
export function encodeJson<S extends Schema>(schema: S, value: Infer<S>): { [key: string]: Json } {
  return writeMessage(schema, value, '')
}

/**
 * Decodes ProtoJSON, as JSON.parse gave it: every declared field is present and checked as
 * `decodeMessage` would. A field that is absent or null has its default, a number may be a string in
 * decimals (`"12"`, `"1e2"`), base64 may be of either alphabet, with or without padding.
 * @throws PayloadError that names the path: an unknown field (ProtoJSON: refused by default), a wrong
 * type, a number out of range, NaN and Infinity, half a surrogate pair.
 */
export function decodeJson<S extends Schema>(schema: S, json: unknown): Infer<S> {
  return readMessage(schema, json, '') as Infer<S>
}

/** Gives the number whose decimals are the shortest that read back as the same 32-bit float. */
export function shortestFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}

// Recursion below is bounded by the schema, which is a finite tree (`schema` checks its depth).

function writeMessage(schema: Schema, value: unknown, path: string): { [key: string]: Json } {
  if (typeof value !== 'object' || value === null) throw misfit(path, 'Expected an object', value)
  const json: { [key: string]: Json } = {}
  for (const field of schema.ordered) {
    const entry = (value as Record<string, unknown>)[field.name]
    if (entry === undefined && field.optional) continue
    json[field.name] = writeField(field, entry, at(path, field.name))
  }
  return json
}

function writeField(field: NamedField, value: unknown, path: string): Json {
  if (field.kind === 'list') {
    const write = (item: unknown, index: number): Json =>
      writeItem(field.item, item, `${path}[${index}]`)
    return checkList(field, value, path).map(write)
  }
  if (field.kind !== 'map') return writeItem(field.item ?? (field as Scalar), value, path)
  const json: { [key: string]: Json } = {}
  for (const key of keysOf(field, value, path))
    setOwn(json, key, writeItem(field.item, (value as Record<string, unknown>)[key], at(path, key)))
  return json
}

function writeItem(item: Schema | Scalar | null, value: unknown, path: string): Json {
  if (item === null || 'ordered' in item) return writeMessage(item as Schema, value, path)
  const checked = checkScalar(item, value, path)
  if (item.kind === 'bytes') return base64Encode(checked as Uint8Array)
  if (item.kind === 'quant') return toSteps(checked as number, item.step)
  return item.kind === 'f32' ? shortestFloat(checked as number) : (checked as Json)
}

function readMessage(schema: Schema, json: unknown, path: string): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw misfit(path, 'Expected an object', json)
  const given = json as Record<string, unknown>
  for (const name of Object.keys(given))
    if (!Object.hasOwn(schema.fields, name))
      throw new PayloadError(at(path, name), 'Expected no field of this name')
  const message: Record<string, unknown> = {}
  for (const field of schema.ordered) {
    // It is looked up as an own member: a field's name is never one that every object has (`schema` checks).
    const entry = given[field.name]
    message[field.name] =
      entry === undefined || entry === null
        ? defaultValue(field)
        : readField(field, entry, at(path, field.name))
  }
  return message
}

function readField(field: NamedField, json: unknown, path: string): unknown {
  if (field.kind === 'list') {
    const read = (item: unknown, index: number): unknown =>
      readItem(field.item, item, `${path}[${index}]`)
    return checkList(field, json, path).map(read)
  }
  if (field.kind !== 'map') return readItem(field.item ?? (field as Scalar), json, path)
  const map: Record<string, unknown> = {}
  for (const key of keysOf(field, json, path))
    setOwn(map, key, readItem(field.item, (json as Record<string, unknown>)[key], at(path, key)))
  return map
}

function readItem(item: Schema | Scalar | null, json: unknown, path: string): unknown {
  if (item === null || 'ordered' in item) return readMessage(item as Schema, json, path)
  switch (item.kind) {
    case 'oneOf':
      // ProtoJSON takes the number of a name as well.
      if (typeof json === 'number') return nameOf(item.names, json, path)
      return checkScalar(item, json, path)
    case 'bool':
      return checkScalar(item, json, path)
    case 'str':
      if (typeof json === 'string' && !json.isWellFormed())
        throw misfit(path, 'Expected well-formed Unicode', json)
      return checkScalar(item, json, path)
    case 'bytes': {
      const bytes = typeof json === 'string' ? base64Decode(json) : null
      if (bytes === null) throw misfit(path, 'Expected base64', json)
      return checkScalar(item, bytes, path)
    }
    case 'quant': {
      // It is checked as the count of steps that it is on every wire.
      const steps = checkScalar({ ...item, kind: 'int' }, numberOf(json, path), path)
      return fromSteps(steps as number, item.step)
    }
    case 'int':
    case 'uint':
    case 'num':
    case 'f32':
      return checkScalar(item, numberOf(json, path), path)
  }
}

/** Matches a number as JSON writes it. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** -0 becomes 0 here: integers are checked bit by bit, and -0 is a way to write 0. */
function numberOf(json: unknown, path: string): number {
  if (typeof json === 'number') return json + 0
  if (typeof json === 'string' && NUMBER.test(json)) return Number(json) + 0
  throw misfit(path, 'Expected a number', json)
}

function checkList(field: NamedField, value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw misfit(path, 'Expected an array', value)
  if (value.length > field.max) throw new PayloadError(path, `Expected at most ${field.max} items`)
  return value as unknown[]
}

function keysOf(field: NamedField, value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw misfit(path, 'Expected an object', value)
  const keys = Object.keys(value)
  if (keys.length > field.max) throw new PayloadError(path, `Expected at most ${field.max} items`)
  return keys
}

/** Longest name of a field in a path: a client may send any. */
const MAX_NAME = 40

function at(path: string, name: string): string {
  const short = clipText(name, MAX_NAME)
  return path === '' ? short : `${path}.${short}`
}

/** Defines the member, for a plain assignment of `__proto__` would change the prototype. */
function setOwn<T>(target: Record<string, T>, key: string, value: T): void {
  if (key !== '__proto__') target[key] = value
  else
    Object.defineProperty(target, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
}
