import { decodeMessage } from '@ringside/protocol'
import type { NamedField, Schema } from '@ringside/protocol'

/** Reads a message that begins at `start`. @throws PayloadError as decodeMessage does. */
export type Decode = (bytes: Uint8Array, start: number) => unknown
/**
 * Writes a message into the memory it was compiled for, from `at`, and returns the end, or -1 when it does
 * not fit there or is anything out of the ordinary: encodeMessage then decides.
 */
export type EncodeInto = (value: unknown, at: number) => number

/** The kinds of field that are compiled; a schema with another one is read by interpretation. */
const KINDS: ReadonlySet<string> = new Set(['str', 'int', 'uint', 'num', 'f32', 'bool'])
const MAX_FIELDS = 15
/** Longer text is left to native code, which is faster there. */
const MAX_FAST_TEXT = 48

/**
 * Compiles the reading of flat messages, which most commands are: decodeMessage takes a good part of a typed
 * command's time (`npm run bench -- dispatch`, typed). Whatever is unusual in the bytes (unknown fields, long
 * varints, text beyond ASCII, anything invalid) goes to decodeMessage, so there is one judge of what is valid.
 */
export function compileDecode(schema: Schema): Decode {
  const slow: Decode = (bytes, start) => decodeMessage(schema, bytes.subarray(start))
  if (!isFlat(schema)) return slow
  const cases = schema.ordered.map(readCase).join('\n')
  const names = schema.ordered.map(({ name }) => name)
  const code = `const { slow, ascii, float, double } = tools
  return function decode(bytes, start) {
    let ${schema.ordered.map((field) => `${field.name}_ = ${defaultOf(field)}`).join(', ')}
    const end = bytes.length
    let at = start
    while (at < end) {
      switch (bytes[at++]) {
        ${cases}
        default: return slow(bytes, start)
      }
    }
    if (at !== end) return slow(bytes, start)
    return { ${names.map((name) => `${name}: ${name}_`).join(', ')} }
  }`
  return generate(code, { slow, ascii, float, double }) as Decode
}

/**
 * Compiles the writing of flat messages into `out`; see {@link compileDecode}. The memory is a constant of the
 * code, so that the compiler knows it.
 */
export function compileEncode(schema: Schema, out: Uint8Array): EncodeInto {
  if (!isFlat(schema)) return () => -1
  const code = `const { out, view, isFloat } = tools
  return function encode(value, at) {
    if (typeof value !== 'object' || value === null) return -1
    const last = ${out.length - 12}
    ${schema.ordered.map(writeField).join('\n')}
    return at
  }`
  const view = new DataView(out.buffer, out.byteOffset, out.length)
  return generate(code, { out, view, isFloat }) as EncodeInto
}

function isFlat(schema: Schema): boolean {
  return (
    schema.ordered.length > 0 &&
    schema.ordered.every(({ kind, number }) => KINDS.has(kind) && number <= MAX_FIELDS)
  )
}

/** Runs code that is made of numbers, and of names of the contract, which are checked to be camelCase words. */
function generate(code: string, tools: object): unknown {
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from the schema alone
  return new Function('tools', code)(tools)
}

function defaultOf(field: NamedField): string {
  if (field.optional) return 'undefined'
  if (field.kind === 'str') return "''"
  return field.kind === 'bool' ? 'false' : '0'
}

const WIRE: Readonly<Record<string, number>> = { num: 1, str: 2, f32: 5 }

function tagOf(field: NamedField): number {
  return (field.number << 3) | (WIRE[field.kind] ?? 0)
}

const SLOW = 'return slow(bytes, start)'

function readCase(field: NamedField): string {
  const target = `${field.name}_`
  const body = readBody(field, target)
  return `case ${tagOf(field)}: { ${body}; break }`
}

function readBody(field: NamedField, target: string): string {
  switch (field.kind as string) {
    case 'str':
      return `const size = bytes[at++]
        if (!(size <= ${Math.min(MAX_FAST_TEXT, field.max)}) || at + size > end) ${SLOW}
        const text = ascii(bytes, at, size)
        if (text === null) ${SLOW}
        ${target} = text
        at += size`
    case 'f32':
      return `if (at + 4 > end) ${SLOW}
        ${target} = float(bytes, at)
        if (!(${target} - ${target} === 0)) ${SLOW}
        at += 4`
    case 'num':
      return `if (at + 8 > end) ${SLOW}
        ${target} = double(bytes, at)
        if (!(${target} - ${target} === 0)) ${SLOW}
        at += 8`
    case 'bool':
      return `const byte = bytes[at++]
        if (!(byte <= 1)) ${SLOW}
        ${target} = byte === 1`
    default:
      // At most 28 bits in four bytes; longer ones are rare.
      return `let value = bytes[at++]
        if (value >= 128) {
          let byte = bytes[at++]
          value = (value & 127) | ((byte & 127) << 7)
          if (byte >= 128) {
            byte = bytes[at++]
            value |= (byte & 127) << 14
            if (byte >= 128) {
              byte = bytes[at++]
              value |= byte << 21
              if (byte >= 128) ${SLOW}
            }
          }
        }
        if (at > end) ${SLOW}
        ${target} = ${field.kind === 'int' ? '(value >>> 1) ^ -(value & 1)' : 'value'}`
  }
}

function writeField(field: NamedField): string {
  const { name, optional } = field
  const condition = optional ? 'field !== undefined' : defaultTest(field)
  return `{ const field = value.${name}
    ${writeCheck(field)}
    if (${condition}) { out[at++] = ${tagOf(field)}\n${writeBody(field)} } }`
}

function defaultTest(field: NamedField): string {
  if (field.kind === 'str') return "field !== ''"
  return field.kind === 'bool' ? 'field' : 'field !== 0'
}

function writeCheck(field: NamedField): string {
  const valid = {
    str: `typeof field === 'string' && field.length <= ${Math.min(MAX_FAST_TEXT, field.max)} && at + field.length < last`,
    bool: "typeof field === 'boolean'",
    f32: "typeof field === 'number' && isFloat(field)",
    num: "typeof field === 'number' && field - field === 0",
    int: '(field | 0) === field && field < 1e8 && field > -1e8',
    uint: '(field | 0) === field && field >= 0 && field < 2e8',
  }[field.kind as 'str']
  const absent = field.optional ? 'field !== undefined && ' : ''
  return `if (at >= last || (${absent}!(${valid}))) return -1`
}

function writeBody(field: NamedField): string {
  switch (field.kind as string) {
    case 'str':
      return `out[at++] = field.length
        for (let index = 0; index < field.length; index++) {
          const unit = field.charCodeAt(index)
          if (unit > 127) return -1
          out[at++] = unit
        }`
    case 'f32':
      return 'view.setFloat32(at, field + 0, true); at += 4'
    case 'num':
      return 'view.setFloat64(at, field + 0, true); at += 8'
    case 'bool':
      return 'out[at++] = field ? 1 : 0'
    default:
      return `let rest = ${field.kind === 'int' ? '(field << 1) ^ (field >> 31)' : 'field'}
        while (rest > 127) { out[at++] = (rest & 127) | 128; rest >>>= 7 }
        out[at++] = rest`
  }
}

// Bytes are put together to words, and a word is read as a float: bytes that are written one by one and read as a
// whole make the processor wait. A double's lower word comes first, as on every machine that uWebSockets.js is
// built for.
const floats = new Float32Array(1)
const doubles = new Float64Array(1)
const floatWord = new Int32Array(floats.buffer)
const doubleWords = new Int32Array(doubles.buffer)

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

// -0 becomes 0, as checkScalar has it.

function float(bytes: Uint8Array, at: number): number {
  floatWord[0] = word(bytes, at)
  return (floats[0] as number) + 0
}

function double(bytes: Uint8Array, at: number): number {
  doubleWords[0] = word(bytes, at)
  doubleWords[1] = word(bytes, at + 4)
  return (doubles[0] as number) + 0
}

function isFloat(value: number): boolean {
  const rounded = Math.fround(value)
  return rounded - rounded === 0 && (rounded !== 0 || value === 0)
}

/** Text up to this length is made by one call with all its letters. */
const MAX_WHOLE_TEXT = 24

/** `size` bytes as text; null when one is not ASCII. */
function ascii(bytes: Uint8Array, at: number, size: number): string | null {
  if (size <= MAX_WHOLE_TEXT) return wholeText(bytes, at, size)
  let text = ''
  const end = at + size
  for (let index = at; index < end; index++) {
    const byte = bytes[index] as number
    if (byte > 127) return null
    text += String.fromCharCode(byte)
  }
  return text
}

/**
 * Has a case for each length, for text put together letter by letter makes a string of every part of it.
 */
const wholeText = generate(
  `return function wholeText(bytes, at, size) {
    switch (size) {
      ${Array.from({ length: MAX_WHOLE_TEXT + 1 }, (_, size) => textCase(size)).join('\n')}
    }
  }`,
  {},
) as (bytes: Uint8Array, at: number, size: number) => string | null

function textCase(size: number): string {
  if (size === 0) return "case 0: return ''"
  const letters = Array.from({ length: size }, (_, index) => `b${index}`)
  const reads = letters.map((letter, index) => `${letter} = bytes[at + ${index}]`)
  return `case ${size}: {
    const ${reads.join(', ')}
    return (${letters.join(' | ')}) > 127 ? null : String.fromCharCode(${letters.join(', ')})
  }`
}
