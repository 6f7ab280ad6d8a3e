import { inspect } from 'node:util'
import { bool, list, map, num, object, quant, schema, str } from '@ringside/protocol'
import { describe, expect, test } from 'vitest'
import { compileState, createStateTracker, plainState } from '../../src/state/tracker.ts'

const Point = schema({ x: num(1), y: num(2) })
const Item = schema({ what: str(1) })
const Player = schema({
  name: str(1),
  speed: quant(2, { step: 0.01 }),
  isBot: bool(3),
  at: object(4, Point),
  tags: list(5, str()),
  items: map(6, Item),
  secret: str(7, { audience: 'nobody' }),
})
const compiled = compileState(
  schema({ players: map(1, Player), path: list(2, Point), round: num(3) }),
)

const ada = {
  name: 'Ada',
  speed: 1.25,
  isBot: false,
  at: { x: 1, y: 2 },
  tags: ['a', 'b'],
  items: { sword: { what: 'sword' } },
  secret: 'hush',
}

type Ada = Omit<typeof ada, 'items'> & { items: Record<string, { what: string }> }

function state() {
  const initial = { players: { ada } as Record<string, Ada>, path: [{ x: 1, y: 1 }], round: 7 }
  return createStateTracker(compiled, initial).state
}

/** What a user does with any object, and what it gives for `ada` in the state. */
const ways: readonly [way: string, use: (player: Ada) => unknown, expected: unknown][] = [
  ['keys', (it) => Object.keys(it), Object.keys(ada)],
  ['own property names', (it) => Object.getOwnPropertyNames(it), Object.keys(ada)],
  ['symbols', (it) => Object.getOwnPropertySymbols(it), []],
  ['spread of scalars', (it) => ({ ...it }).name + { ...it }.speed, 'Ada1.25'],
  ['assign', (it) => Object.assign({}, it).secret, 'hush'],
  ['entries', (it) => Object.entries(it)[0], ['name', 'Ada']],
  ['rest', ({ name, ...rest }) => [name, Object.keys(rest).length], ['Ada', 6]],
  ['in', (it) => ['name' in it, 'nothing' in it], [true, false]],
  ['hasOwn', (it) => Object.hasOwn(it, 'name'), true],
  ['JSON', (it) => JSON.parse(JSON.stringify(it)), ada],
  ['JSON of a nested object', (it) => JSON.stringify(it.at), '{"x":1,"y":2}'],
  ['JSON of a map', (it) => JSON.stringify(it.items), '{"sword":{"what":"sword"}}'],
  ['structuredClone of an object of scalars', (it) => structuredClone(it.at), { x: 1, y: 2 }],
  ['plainState', (it) => plainState(it), ada],
  ['plainState of a map', (it) => plainState(it.items), ada.items],
  ['plainState of a list', (it) => plainState(it.tags), ada.tags],
  ['equality', (it) => it, ada],
  ['spread of a map', (it) => ({ ...it.items }), ada.items],
  ['spread of a list', (it) => [...it.tags], ada.tags],
  ['console.log', (it) => inspect(it), inspect(ada)],
  [
    'console.log, hidden properties too',
    (it) => inspect(it.at, { showHidden: true }),
    inspect(ada.at),
  ],
  ['console.log of a map', (it) => inspect(it.items), inspect(ada.items)],
  ['console.log of a list', (it) => inspect(it.tags), inspect(ada.tags)],
]

describe('ST15 objects of a state show their fields as any object does', () => {
  test.each(ways)('%s', (_, use, expected) => {
    const { players } = state()
    const own: Record<string, unknown> = {}
    for (const key in players['ada']) own[key] = true
    expect(Object.keys(own)).toEqual(Object.keys(ada))
    const result = use(players['ada'] as Ada)
    if (typeof expected === 'string') expect(result).toBe(expected)
    else expect(result).toEqual(expected)
  })

  test('the whole of it', () => {
    const it = state()
    expect(Object.keys(it)).toEqual(['players', 'path', 'round'])
    expect(inspect(it, { depth: 9 })).toBe(
      inspect({ players: { ada }, path: [{ x: 1, y: 1 }], round: 7 }, { depth: 9 }),
    )
    expect(inspect(it)).toBe(inspect({ players: { ada }, path: [{ x: 1, y: 1 }], round: 7 }))
    const deep = { a: { it: { players: { ada }, path: [{ x: 1, y: 1 }], round: 7 } } }
    expect(inspect({ a: { it } }, { breakLength: Infinity }).replace(/\s+/g, ' ')).toBe(
      inspect(deep, { breakLength: Infinity }).replace(/\s+/g, ' '),
    )
    expect(it).toEqual({ players: { ada }, path: [{ x: 1, y: 1 }], round: 7 })
  })

  test('one that was taken out, and one of a frozen state', () => {
    const tracker = createStateTracker(compiled, { players: { ada }, path: [], round: 7 })
    const { players } = tracker.state
    const gone = players['ada'] as Ada
    delete players['ada']
    expect({ ...gone }.name).toBe('Ada')
    tracker.freeze()
    expect(Object.keys(tracker.state)).toEqual(['players', 'path', 'round'])
    expect(inspect(gone)).toBe(inspect(ada))
  })

  test('structuredClone says no to maps and lists, and plainState does it', () => {
    const { players } = state()
    expect(() => structuredClone(players)).toThrow(/could not be cloned/)
    expect(structuredClone(plainState(players))).toEqual({ ada })
  })
})

describe('ST16 copies of parts of the state can be put into it', () => {
  test('a spread copy, with the maps, lists and objects that are in it', () => {
    const { players } = state()
    players['eve'] = { ...(players['ada'] as Ada), name: 'Eve' }
    players['eve'].at.x = 9
    players['eve'].items['sword'] = { what: 'axe' }
    players['eve'].tags.push('c')
    expect(plainState(players)).toEqual({
      ada,
      eve: {
        ...ada,
        name: 'Eve',
        at: { x: 9, y: 2 },
        items: { sword: { what: 'axe' } },
        tags: ['a', 'b', 'c'],
      },
    })
  })

  test('a nested object, a map and an item of a list', () => {
    const { players, path } = state()
    players['eve'] = { ...ada, at: { x: 5, y: 6 }, items: {} }
    const eve = players['eve']
    eve.at = (players['ada'] as Ada).at
    eve.items = (players['ada'] as Ada).items
    path.push(eve.at)
    eve.at.x = 3
    expect(plainState(players['ada'])).toEqual(ada)
    expect(plainState(eve)).toEqual({ ...ada, at: { x: 3, y: 2 } })
    expect(plainState(path)).toEqual([
      { x: 1, y: 1 },
      { x: 1, y: 2 },
    ])
  })

  test('the same object in two places is refused, with what to write instead', () => {
    const { players } = state()
    expect(() => (players['eve'] = players['ada'] as Ada)).toThrow(/copy it: \{ \.\.\.it \}/)
  })

  test('what is of another class is refused by its fields', () => {
    const { players } = state()
    const wrong = (players['ada'] as Ada).at as never
    expect(() => (players['eve'] = { ...ada, items: { a: wrong } })).toThrow(
      /Expected a declared field of .*, got 'x'/,
    )
  })
})
