import {
  bool,
  defaultValue,
  f32,
  fromSteps,
  int,
  isSchema,
  list,
  map,
  num,
  object,
  quant,
  schema,
  str,
  toSteps,
  uint,
} from '@ringside/protocol'
import type { Audience, Json, NamedField, ScalarItem, Schema } from '@ringside/protocol'

/** An element that is there. */
export function at<T>(list: ArrayLike<T>, index: number): T {
  const element: T | undefined = list[index]
  if (element === undefined) throw new Error(`Expected an element ${index}`)
  return element
}

export type Values = Record<string, unknown>

const Item = schema({ label: str(1, { max: 200 }), at: quant(2, { step: 0.01 }) })
const Deep = schema({ a: f32(1), note: str(2), secret: int(3, { audience: 'nobody' }) })
const Box = schema({ w: uint(1), things: map(2, Deep), flag: bool(3) })
const Card = schema({ v: uint(1), tags: list(2, str(), { max: 6 }), deep: map(3, Deep) })
const Member = schema({
  name: str(1),
  x: quant(2, { step: 0.1 }),
  y: f32(3),
  hp: int(4),
  ready: bool(5),
  since: num(6),
  mines: list(7, Item, { audience: 'owner', max: 5 }),
  items: list(8, Item, { max: 5 }),
  scores: list(9, f32(), { max: 5 }),
  input: uint(10, { audience: 'owner' }),
  seed: num(11, { audience: 'nobody' }),
  hand: map(12, Card, { audience: 'owner' }),
  box: object(13, Box),
  stash: object(14, Box, { audience: 'nobody' }),
  open: map(15, Card),
})
/** A state with every kind of field in every place where it may be. */
export const EveryKind = schema({
  teams: map(1, schema({ title: str(1), members: map(2, Member), box: object(3, Box) })),
  loose: map(2, Member),
  box: object(3, Box),
  hands: map(4, Card, { audience: 'owner' }),
  vault: map(5, Card, { audience: 'nobody' }),
  round: uint(6),
  endsAt: num(7),
  phase: str(8),
  chat: list(9, Item, { max: 8 }),
  seed: int(10, { audience: 'nobody' }),
})

/** The team of each session that was put into one. */
export type Teams = ReadonlyMap<string, string>

/** What a viewer (null: everybody) may see, as a replica holds it: the rest are defaults. */
export function replicaView(
  root: Schema,
  state: Values,
  { viewer, teams = new Map() }: { readonly viewer: string | null; readonly teams?: Teams },
): Values {
  const teamOf = (name: string): string => teams.get(name) ?? name
  const visible = ({ level, owner }: Around): boolean => {
    if (level === 'public' || viewer === null || owner === null) return level === 'public'
    return level === 'owner'
      ? owner === viewer
      : level === 'team' && teamOf(owner) === teamOf(viewer)
  }
  const view = (entry: Schema, source: Values, around: Around): Values => {
    const result: Values = {}
    for (const field of entry.ordered) {
      const here = inside(around, field)
      const value = source[field.name]
      if (field.kind === 'map') {
        const entries: Values = {}
        for (const [key, inner] of Object.entries(value as Values)) {
          const place = atKey(here, key)
          if (visible(place)) entries[key] = view(field.item as Schema, inner as Values, place)
        }
        result[field.name] = entries
      } else if (field.kind === 'object')
        result[field.name] = visible(here)
          ? view(field.item as Schema, value as Values, here)
          : defaults(field.item as Schema)
      else result[field.name] = visible(here) ? value : defaultValue(field)
    }
    return result
  }
  return view(root, state, { level: 'public', owner: null, key: null })
}

interface Around {
  readonly level: Audience
  /** In a hidden place: whose it is. */
  readonly owner: string | null
  /** Key of the nearest map entry around. */
  readonly key: string | null
}

function inside(around: Around, { audience }: NamedField): Around {
  if (around.level === 'nobody' || audience === 'nobody') return { ...around, level: 'nobody' }
  if (around.level === 'public' && audience !== 'public')
    return { ...around, level: audience, owner: around.key }
  return around.level === 'team' && audience === 'owner' ? { ...around, level: 'owner' } : around
}

function atKey(here: Around, key: string): Around {
  const isNamed = here.level !== 'public' && here.owner === null
  return { level: here.level, owner: isNamed ? key : here.owner, key }
}

function defaults(entry: Schema): Values {
  const result: Values = {}
  for (const field of entry.ordered)
    result[field.name] =
      field.kind === 'object' ? defaults(field.item as Schema) : defaultValue(field)
  return result
}

/** The public part as JSON: hidden fields left out, quant fields as steps. */
export function publicJson(root: Schema, state: Values): Json {
  const result: { [key: string]: Json } = {}
  for (const field of root.ordered) {
    if (field.audience !== 'public') continue
    const value = state[field.name]
    if (field.kind === 'map')
      result[field.name] = Object.fromEntries(
        Object.entries(value as Values).map(([key, entry]) => [
          key,
          publicJson(field.item as Schema, entry as Values),
        ]),
      )
    else if (field.kind === 'object')
      result[field.name] = publicJson(field.item as Schema, value as Values)
    else result[field.name] = leafJson(field, value)
  }
  return result
}

function leafJson(field: NamedField | ScalarItem, value: unknown): Json {
  if (field.kind === 'list')
    return (value as unknown[]).map((item) => {
      const kind = field.item as Schema | ScalarItem
      return isSchema(kind) ? publicJson(kind, item as Values) : leafJson(kind, item)
    })
  if (field.kind === 'quant') return toSteps(value as number, field.step)
  if (field.kind === 'f32') {
    for (let precision = 1; precision < 10; precision++) {
      const short = Number((value as number).toPrecision(precision))
      if (Math.fround(short) === value) return short
    }
  }
  return value as Json
}

/** Random values of a schema; hidden text and numbers carry marks that must show up nowhere public. */
export class RandomValues {
  readonly #random: () => number
  constructor(random: () => number) {
    this.#random = random
  }

  below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  object(entry: Schema, depth = 0): Values {
    const result: Values = {}
    for (const field of entry.ordered) result[field.name] = this.field(field, depth)
    return result
  }

  field(field: NamedField, depth = 0): unknown {
    if (field.kind === 'object') return this.object(field.item as Schema, depth + 1)
    if (field.kind === 'map') {
      const entries: Values = {}
      if (depth < 3)
        for (let count = this.below(3); count > 0; count--)
          entries[this.key()] = this.object(field.item as Schema, depth + 1)
      return entries
    }
    if (field.kind === 'list')
      return Array.from({ length: this.below(Math.min(4, field.max + 1)) }, () =>
        this.item(field.item as Schema | ScalarItem),
      )
    return this.scalar(field as ScalarItem)
  }

  item(item: Schema | ScalarItem): unknown {
    return isSchema(item) ? this.object(item, 9) : this.scalar(item)
  }

  key(): string {
    return at(KEYS, this.below(KEYS.length))
  }

  scalar({ kind, step, names = [] }: Pick<ScalarItem, 'kind' | 'step' | 'names'>): unknown {
    const pick = this.below(4)
    switch (kind) {
      case 'str':
        return TEXTS[this.below(TEXTS.length)]
      case 'bool':
        return this.below(2) === 0
      case 'int':
        return pick === 0 ? 0 : pick === 1 ? -(2 ** 31) + this.below(9) : this.below(4_000) - 2_000
      case 'uint':
        return pick === 0 ? 0 : pick === 1 ? 2 ** 32 - 1 - this.below(9) : this.below(500)
      case 'quant':
        return fromSteps(pick === 0 ? 0 : this.below(20_000) - 10_000, step)
      case 'f32':
        return Math.fround(F32[this.below(F32.length)] ?? this.#random() * 2_000 - 1_000) + 0
      case 'num':
        return pick === 0 ? 0 : pick === 1 ? 1_700_000_000_000 + this.below(1e6) : this.#random()
      case 'oneOf':
        return names[this.below(names.length)]
      case 'bytes':
        return undefined
    }
  }
}

const KEYS = ['a', 'b', 'c', 'constructor', 'toString', 'é✓', '7', '']
const TEXTS = [
  '',
  'x',
  'plain',
  'a "quoted" \\ text',
  'naïve ✓ 🎮',
  'line\nbreak\u0000',
  'y'.repeat(90),
]
const F32 = [0, 0.1, 1e-7, -3.4e38, 1e20, 123.456, 0.5, 16_777_217, 5e-45]
