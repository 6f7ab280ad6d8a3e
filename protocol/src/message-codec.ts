import protobuf from 'protobufjs/minimal.js'
import { fromSteps, isSchema, toSteps } from './schema.ts'
import type { Infer, NamedField, ScalarItem, Schema } from './schema.ts'

/** A value does not fit its schema, or bytes do not decode. `path` names the place. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError'
  readonly path: string
  constructor(path: string, expected: string) {
    super(path === '' ? expected : `${path}: ${expected}`)
    this.path = path
  }
}

/** Messages inside messages; more is hostile (a stack overflow by nesting). */
const MAX_DEPTH = 16

/**
 * Encodes an object by its schema as protobuf (proto3: default values are left out, scalar lists are
 * packed). Interpreted, so it needs no eval in a browser.
 * @throws PayloadError when a value does not fit its field.
 */
export function encodeMessage<S extends Schema>(schema: S, value: Infer<S>): Uint8Array {
  const writer = protobuf.Writer.create()
  writeMessage(writer, schema, value as Record<string, unknown>, 0)
  return writer.finish()
}

/**
 * Decodes protobuf by a schema: every declared field is present, unknown fields are skipped, and what
 * decodes has been validated (types, ranges, sizes, UTF-8).
 * @throws PayloadError on anything else.
 */
export function decodeMessage<S extends Schema>(schema: S, bytes: Uint8Array): Infer<S> {
  try {
    return readMessage(protobuf.Reader.create(bytes), schema, bytes.length, 0) as Infer<S>
  } catch (cause) {
    if (cause instanceof PayloadError) throw cause
    throw new PayloadError('', 'Expected a well-formed protobuf message')
  }
}

type Writer = protobuf.Writer
type Reader = protobuf.Reader
type Scalar = Pick<ScalarItem, 'kind' | 'max' | 'step'>

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** The protobuf wire type of a scalar. */
function wireType(kind: Scalar['kind']): number {
  switch (kind) {
    case 'num':
      return FIXED64
    case 'f32':
      return FIXED32
    case 'str':
    case 'bytes':
      return BYTES
    case 'int':
    case 'uint':
    case 'quant':
    case 'bool':
      return VARINT
  }
}

function writeMessage(
  writer: Writer,
  schema: Schema,
  value: Record<string, unknown>,
  depth: number,
): void {
  if (typeof value !== 'object' || value === null) throw new PayloadError('', 'Expected an object')
  if (depth > MAX_DEPTH) throw new PayloadError('', `Expected at most ${MAX_DEPTH} levels`)
  for (const field of schema.ordered) {
    const entry = value[field.name]
    if (entry === undefined && field.optional) continue
    writeField(writer, field, entry, depth)
  }
}

function writeField(writer: Writer, field: NamedField, value: unknown, depth: number): void {
  switch (field.kind) {
    case 'list':
      writeList(writer, field, value, depth)
      return
    case 'object':
      writer.uint32((field.number << 3) | BYTES).fork()
      writeMessage(writer, field.item as Schema, value as Record<string, unknown>, depth + 1)
      writer.ldelim()
      return
    case 'map':
      throw new PayloadError(field.name, 'Expected a message without maps')
    default: {
      const checked = checkScalar(field as Scalar, value, field.name)
      if (!field.optional && isDefault(checked)) return
      writer.uint32((field.number << 3) | wireType(field.kind))
      writeScalar(writer, field as Scalar, checked)
    }
  }
}

function writeList(writer: Writer, field: NamedField, value: unknown, depth: number): void {
  if (!Array.isArray(value)) throw new PayloadError(field.name, 'Expected an array')
  if (value.length > field.max)
    throw new PayloadError(field.name, `Expected at most ${field.max} items`)
  const item = field.item as Schema | ScalarItem
  if (value.length === 0) return
  if (isSchema(item)) {
    for (const entry of value) {
      writer.uint32((field.number << 3) | BYTES).fork()
      writeMessage(writer, item, entry, depth + 1)
      writer.ldelim()
    }
  } else if (wireType(item.kind) === BYTES) {
    for (const entry of value) {
      writer.uint32((field.number << 3) | BYTES)
      writeScalar(writer, item, checkScalar(item, entry, field.name))
    }
  } else {
    writer.uint32((field.number << 3) | BYTES).fork()
    for (const entry of value) writeScalar(writer, item, checkScalar(item, entry, field.name))
    writer.ldelim()
  }
}

function isDefault(value: unknown): boolean {
  return (
    value === 0 || value === '' || value === false || (value as { length?: number }).length === 0
  )
}

function writeScalar(writer: Writer, scalar: Scalar, value: unknown): void {
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

const MIN_INT = -(2 ** 31)
const MAX_INT = 2 ** 31 - 1
const MAX_UINT = 2 ** 32 - 1

/**
 * Checks one scalar and returns it in its canonical form: f32 and quant rounded, no -0.
 * @throws PayloadError with `path` when it does not fit.
 */
export function checkScalar(scalar: Scalar, value: unknown, path: string): unknown {
  switch (scalar.kind) {
    case 'str':
      if (typeof value !== 'string') throw new PayloadError(path, 'Expected a string')
      if (value.length > scalar.max)
        throw new PayloadError(path, `Expected at most ${scalar.max} characters`)
      return value
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw new PayloadError(path, 'Expected a Uint8Array')
      if (value.length > scalar.max)
        throw new PayloadError(path, `Expected at most ${scalar.max} bytes`)
      return value
    case 'bool':
      if (typeof value !== 'boolean') throw new PayloadError(path, 'Expected a boolean')
      return value
    case 'int':
      return checkWhole(value, MIN_INT, MAX_INT, path)
    case 'uint':
      return checkWhole(value, 0, MAX_UINT, path)
    case 'num':
      if (!Number.isFinite(value)) throw new PayloadError(path, 'Expected a finite number')
      return (value as number) + 0
    case 'f32': {
      const rounded = Math.fround(value as number)
      if (typeof value !== 'number' || !Number.isFinite(rounded))
        throw new PayloadError(path, 'Expected a finite 32-bit number')
      return rounded + 0
    }
    case 'quant': {
      if (typeof value !== 'number') throw new PayloadError(path, 'Expected a number')
      const steps = checkWhole(toSteps(value, scalar.step), MIN_INT, MAX_INT, path)
      return fromSteps(steps, scalar.step)
    }
  }
}

function checkWhole(value: unknown, min: number, max: number, path: string): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
    throw new PayloadError(path, `Expected a whole number from ${min} to ${max}`)
  return (value as number) + 0
}

/** What a field holds when the wire does not say: proto3's default. */
export function defaultValue(field: NamedField): unknown {
  if (field.optional) return undefined
  switch (field.kind) {
    case 'str':
      return ''
    case 'bool':
      return false
    case 'bytes':
      return new Uint8Array(0)
    case 'list':
      return []
    case 'map':
      return {}
    case 'object':
      return defaultMessage(field.item as Schema)
    default:
      return 0
  }
}

function defaultMessage(schema: Schema): Record<string, unknown> {
  const message: Record<string, unknown> = {}
  for (const field of schema.ordered) message[field.name] = defaultValue(field)
  return message
}

function readMessage(reader: Reader, schema: Schema, end: number, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new PayloadError('', `Expected at most ${MAX_DEPTH} levels`)
  const message = defaultMessage(schema)
  while (reader.pos < end) {
    const tag = reader.uint32()
    const field = findField(schema, tag >>> 3)
    if (field) readField(reader, field, tag & 7, message, depth)
    else reader.skipType(tag & 7)
  }
  if (reader.pos !== end) throw new PayloadError('', 'Expected a message that ends where it says')
  return message
}

function findField(schema: Schema, number: number): NamedField | null {
  for (const field of schema.ordered) if (field.number === number) return field
  return null
}

function readField(
  reader: Reader,
  field: NamedField,
  wire: number,
  message: Record<string, unknown>,
  depth: number,
): void {
  const { name, kind } = field
  if (kind === 'list') {
    readList(reader, field, wire, message[name] as unknown[], depth)
  } else if (kind === 'object') {
    expectWire(wire, BYTES, name)
    message[name] = readMessage(reader, field.item as Schema, lengthEnd(reader), depth + 1)
  } else if (kind === 'map') {
    throw new PayloadError(name, 'Expected a message without maps')
  } else {
    expectWire(wire, wireType(kind), name)
    message[name] = readScalar(reader, field as Scalar, name)
  }
}

function readList(
  reader: Reader,
  field: NamedField,
  wire: number,
  items: unknown[],
  depth: number,
): void {
  const item = field.item as Schema | ScalarItem
  if (isSchema(item)) {
    expectWire(wire, BYTES, field.name)
    items.push(readMessage(reader, item, lengthEnd(reader), depth + 1))
  } else if (wire === BYTES && wireType(item.kind) !== BYTES) {
    const end = lengthEnd(reader)
    while (reader.pos < end) {
      items.push(readScalar(reader, item, field.name))
      checkItemCount(items, field)
    }
    if (reader.pos !== end) throw new PayloadError(field.name, 'Expected whole packed items')
  } else {
    expectWire(wire, wireType(item.kind), field.name)
    items.push(readScalar(reader, item, field.name))
  }
  checkItemCount(items, field)
}

function checkItemCount(items: unknown[], field: NamedField): void {
  if (items.length > field.max)
    throw new PayloadError(field.name, `Expected at most ${field.max} items`)
}

function lengthEnd(reader: Reader): number {
  const length = reader.uint32()
  if (length > reader.len - reader.pos)
    throw new PayloadError('', 'Expected a message that ends where it says')
  return reader.pos + length
}

function expectWire(wire: number, expected: number, path: string): void {
  if (wire !== expected) throw new PayloadError(path, `Expected wire type ${expected}, got ${wire}`)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readScalar(reader: Reader, scalar: Scalar, path: string): unknown {
  return checkScalar(scalar, readRaw(reader, scalar, path), path)
}

function readRaw(reader: Reader, scalar: Scalar, path: string): unknown {
  switch (scalar.kind) {
    case 'str':
      try {
        return utf8.decode(reader.bytes())
      } catch {
        throw new PayloadError(path, 'Expected UTF-8')
      }
    case 'bytes':
      // A copy: what uWebSockets.js lends is gone after the callback.
      return reader.bytes().slice()
    case 'int':
      return reader.sint32()
    case 'quant':
      return fromSteps(reader.sint32(), scalar.step)
    case 'uint':
      return reader.uint32()
    case 'num':
      return reader.double()
    case 'f32':
      return reader.float()
    case 'bool':
      return reader.bool()
  }
}
