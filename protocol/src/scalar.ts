import { fromSteps, toSteps } from './schema.ts'
import type { ScalarItem } from './schema.ts'
import type { WireReader, WireWriter } from './wire.ts'

/** A value does not fit its schema, or bytes do not decode. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError'
  /** The place, for example `players[3].name`; empty for the message as a whole. */
  readonly path: string
  readonly expected: string
  /** The value that came, as text of at most some 50 characters that is safe to print; empty where there is none. */
  readonly value: string
  /** Name of the command, event or message; empty where only the codec was asked. */
  readonly command: string

  constructor(path: string, expected: string, { value = '', command = '' } = {}) {
    const what = path === '' ? expected : `${path}: ${expected}`
    super(command === '' ? what : `${command}: ${what}${value === '' ? '' : `, got ${value}`}`)
    this.path = path
    this.expected = expected
    this.value = value
    this.command = command
  }

  /** The same, of a part that stands at `place` of something larger: `players[3]`. */
  within(place: string): PayloadError {
    const path = this.path === '' ? place : `${place}.${this.path}`
    return new PayloadError(path, this.expected, this)
  }

  /** The same, of this command: its message then says all. */
  of(command: string): PayloadError {
    return new PayloadError(this.path, this.expected, { value: this.value, command })
  }
}

/** Runs a part of the codec; what it throws is told to be of `command`. */
export function named<T>(command: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw error instanceof PayloadError ? error.of(command) : error
  }
}

/** Most characters of a text that are shown. */
const MAX_SHOWN = 40

/** A value as text for a message: short, on one line, without control characters. */
export function showValue(value: unknown): string {
  if (typeof value === 'string')
    return printable(value.slice(0, MAX_SHOWN)) + (value.length > MAX_SHOWN ? '…' : '')
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) || value instanceof Uint8Array
      ? `${value.length} ${Array.isArray(value) ? 'items' : 'bytes'}`
      : 'an object'
  return typeof value === 'function' ? 'a function' : String(value).slice(0, MAX_SHOWN)
}

/** In quotes; what a terminal or a page could take for more than a character is escaped. */
function printable(text: string): string {
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(text).replace(
    /[\x7f-\xa0\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    escaped,
  )
}

/** The error of a value that does not fit. */
export function misfit(path: string, expected: string, value: unknown): PayloadError {
  return new PayloadError(path, expected, { value: showValue(value) })
}

/** The codec needs to know this of a field or list item that holds one value. */
export type Scalar = Pick<ScalarItem, 'kind' | 'max' | 'step' | 'names'>

/** Wire types of protobuf that schemas use; groups (3, 4) are only ever skipped. */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** The protobuf wire type of a scalar. */
export function wireType(kind: Scalar['kind']): number {
  switch (kind) {
    case 'num':
      return WireType.fixed64
    case 'f32':
      return WireType.fixed32
    case 'str':
    case 'bytes':
      return WireType.bytes
    case 'int':
    case 'uint':
    case 'quant':
    case 'bool':
    case 'oneOf':
      return WireType.varint
  }
}

/**
 * Checks one scalar and returns it in its canonical form: f32 and quant rounded, no -0, text as
 * well-formed Unicode (half a surrogate pair becomes U+FFFD, or no peer could decode the message).
 * @throws PayloadError with `path` when it does not fit.
 */
export function checkScalar(scalar: Scalar, value: unknown, path: string): unknown {
  switch (scalar.kind) {
    case 'str':
      if (typeof value !== 'string') throw misfit(path, 'Expected a string', value)
      if (value.length > scalar.max)
        throw misfit(path, `Expected at most ${scalar.max} characters`, value)
      return value.isWellFormed() ? value : value.toWellFormed()
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw misfit(path, 'Expected a Uint8Array', value)
      if (value.length > scalar.max)
        throw misfit(path, `Expected at most ${scalar.max} bytes`, value)
      return value
    case 'bool':
      if (typeof value !== 'boolean') throw misfit(path, 'Expected a boolean', value)
      return value
    case 'oneOf': {
      const { names = [] } = scalar
      if (!names.includes(value as string)) throw misfit(path, expectedOf(names), value)
      return value
    }
    case 'int':
      return checkInt(value, path)
    case 'uint':
      if (typeof value !== 'number' || value >>> 0 !== value)
        throw misfit(path, 'Expected a whole number from 0 to 2^32-1', value)
      return value >>> 0
    case 'num':
      if (typeof value !== 'number' || !Number.isFinite(value))
        throw misfit(path, 'Expected a finite number', value)
      return value + 0
    case 'f32': {
      // It is checked after rounding: 1e39 is finite, its float is not.
      const rounded = typeof value === 'number' ? Math.fround(value) : Number.NaN
      if (!Number.isFinite(rounded)) throw misfit(path, 'Expected a finite 32-bit number', value)
      return rounded + 0
    }
    case 'quant': {
      if (typeof value !== 'number') throw misfit(path, 'Expected a number', value)
      return fromSteps(checkInt(toSteps(value, scalar.step), path), scalar.step)
    }
  }
}

/**
 * The name of a number. One that is not known is of a newer peer: any name in its place would be a lie, so it is refused,
 * and a client to whom this can happen is told when it joins that its contract does not fit.
 * @throws PayloadError
 */
export function nameOf(names: readonly string[] = [], number: number, path: string): string {
  const name = names[number]
  if (name === undefined) throw misfit(path, expectedOf(names), number)
  return name
}

const MAX_NAMES_TOLD = 8

function expectedOf(names: readonly string[]): string {
  const rest = names.length - MAX_NAMES_TOLD
  return `Expected one of ${names.slice(0, MAX_NAMES_TOLD).join(', ')}${rest > 0 ? `, ... (${rest} more)` : ''}`
}

function checkInt(value: unknown, path: string): number {
  if (typeof value !== 'number' || (value | 0) !== value)
    throw misfit(path, 'Expected a whole number from -2^31 to 2^31-1', value)
  return value | 0
}

/** Writes a scalar that `checkScalar` has passed, without its tag. */
export function writeScalar(writer: WireWriter, scalar: Scalar, value: unknown): void {
  switch (scalar.kind) {
    case 'str':
      writer.string(value as string)
      return
    case 'bytes':
      writer.bytes(value as Uint8Array)
      return
    case 'int':
      writer.sint32(value as number)
      return
    case 'quant':
      writer.sint32(toSteps(value as number, scalar.step))
      return
    case 'uint':
      writer.uint32(value as number)
      return
    case 'num':
      writer.double(value as number)
      return
    case 'f32':
      writer.float(value as number)
      return
    case 'oneOf':
      writer.uint32(scalar.names?.indexOf(value as string) ?? 0)
      return
    case 'bool':
      writer.bool(value as boolean)
  }
}

/**
 * Reads a scalar (after its tag) and checks what the wire does not guarantee.
 * @throws PayloadError, or whatever the reader throws on bytes that are cut or are not UTF-8.
 */
export function readScalar(reader: WireReader, scalar: Scalar, path: string): unknown {
  switch (scalar.kind) {
    case 'str': {
      // A short text is read several times faster this way than with a TextDecoder, which long ones go through.
      const text = reader.stringVerify()
      if (text.length > scalar.max)
        throw misfit(path, `Expected at most ${scalar.max} characters`, text)
      return text
    }
    case 'bytes': {
      const lent = reader.bytes()
      if (lent.length > scalar.max) throw misfit(path, `Expected at most ${scalar.max} bytes`, lent)
      // This copies in any case (Buffer's own slice is a view), for bytes that a socket lends are gone afterwards.
      return new Uint8Array(lent)
    }
    case 'int':
      return reader.sint32()
    case 'quant':
      return fromSteps(reader.sint32(), scalar.step)
    case 'uint':
      return reader.uint32()
    case 'num':
      return finite(reader.double(), path)
    case 'f32':
      return finite(reader.float(), path)
    case 'bool':
      return reader.bool()
    case 'oneOf':
      return nameOf(scalar.names, reader.uint32(), path)
  }
}

function finite(value: number, path: string): number {
  if (!Number.isFinite(value)) throw misfit(path, 'Expected a finite number', value)
  return value + 0
}
