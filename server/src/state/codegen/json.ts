import type { StateField } from '@ringside/protocol'
import type { CompiledClass } from '../tree/tracked.ts'
import { NUMBER_BYTES } from '../encode/json-numbers.ts'

/**
 * Generates `json` (the members in a view's mask) and `jsonChanged` (those of them that have changed), as
 * bytes, each with a comma behind it.
 */
export function jsonCode(compiled: CompiledClass): string {
  const members = compiled.layout.fields.filter((field) => field.target === null)
  const room = members.reduce((sum, field) => sum + field.name.length + 4 + NUMBER_BYTES, 16)
  const lines = members.map(
    (field) =>
      `if ((m${Math.floor(field.index / 30)} & ${1 << (field.index % 30)}) !== 0) { ${member(field, room)} }`,
  )
  const masks = Array.from({ length: compiled.words }, (_, w) => `m${w}`)
  return `function members(w, o, ${masks.join(', ')}) {
    w.need(${room})
    let b = w.b, v = w.v, p = w.p
    ${lines.join('\n')}
    w.p = p
  }
  function json(w, o, words) { members(w, o, ${masks.map((_, w) => `words[${w}]`).join(', ')}) }
  function jsonChanged(w, o, words) {
    ${masks.map((m, w) => `const ${m} = o.$l${w} & words[${w}]`).join('\n')}
    if ((${masks.join(' | ')}) !== 0) members(w, o, ${masks.join(', ')})
  }
  function jsonEntry(w, o, words) {
    ${masks.map((m, w) => `const ${m} = o.$l${w} & words[${w}]`).join('\n')}
    if ((${masks.join(' | ')}) === 0) return
    w.key(o.$kj)
    w.open()
    members(w, o, ${masks.join(', ')})
    w.close()
  }`
}

function member(field: StateField, room: number): string {
  const key = literal(`"${field.name}":`)
  const value = `o.$${field.index}`
  const slow = (call: string): string =>
    `${key}; w.p = p; ${call}; w.need(${room}); b = w.b; v = w.v; p = w.p; b[p++] = 44`
  switch (field.kind) {
    case 'f32':
      return `${key}; float[0] = ${value}; p = writeFloat(v, p); b[p++] = 44`
    case 'num':
      return `${key}; p = writeNumber(v, p, ${value}); b[p++] = 44`
    case 'int':
    case 'uint':
    case 'quant':
      return `${key}; p = writeInteger(v, p, ${value}); b[p++] = 44`
    case 'bool':
      return `${key}; if (${value}) { ${literal('true,')} } else { ${literal('false,')} }`
    case 'oneOf':
      return slow(`w.string(names${field.index}[${value}])`)
    case 'str':
      return slow(`w.string(${value})`)
    case 'list':
      return slow(`w.raw(${value}.json())`)
    case 'bytes':
    case 'map':
    case 'object':
      return ''
  }
}

/** Constant text, four bytes a store. */
function literal(text: string): string {
  const bytes = Buffer.from(text)
  const stores: string[] = []
  let at = 0
  for (; at + 4 <= bytes.length; at += 4)
    stores.push(`v.setUint32(p, ${bytes.readUInt32BE(at)}); p += 4`)
  for (; at < bytes.length; at++) stores.push(`b[p++] = ${bytes[at]}`)
  return stores.join('; ')
}
