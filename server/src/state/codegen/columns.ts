import type { StateField } from '@ringside/protocol'
import type { CompiledClass } from '../tree/tracked.ts'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/**
 * Generates `columns(writer, group)` and `narrow(group)`. A column of several objects is packed; of one object
 * it is a plain field, a byte shorter, which every protobuf runtime takes for the same.
 */
export function columnCode(compiled: CompiledClass): string {
  const columns = compiled.layout.fields.filter((field) => field.target === null)
  const bit = (field: StateField): string =>
    `(words[${Math.floor(field.index / 30)}] & ${1 << (field.index % 30)}) !== 0`
  return `${columns.map(column).join('\n')}
  function columns(w, g) {
    const { words, a, n } = g
    if (n === 1) {
      const o = a[0]
      ${columns.map((f) => `if (${bit(f)}) one${f.index}(w, o)`).join('\n')}
      return
    }
    ${columns.map((f) => `if (${bit(f)}) column${f.index}(w, a, n)`).join('\n')}
  }
  function narrow(g) {
    const { words, a, n } = g
    ${columns
      .map(
        (f) => `if (${bit(f)}) {
      let i = 0
      while (i < n && ${isDefault(f)}) i++
      if (i === n) words[${Math.floor(f.index / 30)}] &= ${~(1 << (f.index % 30))}
    }`,
      )
      .join('\n')}
  }`
}

function isDefault({ kind, index }: StateField): string {
  if (kind === 'list') return `a[i].$${index}.items.length === 0`
  if (kind === 'bool') return `a[i].$${index} === false`
  return kind === 'str' ? `a[i].$${index} === ''` : `a[i].$${index} === 0`
}

/** Bytes of a field's tag with `wire`, as statements on `b` and `p`. */
function tag(field: StateField, wire: number): string {
  let rest = (field.column << 3) | wire
  const bytes: string[] = []
  while (rest > 127) {
    bytes.push(`b[p++] = ${(rest & 127) | 128}`)
    rest >>>= 7
  }
  bytes.push(`b[p++] = ${rest}`)
  return bytes.join('; ')
}

function column(field: StateField): string {
  const i = field.index
  const one = (body: string): string =>
    `function one${i}(w, o) { w.need(16); let p = w.p; const b = w.b; ${body} }`
  const fixed = (size: number, write: string, wire: number): string =>
    `${one(`${tag(field, wire)}; ${write.replace('AT', 'p').replace('VALUE', `o.$${i}`).replace('VIEW', 'w.v')}; w.p = p + ${size}`)}
    function column${i}(w, a, n) {
      w.need(n * ${size} + 16)
      let p = w.p
      const b = w.b, v = w.v
      ${tag(field, BYTES)}
      p = writeVarint(b, p, n * ${size})
      for (let i = 0; i < n; i++, p += ${size}) ${write.replace('AT', 'p').replace('VALUE', `a[i].$${i}`).replace('VIEW', 'v')}
      w.p = p
    }`
  const varints = (value: (from: string) => string): string =>
    `${one(`${tag(field, VARINT)}; w.p = writeVarint(b, p, ${value(`o.$${i}`)})`)}
    function column${i}(w, a, n) {
      w.need(n * 5 + 16)
      let p = w.p
      const b = w.b
      ${tag(field, BYTES)}
      const at = p, room = n >= 64 ? 2 : 1
      p += room
      for (let i = 0; i < n; i++) {
        let x = ${value(`a[i].$${i}`)}
        while (x > 127) { b[p++] = (x & 127) | 128; x >>>= 7 }
        b[p++] = x
      }
      w.p = p
      w.endLength(at, room)
    }`
  switch (field.kind) {
    case 'f32':
      return fixed(4, 'VIEW.setFloat32(AT, VALUE, true)', FIXED32)
    case 'num':
      return fixed(8, 'VIEW.setFloat64(AT, VALUE, true)', FIXED64)
    case 'bool':
      return `${one(`${tag(field, VARINT)}; b[p] = o.$${i} ? 1 : 0; w.p = p + 1`)}
      function column${i}(w, a, n) {
        w.need(n + 16)
        let p = w.p
        const b = w.b
        ${tag(field, BYTES)}
        p = writeVarint(b, p, n)
        for (let i = 0; i < n; i++) b[p++] = a[i].$${i} ? 1 : 0
        w.p = p
      }`
    case 'int':
    case 'quant':
      return varints((from) => `((${from} << 1) ^ (${from} >> 31)) >>> 0`)
    case 'uint':
    case 'oneOf':
      return varints((from) => from)
    case 'str':
      return repeated(field, `w.string(o.$${i})`)
    case 'list':
      return repeated(
        field,
        `const bytes = o.$${i}.bytes(); w.varint(bytes.length); w.bytes(bytes)`,
      )
    case 'bytes':
    case 'map':
    case 'object':
      return ''
  }
}

function repeated(field: StateField, write: string): string {
  const i = field.index
  return `function one${i}(w, o) { w.need(8); let p = w.p; const b = w.b; ${tag(field, BYTES)}; w.p = p; ${write} }
  function column${i}(w, a, n) { for (let i = 0; i < n; i++) one${i}(w, a[i]) }`
}
