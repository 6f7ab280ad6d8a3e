import type { StateField } from '@ringside/protocol'
import { fieldChecks } from './checks.ts'
import { columnCode } from './columns.ts'
import { jsonCode } from './json.ts'
import { writeVarint } from '../encode/byte-writer.ts'
import { float, writeFloat, writeInteger, writeNumber } from '../encode/json-numbers.ts'
import { show, stateInvalid } from '../invalid.ts'
import { EVERYBODY, NOBODY } from '../projection/audiences.ts'
import { EVERYBODY_KIND } from '../projection/kinds.ts'
import { plain } from '../tree/plain.ts'
import { KNOWN, Tracked } from '../tree/tracked.ts'
import type {
  CompiledClass,
  GeneratedClass,
  Group,
  NarrowerFields,
  PlaceView,
} from '../tree/tracked.ts'

/**
 * Generates one class with `new Function`, for its accessors are much cheaper than closures over a key. Nothing of
 * it comes from outside the schema, whose names have been checked to be identifiers.
 */
export function generate(compiled: CompiledClass): GeneratedClass {
  const { fields } = compiled.layout
  const tools = {
    compiled,
    fields,
    Tracked,
    bad: (index: number, expected: string) => (value: unknown) => {
      const name = `${compiled.layout.name}.${fields[index]?.name ?? ''}`
      throw stateInvalid(`Expected ${expected} for ${name}, got ${show(value)}`)
    },
    newGroup,
    plain,
    encoder: { writeVarint },
    float,
    writeFloat,
    writeInteger,
    writeNumber,
  }
  const code = [
    `'use strict'`,
    `const { compiled, fields, Tracked, bad, newGroup, plain, float, writeFloat, writeInteger, writeNumber } = tools`,
    `const { writeVarint } = tools.encoder`,
    `const { groups, active } = compiled`,
    ...fields.map(fieldChecks),
    classCode(compiled),
    settleCode(compiled),
    columnCode(compiled),
    jsonCode(compiled),
    maskCode(compiled),
    `return { create: (value, builder) => new C_${compiled.layout.name}(value, builder), settle, columns, narrow, json, jsonChanged, jsonEntry, logMask, clearMasks, clearLog, markLog, markChanged }`,
  ].join('\n')
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from the schema alone
  return new Function('tools', code)(tools) as GeneratedClass
}

function newGroup(words: number[]): Group {
  return { a: [], n: 0, room: 1, words }
}

/** `0..words-1` through `each`, joined. */
function perWord(compiled: CompiledClass, each: (word: number) => string, joint = '\n'): string {
  return Array.from({ length: compiled.words }, (_, word) => each(word)).join(joint)
}

function classCode(compiled: CompiledClass): string {
  const { name, fields } = compiled.layout
  return `class C_${name} extends Tracked {
    $b = null
    ${perWord(compiled, (w) => `$m${w} = 0; $l${w} = 0`)}
    ${fields.map((f) => `$${f.index} = ${initial(f)}`).join('\n')}
    constructor(value, builder) {
      super(compiled)
      this.$b = builder
      ${fields.map((f) => `this.$${f.index} = ${construct(f)}`).join('\n')}
      Object.preventExtensions(this)
    }
    toJSON() { return plain(this) }
    ${fields.map(accessor).join('\n')}
  }`
}

/** A value of the kind that the field will hold: V8 keeps doubles in place only where it saw one at first. */
function initial(field: StateField): string {
  if (field.kind === 'f32' || field.kind === 'num') return 'NaN'
  return field.kind === 'int' || field.kind === 'quant' || field.kind === 'uint' ? '0' : 'null'
}

function construct({ kind, index, name }: StateField): string {
  if (kind === 'list' || kind === 'map' || kind === 'object')
    return `builder.${kind}(fields[${index}], value.${name}, this)`
  return `check${index}(value.${name})`
}

function accessor({ kind, index, name, step }: StateField): string {
  const own = `this.$${index}`
  if (kind === 'list')
    return `get ${name}() { return ${own}.proxy } set ${name}(v) { this.$b.setList(this, fields[${index}], v) }`
  if (kind === 'map')
    return `get ${name}() { return ${own}.proxy } set ${name}(v) { this.$b.setMap(this, fields[${index}], v) }`
  if (kind === 'object')
    return `get ${name}() { return ${own} } set ${name}(v) { this.$b.setObject(this, fields[${index}], v) }`
  return `get ${name}() { return ${kind === 'quant' ? stepsToValue(own, step) : own} }
    set ${name}(v) {
      const r = check${index}(v)
      if (r !== ${own}) {
        if (this.$q === 0) { const d = this.$d; d.a[d.n++] = this; this.$q = 1 }
        ${own} = r
        this.$m${Math.floor(index / 30)} |= ${1 << (index % 30)}
      }
    }`
}

/** The same arithmetic as fromSteps of the protocol, with its constants worked out. */
function stepsToValue(steps: string, step: number): string {
  const perUnit = Math.round(1 / step)
  return Math.abs(perUnit * step - 1) < 1e-9 ? `${steps} / ${perUnit}` : `${steps} * ${step}`
}

/** Objects with the same mask meet in one group; most often all of a queue have the same. */
function settleCode(compiled: CompiledClass): string {
  const { publicMask, words } = compiled
  const key = words === 1 ? 'p0' : perWord(compiled, (w) => `p${w}`, ` + ',' + `)
  const some = (letter: string) => perWord(compiled, (w) => `${letter}${w}`, ' | ')
  const list = (letter: string) => perWord(compiled, (w) => `${letter}${w}`, ', ')
  const { narrower } = compiled.views[EVERYBODY_KIND] as PlaceView
  const hidden = ({ kind, words: mask }: NarrowerFields) =>
    `{ ${perWord(compiled, (w) => `const h${w} = m${w} & ${mask[w]}`, ';')}
          if ((${some('h')}) !== 0) settler.changedFor(o.$own.keys[${kind}], o, [${list('h')}]) }`
  return `function settle(queue, settler) {
    const { a, n } = queue
    let g = null
    ${perWord(compiled, (w) => `let last${w} = 0`)}
    for (let i = 0; i < n; i++) {
      const o = a[i]
      if (o.$s !== ${KNOWN}) continue
      ${perWord(compiled, (w) => `const m${w} = o.$m${w}; o.$m${w} = 0; o.$l${w} |= m${w}`)}
      o.$q = 0
      if (o.$lq === 0) settler.touchLog(o)
      if (o.$key === ${EVERYBODY}) {
        ${perWord(compiled, (w) => `const p${w} = m${w} & ${publicMask[w]}`)}
        if ((${some('p')}) !== 0) {
          if (g === null || ${perWord(compiled, (w) => `p${w} !== last${w}`, ' || ')}) {
            ${perWord(compiled, (w) => `last${w} = p${w}`)}
            const key = ${key}
            g = groups.get(key)
            if (g === undefined) {
              if (groups.size >= 4096) groups.clear()
              g = newGroup([${list('p')}])
              groups.set(key, g)
            }
            if (g.n === 0) active.push(g)
          }
          g.a[g.n++] = o
        }
        ${narrower.map(hidden).join('\n        ')}
      } else if (o.$key !== ${NOBODY}) settler.changedHidden(o, [${list('m')}])
    }
    a.fill(null, 0, n)
    queue.n = 0
  }`
}

function maskCode(compiled: CompiledClass): string {
  return `function logMask(o, words) { ${perWord(compiled, (w) => `words[${w}] = o.$l${w}`, ';')} }
  function clearMasks(o) { ${perWord(compiled, (w) => `o.$m${w} = 0; o.$l${w} = 0`, ';')} }
  function clearLog(o) { ${perWord(compiled, (w) => `o.$l${w} = 0`, ';')} }
  function markLog(o, index) { switch (Math.floor(index / 30)) {
    ${perWord(compiled, (w) => `case ${w}: o.$l${w} |= 1 << index % 30; return`)}
  } }
  function markChanged(o, index) {
    switch (Math.floor(index / 30)) {
      ${perWord(compiled, (w) => `case ${w}: o.$m${w} |= 1 << index % 30; break`)}
    }
    if (o.$q === 0) { o.$q = 1; const d = o.$d; d.a[d.n++] = o }
  }`
}
