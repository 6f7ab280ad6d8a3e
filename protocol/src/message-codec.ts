import {
  PayloadError,
  WireType,
  checkScalar,
  misfit,
  readScalar,
  wireType,
  writeScalar,
} from './scalar.ts'
import type { Scalar } from './scalar.ts'
import { isSchema } from './schema.ts'
import type { Infer, NamedField, Schema } from './schema.ts'
import type { WireReader as Reader, WireWriter as Writer } from './wire.ts'
import { createReader, createWriter } from '#wire'

/**
 * Encodes an object by its schema as protobuf (proto3: default values are left out, scalar lists are
 * packed). Interpreted, so it needs no eval in a browser.
 * @throws PayloadError when a value does not fit its field.
 */
export function encodeMessage<S extends Schema>(schema: S, value: Infer<S>): Uint8Array {
  // The writer is taken while in use, so that a getter that encodes gets another; after an error it is not put back.
  const writer = spareWriter ?? createWriter()
  spareWriter = null
  writeMessage(writer, schema, value)
  const bytes = writer.finish()
  if (bytes.length <= SPARE_BYTES) spareWriter = writer.reset()
  return bytes
}

/** One writer is kept for the next message: making one costs more than a small message (its first buffer). */
let spareWriter: Writer | null = null
const SPARE_BYTES = 65_536

/**
 * Decodes protobuf by a schema: every declared field is present, unknown fields are skipped, and what
 * decodes has been validated (types, ranges, sizes, UTF-8). Nothing of `bytes` is kept.
 * @throws PayloadError on anything else.
 */
export function decodeMessage<S extends Schema>(schema: S, bytes: Uint8Array): Infer<S> {
  try {
    return readMessage(createReader(bytes), schema, bytes.length) as Infer<S>
  } catch (cause) {
    if (cause instanceof PayloadError) throw cause
    throw new PayloadError('', 'Expected a well-formed protobuf message')
  }
}

// Recursion below is bounded by the schema, which is a finite tree (`schema` checks its depth).

function writeMessage(writer: Writer, schema: Schema, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw misfit('', 'Expected an object', value)
  for (const field of schema.ordered) {
    const entry = (value as Record<string, unknown>)[field.name]
    if (entry === undefined && field.optional) continue
    writeField(writer, field, entry)
  }
}

function writeField(writer: Writer, field: NamedField, value: unknown): void {
  if (field.kind === 'list') {
    writeList(writer, field, value)
  } else if (field.kind === 'object') {
    writer.uint32((field.number << 3) | WireType.bytes).fork()
    try {
      writeMessage(writer, field.item as Schema, value)
    } catch (error) {
      throw placed(error, field.name)
    }
    writer.ldelim()
  } else if (field.kind === 'map') {
    throw new PayloadError(field.name, 'Expected a message without maps')
  } else {
    const checked = checkScalar(field as Scalar, value, field.name)
    if (!field.optional && (isDefault(checked) || checked === field.names[0])) return
    writer.uint32((field.number << 3) | wireType(field.kind))
    writeScalar(writer, field as Scalar, checked)
  }
}

function writeList(writer: Writer, field: NamedField, value: unknown): void {
  if (!Array.isArray(value)) throw misfit(field.name, 'Expected an array', value)
  if (value.length > field.max)
    throw misfit(field.name, `Expected at most ${field.max} items`, value)
  const item = field.item
  if (value.length === 0 || item === null) return
  const tag = (field.number << 3) | WireType.bytes
  const isPacked = !isSchema(item) && wireType(item.kind) !== WireType.bytes
  let index = 0
  try {
    if (isPacked) writer.uint32(tag).fork()
    for (; index < value.length; index++) {
      if (!isPacked) writer.uint32(tag)
      if (isSchema(item)) {
        writer.fork()
        writeMessage(writer, item, value[index])
        writer.ldelim()
      } else writeScalar(writer, item, checkScalar(item, value[index], ''))
    }
    if (isPacked) writer.ldelim()
  } catch (error) {
    throw placed(error, `${field.name}[${index}]`)
  }
}

/** The error of a part of a message, told to be in its place. */
function placed(error: unknown, place: string): unknown {
  return error instanceof PayloadError ? error.within(place) : error
}

function isDefault(value: unknown): boolean {
  return (
    value === 0 || value === '' || value === false || (value as { length?: number }).length === 0
  )
}

/** Gives proto3's default, which a field holds when the wire does not say. */
export function defaultValue(field: NamedField): unknown {
  if (field.optional) return undefined
  switch (field.kind) {
    case 'str':
      return ''
    case 'bool':
      return false
    case 'oneOf':
      return field.names[0]
    case 'bytes':
      return new Uint8Array(0)
    case 'list':
      return []
    case 'map':
      return {}
    case 'object':
      return defaultMessage(field.item as Schema)
    case 'int':
    case 'uint':
    case 'num':
    case 'f32':
    case 'quant':
      return 0
  }
}

/** A schema's message of defaults, and the fields whose default must be fresh in each message. */
interface Blank {
  readonly message: Readonly<Record<string, unknown>>
  readonly fresh: readonly NamedField[]
}

const blanks = new WeakMap<Schema, Blank>()

function blankOf(schema: Schema): Blank {
  const known = blanks.get(schema)
  if (known !== undefined) return known
  const message: Record<string, unknown> = {}
  for (const field of schema.ordered) message[field.name] = defaultValue(field)
  const fresh = schema.ordered.filter(({ name }) => typeof message[name] === 'object')
  const blank = { message, fresh }
  blanks.set(schema, blank)
  return blank
}

/** Makes a message by copying a blank, which takes a fraction of adding the fields one by one. */
function defaultMessage(schema: Schema): Record<string, unknown> {
  const blank = blankOf(schema)
  const message = { ...blank.message }
  for (const field of blank.fresh) message[field.name] = defaultValue(field)
  return message
}

function readMessage(reader: Reader, schema: Schema, end: number): unknown {
  const message = defaultMessage(schema)
  while (reader.pos < end) {
    const tag = reader.uint32()
    const wire = tag & 7
    const field = findField(schema, tag >>> 3)
    if (field === null) {
      // The reader counts the depth of nested groups itself.
      reader.skipType(wire, 0, tag >>> 3)
    } else if (field.kind === 'list') {
      readItems(reader, field, { wire, items: message[field.name] as unknown[] })
    } else if (field.kind === 'object') {
      expectWire(wire, WireType.bytes, field.name)
      const end = lengthEnd(reader)
      try {
        message[field.name] = readMessage(reader, field.item as Schema, end)
      } catch (error) {
        throw placed(error, field.name)
      }
    } else if (field.kind === 'map') {
      throw new PayloadError(field.name, 'Expected a message without maps')
    } else {
      expectWire(wire, wireType(field.kind), field.name)
      message[field.name] = readScalar(reader, field as Scalar, field.name)
    }
  }
  if (reader.pos !== end) throw new PayloadError('', 'Expected a message that ends where it says')
  return message
}

function findField(schema: Schema, number: number): NamedField | null {
  for (const field of schema.ordered) if (field.number === number) return field
  return null
}

interface ListTarget {
  readonly wire: number
  readonly items: unknown[]
}

/** Reads one occurrence of a list: an object, a scalar, or a packed run of scalars. */
function readItems(reader: Reader, field: NamedField, { wire, items }: ListTarget): void {
  const item = field.item
  if (item === null) return
  if (isSchema(item)) {
    expectWire(wire, WireType.bytes, field.name)
    const end = lengthEnd(reader)
    try {
      items.push(readMessage(reader, item, end))
    } catch (error) {
      throw placed(error, `${field.name}[${items.length}]`)
    }
  } else if (wire === WireType.bytes && wireType(item.kind) !== WireType.bytes) {
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
