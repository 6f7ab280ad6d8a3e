import { PayloadError, checkScalar, encodeMessage, isSchema, toSteps } from '@ringside/protocol'
import type { ScalarItem, Schema, StateField } from '@ringside/protocol'
import { floatText } from '../encode/json-numbers.ts'
import { show, stateInvalid } from '../invalid.ts'
import { nodeOf } from './face.ts'
import { plain } from './plain.ts'
import { assertThawed } from './tracked.ts'
import type { Tracked } from './tracked.ts'

const NODE = Symbol('node')

/**
 * A list of the state: an array of frozen copies behind a Proxy that records every change. A change to an
 * item itself throws (the item is frozen): put a new one in its place.
 */
export class ListNode {
  readonly owner: Tracked
  readonly field: StateField
  readonly items: unknown[]
  readonly proxy: unknown[]
  #bytes: Uint8Array | null = null
  #json: string | null = null

  constructor(owner: Tracked, field: StateField, value: unknown) {
    this.owner = owner
    this.field = field
    this.items = copyItems(field, value, this.path)
    this.proxy = new Proxy(this.items, new ListHandler(this))
  }

  get path(): string {
    return `${this.owner.$c.layout.name}.${this.field.name}`
  }

  /** The wrapper message of a column, encoded once per change. */
  bytes(): Uint8Array {
    this.#bytes ??= encodeMessage(this.field.wrapper as Schema, { items: this.items })
    return this.#bytes
  }

  json(): string {
    this.#json ??= listJson(this.field.item as Schema | ScalarItem, this.items)
    return this.#json
  }

  /** Replaces everything by `items`, which are checked copies already. */
  replace(items: readonly unknown[]): void {
    assertThawed(this.owner)
    if (items.length > this.field.max)
      throw stateInvalid(`Expected at most ${this.field.max} items in ${this.path}`)
    this.items.length = 0
    for (const item of items) this.items.push(item)
    this.changed()
  }

  changed(): void {
    this.#bytes = null
    this.#json = null
    this.owner.$c.markChanged(this.owner, this.field.index)
  }

  /** Runs one of Array's mutating methods on a copy and takes the result over if it may be. */
  mutate(name: Mutator, args: unknown[]): unknown {
    const copy = [...this.items]
    const from = ITEM_ARGUMENTS[name]
    const item = this.field.item as Schema | ScalarItem
    const checked = args.map((value, index) =>
      index >= from[0] && index < from[1] ? copyItem(item, value, this.path) : value,
    )
    const result = Reflect.apply(copy[name] as (...all: unknown[]) => unknown, copy, checked)
    this.replace(copy)
    return result === copy ? this.proxy : result
  }
}

type Mutator =
  | 'push'
  | 'pop'
  | 'shift'
  | 'unshift'
  | 'splice'
  | 'sort'
  | 'reverse'
  | 'fill'
  | 'copyWithin'

/** The range of the arguments that are items: from, to. */
const ITEM_ARGUMENTS: Readonly<Record<Mutator, readonly [from: number, to: number]>> = {
  push: [0, Infinity],
  unshift: [0, Infinity],
  splice: [2, Infinity],
  fill: [0, 1],
  pop: [0, 0],
  shift: [0, 0],
  sort: [0, 0],
  reverse: [0, 0],
  copyWithin: [0, 0],
}

const mutators: ReadonlyMap<string | symbol, unknown> = new Map(
  (Object.keys(ITEM_ARGUMENTS) as Mutator[]).map((name) => [
    name,
    function mutate(this: { [NODE]?: ListNode }, ...args: unknown[]): unknown {
      const node = this[NODE]
      if (node === undefined)
        throw stateInvalid(`Expected ${name} to be called on a list of the state`)
      return node.mutate(name, args)
    },
  ]),
)

class ListHandler implements ProxyHandler<unknown[]> {
  readonly #node: ListNode
  constructor(node: ListNode) {
    this.#node = node
  }

  get(target: unknown[], key: string | symbol): unknown {
    if (key === NODE) return this.#node
    return mutators.get(key) ?? Reflect.get(target, key)
  }

  set(target: unknown[], key: string | symbol, value: unknown): boolean {
    const node = this.#node
    if (key === 'length') {
      if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > target.length)
        throw stateInvalid(`Expected a length of at most ${target.length}, got ${show(value)}`)
      if (value === target.length) return true
      assertThawed(node.owner)
      target.length = value as number
    } else {
      const index = indexOf(key)
      if (index < 0 || index > target.length || index >= node.field.max)
        throw stateInvalid(
          `Expected an index of ${node.path} up to ${Math.min(target.length, node.field.max - 1)}, got '${String(key)}'`,
        )
      assertThawed(node.owner)
      target[index] = copyItem(node.field.item as Schema | ScalarItem, value, node.path)
    }
    node.changed()
    return true
  }

  deleteProperty(target: unknown[], key: string | symbol): boolean {
    if (indexOf(key) !== target.length - 1)
      throw stateInvalid(`Expected no hole in ${this.#node.path}, got delete of '${String(key)}'`)
    assertThawed(this.#node.owner)
    target.length--
    this.#node.changed()
    return true
  }

  defineProperty(): boolean {
    throw stateInvalid(`Expected an assignment to ${this.#node.path}, got defineProperty`)
  }

  setPrototypeOf(): boolean {
    return false
  }

  preventExtensions(): boolean {
    return false
  }
}

function indexOf(key: string | symbol): number {
  if (typeof key !== 'string') return -1
  const index = Number(key)
  return Number.isInteger(index) && index >= 0 && String(index) === key ? index : -1
}

/** Frozen, checked copies of a list's items. */
export function copyItems(
  field: Pick<StateField, 'item' | 'max'>,
  value: unknown,
  path: string,
): unknown[] {
  if (!Array.isArray(value)) throw stateInvalid(`Expected an array for ${path}, got ${show(value)}`)
  if (value.length > field.max)
    throw stateInvalid(`Expected at most ${field.max} items in ${path}, got ${value.length}`)
  const item = field.item as Schema | ScalarItem
  const copy: unknown[] = []
  for (const entry of value) copy.push(copyItem(item, entry, path))
  return copy
}

function copyItem(item: Schema | ScalarItem, value: unknown, path: string): unknown {
  if (isSchema(item)) return copyObject(item, value, path)
  try {
    const checked = checkScalar(item, value, path)
    return typeof checked === 'string' ? wellFormed(checked) : checked
  } catch (cause) {
    if (cause instanceof PayloadError) throw stateInvalid(`${cause.message}, got ${show(value)}`)
    throw cause
  }
}

function copyObject(item: Schema, given: unknown, path: string): unknown {
  const node = nodeOf(given)
  const value = node === null ? given : plain(node)
  if (!isPlain(value)) throw stateInvalid(`Expected a plain object in ${path}, got ${show(value)}`)
  for (const name of Object.keys(value))
    if (!Object.hasOwn(item.fields, name))
      throw stateInvalid(`Expected a declared field of ${path}, got '${name}'`)
  const copy: Record<string, unknown> = {}
  for (const field of item.ordered) {
    const at = `${path}.${field.name}`
    const entry = value[field.name]
    if (field.kind === 'list') copy[field.name] = Object.freeze(copyItems(field, entry, at))
    else
      copy[field.name] = copyItem(
        field.kind === 'object' ? (field.item as Schema) : (field as ScalarItem),
        entry,
        at,
      )
  }
  return Object.freeze(copy)
}

/** An object literal, a null-prototype object or a parsed JSON object: nothing with a class. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A lone surrogate has no UTF-8: both encodings get the same replacement. */
function wellFormed(text: string): string {
  const both = text as string & { isWellFormed(): boolean; toWellFormed(): string }
  return both.isWellFormed() ? text : both.toWellFormed()
}

function listJson(item: Schema | ScalarItem, items: readonly unknown[]): string {
  return `[${items.map((value) => valueJson(item, value)).join(',')}]`
}

function valueJson(item: Schema | ScalarItem, value: unknown): string {
  if (isSchema(item)) return objectJson(item, value as Record<string, unknown>)
  if (item.kind === 'f32') return floatText(value as number)
  if (item.kind === 'quant') return String(toSteps(value as number, item.step))
  return JSON.stringify(value)
}

function objectJson(item: Schema, value: Record<string, unknown>): string {
  const members = item.ordered.map((field) => {
    const entry = value[field.name]
    const json =
      field.kind === 'list'
        ? listJson(field.item as Schema | ScalarItem, entry as unknown[])
        : field.kind === 'object'
          ? objectJson(field.item as Schema, entry as Record<string, unknown>)
          : valueJson(field as ScalarItem, entry)
    return `${JSON.stringify(field.name)}:${json}`
  })
  return `{${members.join(',')}}`
}
