import {
  bool,
  bytes,
  command,
  defineGame,
  event,
  f32,
  fromSteps,
  int,
  list,
  map,
  num,
  object,
  optional,
  quant,
  schema,
  str,
  toSteps,
  uint,
} from '@ringside/protocol'
import type { Infer, Schema } from '@ringside/protocol'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { seededRandom } from './seeded-random.ts'

describe('schema', () => {
  it('PR8: fields are ordered by number, however they were written', () => {
    const made = schema({ b: int(9), a: str(2), c: bool(30) })
    expect(made.ordered.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  it.each([0, -1, 256, 1.5, Number.NaN])('PR8: field number %d throws', (number) => {
    expect(() => str(number)).toThrow(TypeError)
  })

  it('PR8: a doubled number throws', () => {
    expect(() => schema({ a: str(1), b: int(1) })).toThrow(/unique field numbers/)
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'Name', 'a_b', '1a', '', 'ä'])(
    "PR8: field name '%s' throws",
    (name) => {
      expect(() => schema(Object.fromEntries([[name, str(1)]]))).toThrow(/camelCase/)
    },
  )

  it('PR8: a max that is no whole number of at least 0 throws', () => {
    for (const max of [-1, 1.5, Number.NaN, Infinity])
      expect(() => str(1, { max })).toThrow(TypeError)
  })

  it('PR8: a step that is no finite number above 0 throws', () => {
    for (const step of [0, -0.1, Number.NaN, Infinity])
      expect(() => quant(1, { step })).toThrow(TypeError)
  })

  it('PR8: an optional list throws: on the wire it is the empty list', () => {
    expect(() => optional(list(1, str()))).toThrow(TypeError)
  })

  it('PR12: 16 levels are allowed, 17 throw, so no value can nest deeper', () => {
    const nested = (levels: number): Schema =>
      levels === 1 ? schema({ a: int(1) }) : schema({ a: object(1, nested(levels - 1)) })
    expect(() => nested(16)).not.toThrow()
    expect(() => nested(17)).toThrow(/16 levels/)
  })

  it('PR8: a schema cannot be changed afterwards', () => {
    const made = schema({ a: int(1) })
    expect(() => Object.assign(made.fields, { b: int(2) })).toThrow(TypeError)
    expect(() => Object.assign(made.fields.a, { number: 2 })).toThrow(TypeError)
  })

  it('PR8: types follow from the schema', () => {
    const Mine = schema({ x: f32(1) })
    const Player = schema({
      name: str(1),
      score: int(2),
      mines: list(3, Mine),
      tags: list(4, str()),
      home: object(5, Mine),
      nick: optional(str(6)),
      raw: bytes(7),
      all: map(8, Mine),
    })
    expectTypeOf<Infer<typeof Player>>().toEqualTypeOf<{
      name: string
      score: number
      mines: { x: number }[]
      tags: string[]
      home: { x: number }
      nick: string | undefined
      raw: Uint8Array
      all: Record<string, { x: number }>
    }>()
  })
})

describe('steps', () => {
  it('PR5: a decimal step gives the shortest decimal back', () => {
    expect(fromSteps(toSteps(0.1 + 0.2, 0.1), 0.1)).toBe(0.3)
    expect(fromSteps(123, 0.01)).toBe(1.23)
    expect(fromSteps(-7, 0.1)).toBe(-0.7)
    expect(fromSteps(3, 0.3)).toBeCloseTo(0.9, 12)
    expect(fromSteps(4, 5)).toBe(20)
  })

  it('PR5: there is no -0 on either side', () => {
    expect(Object.is(toSteps(-0.001, 0.1), 0)).toBe(true)
    expect(Object.is(fromSteps(0, 0.1), 0)).toBe(true)
  })

  it('PR5: steps of a value of steps are the same steps', () => {
    const random = seededRandom()
    for (const step of [0.1, 0.01, 0.001, 0.25, 0.3, 1, 5, 1 / 3]) {
      for (let round = 0; round < 500; round++) {
        const steps = Math.floor((random() - 0.5) * 2 ** 32)
        expect(toSteps(fromSteps(steps, step), step), `${steps} of ${step}`).toBe(steps)
      }
    }
  })
})

describe('contract', () => {
  const empty = schema({})

  it('PR2: a command with a reserved id throws', () => {
    for (const id of [0xffff0000, 0xffffffff, -1, 1.5, 2 ** 32])
      expect(() => command(id, {}), String(id)).toThrow(/command id/)
  })

  it('PR8: a cost that is negative or not finite throws', () => {
    for (const cost of [-1, Number.NaN, Infinity])
      expect(() => command(1, {}, { cost })).toThrow(/cost/)
    expect(command(1, {}).cost).toBe(1)
    expect(command(1, {}, { cost: 0 }).cost).toBe(0)
  })

  it('PR8: two commands with one id throw and name both', () => {
    expect(() => defineGame({ commands: { a: command(1, {}), b: command(1, {}) } })).toThrow(
      /'a' and 'b'/,
    )
  })

  it.each(['constructor', 'Hit', 'hit-it', '', 'x'.repeat(41)])(
    "PR8: command name '%s' throws",
    (name) => {
      expect(() => defineGame({ commands: { [name]: command(1, {}) } })).toThrow(/command name/)
    },
  )

  it.each(['Arena', 'a b', '', '1a', 'a/b', 'constructor', 'x'.repeat(33)])(
    "PR8: room type '%s' throws",
    (type) => {
      expect(() => defineGame({ rooms: { [type]: { state: empty } } })).toThrow(/room type/)
    },
  )

  it.each([
    'patch',
    'snapshot',
    'heartbeat',
    'open',
    'error',
    'message',
    'toString',
    '1kill',
    '.a',
    'a\nb',
    'a:b',
    'x'.repeat(65),
  ])(
    'PR8: event name %j throws: the feed or EventSource uses it, or it would break a line',
    (name) => {
      const rooms = { arena: { state: empty, events: { [name]: event({}) } } }
      expect(() => defineGame({ rooms })).toThrow(/event name/)
    },
  )

  it.each(['kill', 'Kill', 'build.done', 'build_done-2', 'x'.repeat(64)])(
    'PR8: event name %j is taken: contracts, publishing and types= have one rule',
    (name) => {
      const rooms = { arena: { state: empty, events: { [name]: event({}) } } }
      expect(Object.keys(defineGame({ rooms }).rooms.arena.events)).toEqual([name])
    },
  )

  it('PR8: messages hold no maps, events no bytes, at any depth', () => {
    const withMap = schema({ m: map(1, empty) })
    const withBytes = schema({ b: bytes(1) })
    expect(() => command(1, { a: object(1, withMap) })).toThrow(/no map/)
    expect(() => command(1, {}, { reply: { a: list(1, withMap) } })).toThrow(/no map/)
    expect(() => event({ m: map(1, empty) })).toThrow(/no map/)
    expect(() => event({ a: list(1, withBytes) })).toThrow(/no bytes/)
    expect(() => command(1, { b: bytes(1) })).not.toThrow()
  })

  it.each(['owner', 'team', 'nobody'] as const)(
    'PR8: a message with a field for %s throws, at any depth: it would go to everybody',
    (audience) => {
      const Player = schema({ name: str(1), secret: str(2, { audience }) })
      const hidden = /Expected public fields in a message, got .*secret/
      expect(() => event({ secret: str(1, { audience }) })).toThrow(hidden)
      expect(() => event({ winner: object(1, Player) })).toThrow(hidden)
      expect(() => event({ all: list(1, schema({ p: object(1, Player) })) })).toThrow(hidden)
      expect(() => command(1, { target: object(1, Player) })).toThrow(hidden)
      expect(() => command(1, {}, { reply: { top: list(1, Player) } })).toThrow(hidden)
    },
  )

  it('PR8: a state holds nothing that cannot be tracked', () => {
    const state = (fields: Parameters<typeof schema>[0]) => () =>
      defineGame({ rooms: { a: { state: schema(fields) } } })
    expect(state({ b: bytes(1) })).toThrow(/no bytes/)
    expect(state({ n: optional(int(1)) })).toThrow(/no optional/)
    expect(state({ l: list(1, schema({ m: map(1, empty) })) })).toThrow(/no map inside a list/)
    const hidden = schema({ h: int(1, { audience: 'owner' }) })
    expect(state({ l: list(1, hidden) })).toThrow(/audience on the list/)
    expect(state({ l: list(1, schema({ o: object(1, hidden) })) })).toThrow(/audience on the list/)
    expect(state({ m: map(1, hidden), u: uint(2), n: num(3) })).not.toThrow()
  })

  it('PR8: a game without commands or rooms is a contract', () => {
    expect(defineGame({})).toEqual({ commands: {}, rooms: {} })
  })
})
