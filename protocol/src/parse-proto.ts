import type { MessageModel, MessageRole } from './message-model.ts'
import type { FieldModel } from './field-model.ts'
import type { Audience } from './schema.ts'

type Draft<T> = { -readonly [K in keyof T]: T[K] }

const INTRO = /^\/\/ (system|command|reply|event|state|patch) (\S+?)(?:, id (0x[0-9A-F]{8}))?$/
const OPEN = /^message (\w+) \{$/
const ENUM = /^enum Value \{$/
const ENUM_VALUE = /^(\w+) = (\d+);$/
const FIELD =
  /^(?:(optional|repeated) )?(?:map<string, (\w+)>|(\w+)(?:\.Value)?) (\w+) = (\d+);(?: \/\/ (.*))?$/

/**
 * Reads a file that {@link printProto} wrote. It is no parser for other `.proto` files.
 * @throws SyntaxError with the number of the first line that printProto would not have written.
 */
export function parseProto(text: string): MessageModel[] {
  const messages: MessageModel[] = []
  /** Message bodies that are open, outermost first, each with its name. */
  const open: { name: string; fields: FieldModel[]; names: string[] | null }[] = []
  /** Nested messages whose field has not come yet, by name. */
  const nested: Nested = { fields: new Map(), names: new Map() }
  let isEnum = false
  let intro: RegExpExecArray | null = null
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    const opened = OPEN.exec(line)
    const inner = open.at(-1)
    if (opened?.[1]) {
      open.push({ name: opened[1], fields: [], names: null })
    } else if (inner && ENUM.test(line)) {
      inner.names = []
      isEnum = true
    } else if (line === '}' && isEnum) {
      isEnum = false
    } else if (isEnum && inner?.names) {
      inner.names.push(enumValue(line, inner.names.length, index + 1))
    } else if (line === '}' && inner) {
      open.pop()
      if (inner.names) nested.names.set(inner.name, inner.names)
      else if (open.length > 0) nested.fields.set(inner.name, inner.fields)
      else if (intro) messages.push(message(intro, inner.name, inner.fields))
    } else if (inner) {
      inner.fields.push(field(line, nested, index + 1))
    } else if (line.startsWith('// ')) {
      intro = INTRO.exec(line) ?? intro
    }
  }
  if (open.length > 0) throw new SyntaxError('Expected every message to be closed')
  return messages
}

function message(intro: RegExpExecArray, name: string, fields: FieldModel[]): MessageModel {
  const [, role = '', subject = '', id] = intro
  return { name, role: role as MessageRole, subject, id: id ? Number(id) : null, fields }
}

interface Nested {
  readonly fields: Map<string, FieldModel[]>
  readonly names: Map<string, string[]>
}

function enumValue(line: string, number: number, at: number): string {
  const [, name, given] = ENUM_VALUE.exec(line) ?? []
  if (name === undefined || Number(given) !== number)
    throw new SyntaxError(
      `Expected the name of ${number} on line ${at}, got '${line.slice(0, 80)}'`,
    )
  return name
}

function field(line: string, nested: Nested, at: number): FieldModel {
  const found = FIELD.exec(line)
  if (!found) throw new SyntaxError(`Expected a field on line ${at}, got '${line.slice(0, 80)}'`)
  const [, label, mapped, plain, name = '', number, notes = ''] = found
  const type = mapped ?? plain ?? ''
  const model: Draft<FieldModel> = {
    number: Number(number),
    name,
    label: mapped ? 'map' : ((label ?? 'single') as FieldModel['label']),
    type,
    step: null,
    max: null,
    audience: 'public',
    fields: nested.fields.get(type) ?? null,
  }
  const names = nested.names.get(type)
  if (names) model.names = names
  nested.fields.delete(type)
  nested.names.delete(type)
  for (const note of notes.split(', ')) {
    const [key, value = ''] = note.split(' ')
    if (key === 'step') model.step = Number(value)
    else if (key === 'max') model.max = Number(value)
    else if (key === 'for') model.audience = value as Audience
  }
  return model
}
