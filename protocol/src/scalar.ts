import { fromSteps, toSteps } from './schema.ts'
import type { ScalarItem } from './schema.ts'
import type { WireReader, WireWriter } from './wire.ts'

/** A value does not fit its schema, or bytes do not decode. `path` names the place. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError'
  readonly path: string
  constructor(path: string, expected: string) {
    super(path === '' ? expected : `${path}: ${expected}`)
    this.path = path
  }
}

/** The codec needs to know this of a field or list item that holds one value. */
export type Scalar = Pick<ScalarItem, 'kind' | 'max' | 'step'>

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
      if (typeof value !== 'string') throw new PayloadError(path, 'Expected a string')
      if (value.length > scalar.max)
        throw new PayloadError(path, `Expected at most ${scalar.max} characters`)
      return value.isWellFormed() ? value : value.toWellFormed()
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw new PayloadError(path, 'Expected a Uint8Array')
      if (value.length > scalar.max)
        throw new PayloadError(path, `Expected at most ${scalar.max} bytes`)
      return value
    case 'bool':
      if (typeof value !== 'boolean') throw new PayloadError(path, 'Expected a boolean')
      return value
    case 'int':
      return checkInt(value, path)
    case 'uint':
      if (typeof value !== 'number' || value >>> 0 !== value)
        throw new PayloadError(path, 'Expected a whole number from 0 to 2^32-1')
      return value >>> 0
    case 'num':
      if (typeof value !== 'number' || !Number.isFinite(value))
        throw new PayloadError(path, 'Expected a finite number')
      return value + 0
    case 'f32': {
      // It is checked after rounding: 1e39 is finite, its float is not.
      const rounded = typeof value === 'number' ? Math.fround(value) : Number.NaN
      if (!Number.isFinite(rounded)) throw new PayloadError(path, 'Expected a finite 32-bit number')
      return rounded + 0
    }
    case 'quant': {
      if (typeof value !== 'number') throw new PayloadError(path, 'Expected a number')
      return fromSteps(checkInt(toSteps(value, scalar.step), path), scalar.step)
    }
  }
}

function checkInt(value: unknown, path: string): number {
  if (typeof value !== 'number' || (value | 0) !== value)
    throw new PayloadError(path, 'Expected a whole number from -2^31 to 2^31-1')
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
        throw new PayloadError(path, `Expected at most ${scalar.max} characters`)
      return text
    }
    case 'bytes': {
      const lent = reader.bytes()
      if (lent.length > scalar.max)
        throw new PayloadError(path, `Expected at most ${scalar.max} bytes`)
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
  }
}

function finite(value: number, path: string): number {
  if (!Number.isFinite(value)) throw new PayloadError(path, 'Expected a finite number')
  return value + 0
}
