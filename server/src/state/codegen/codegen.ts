import type { StateField } from '@ringside/protocol'
import { fieldChecks } from './checks.ts'
import { columnCode } from './columns.ts'
import { jsonCode } from './json.ts'
import { writeVarint } from '../encode/byte-writer.ts'
import { float, writeFloat, writeInteger, writeNumber } from '../encode/json-numbers.ts'
import { show, stateInvalid } from '../invalid.ts'
import { EVERYBODY, NOBODY } from '../projection/audiences.ts'
import { EVERYBODY_KIND } from '../projection/kinds.ts'
import { Face, NODE } from '../tree/face.ts'
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
    Face,
    NODE,
    ownAccessor,
    encoder: { writeVarint },
    float,
    writeFloat,
    writeInteger,
    writeNumber,
  }
  const code = [
    `'use strict'`,
    `const { compiled, fields, Tracked, Face, NODE, ownAccessor, bad, newGroup, float, writeFloat, writeInteger, writeNumber } = tools`,
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

/**
 * The class of the node, which the tree keeps, and that of its face, which the game holds. A face has the accessors as
 * own enumerable properties, so that it can be spread and keyed like any object: that costs its construction some 200 ns
 * a field, and an access nothing (`npm run bench -- state` shows both).
 */
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
      this.$face = new F_${name}(this)
      Object.preventExtensions(this)
    }
  }
  const properties = []
  class F_${name} extends Face {
    #node
    constructor(node) {
      super()
      this.#node = node
      for (let i = 0; i < ${fields.length}; i++) Object.defineProperty(this, fields[i].name, properties[i])
      Object.preventExtensions(this)
    }
    [NODE]() { return this.#node }
    static {
      ${fields.map((f) => `{ const object = { ${accessor(f)} }; properties.push(ownAccessor(object, ${JSON.stringify(f.name)})) }`).join('\n')}
    }
  }`
}

/** The descriptor of the one accessor of `object`: all faces of a class share it, or V8 could not share their shape. */
function ownAccessor(object: object, name: string): PropertyDescriptor {
  return { ...Object.getOwnPropertyDescriptor(object, name), configurable: false }
}

/** A value of the kind that the field will hold: V8 keeps doubles in place only where it saw one at first. */
function initial(field: StateField): string {
  if (field.kind === 'f32' || field.kind === 'num') return 'NaN'
  return ['int', 'quant', 'uint', 'oneOf'].includes(field.kind) ? '0' : 'null'
}

function construct({ kind, index, name }: StateField): string {
  if (kind === 'list' || kind === 'map' || kind === 'object')
    return `builder.${kind}(fields[${index}], value.${name}, this)`
  return `check${index}(value.${name})`
}

function accessor({ kind, index, name, step }: StateField): string {
  const own = `this.#node.$${index}`
  const setter = { list: 'setList', map: 'setMap', object: 'setObject' }[kind as 'list']
  if (setter !== undefined)
    return `get ${name}() { return ${own}.${kind === 'object' ? '$face' : 'proxy'} },
      set ${name}(v) { const o = this.#node; o.$b.${setter}(o, fields[${index}], v) }`
  const value =
    kind === 'quant' ? stepsToValue(own, step) : kind === 'oneOf' ? `names${index}[${own}]` : own
  return `get ${name}() { return ${value} },
    set ${name}(v) {
      const o = this.#node
      const r = check${index}(v)
      if (r !== o.$${index}) {
        if (o.$q === 0) { const d = o.$d; if (d.n === 0) d.first(); d.a[d.n++] = o; o.$q = 1 }
        o.$${index} = r
        o.$m${Math.floor(index / 30)} |= ${1 << (index % 30)}
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
    if (o.$q === 0) { o.$q = 1; const d = o.$d; if (d.n === 0) d.first(); d.a[d.n++] = o }
  }`
}
