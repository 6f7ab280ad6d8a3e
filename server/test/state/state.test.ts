import {
  bool,
  defineGame,
  describeContract,
  f32,
  framePayload,
  int,
  list,
  map,
  num,
  object,
  printProto,
  quant,
  readCommandId,
  schema,
  str,
  system,
  uint,
} from '@ringside/protocol'
import type { Field } from '@ringside/protocol'
import protobuf from 'protobufjs'
import { describe, expect, test } from 'vitest'
import { createReplica } from '../../../client/src/state-replica.ts'
import { RingsideError } from '../../src/process/errors.ts'
import { JsonWriter } from '../../src/state/encode/json-writer.ts'
import {
  compileState,
  createStateTracker,
  entries,
  plainState,
  sizeOf,
  values,
} from '../../src/state/tracker.ts'
import { EveryKind } from './support.ts'

const HEADER = { epoch: 2, tick: 7, at: 1234.5 }
const Mine = schema({ id: uint(1), x: quant(2, { step: 0.1 }) })
const Item = schema({ amount: int(1) })
const Player = schema({
  name: str(1, { max: 8 }),
  x: quant(2, { step: 0.1 }),
  y: f32(3),
  mines: list(4, Mine, { audience: 'owner', max: 3 }),
  items: map(5, Item, { max: 2 }),
  pos: object(6, schema({ a: f32(1), on: bool(2) })),
  note: str(7, { audience: 'nobody' }),
})
const State = schema({ players: map(1, Player, { max: 3 }), endsAt: num(2), round: uint(3) })
const compiled = compileState(State)

function player(name: string) {
  return { name, x: 1.23, y: 5.1, mines: [], items: {}, pos: { a: 1, on: false }, note: '' }
}

function tracked() {
  const players = { a: player('A'), b: player('B') }
  return createStateTracker(compiled, { players, endsAt: 5, round: 1 })
}

type Loose = Record<string, unknown>

function playerA(tracker: ReturnType<typeof tracked>): Loose {
  const { a } = tracker.state.players
  if (a === undefined) throw new Error('Expected player a')
  return a
}

/** What `change` throws, and that it left nothing to flush. */
function refused(change: (state: Loose, a: Loose) => void): string {
  const tracker = tracked()
  let message = ''
  try {
    change(tracker.state, playerA(tracker))
  } catch (error) {
    expect(error).toBeInstanceOf(RingsideError)
    expect((error as RingsideError).code).toBe('state_invalid')
    message = (error as RingsideError).message
  }
  expect(tracker.flushPlayers(HEADER)).toBeNull()
  expect(tracker.flushLog()).toBeNull()
  return message
}

describe('what cannot be recorded', () => {
  test.each<[string, (state: Loose, a: Loose) => void]>([
    ['an undeclared field', (_, a) => (a['nmae'] = 'x')],
    ['an undeclared field of the root', (state) => (state['foo'] = 1)],
    ['a string for a number', (_, a) => (a['x'] = '1')],
    ['NaN', (_, a) => (a['x'] = NaN)],
    ['infinity after rounding to 32 bits', (_, a) => (a['y'] = 1e39)],
    ['too many steps', (_, a) => (a['x'] = 2 ** 31)],
    ['a fraction for a whole number', (state) => (state['round'] = 1.5)],
    ['a negative uint', (state) => (state['round'] = -1)],
    ['null', (_, a) => (a['name'] = null)],
    ['text that is too long', (_, a) => (a['name'] = '123456789')],
    ['a class instance', (state) => ((state['players'] as Loose)['c'] = new Date())],
    ['a missing field', (state) => ((state['players'] as Loose)['c'] = { name: 'c' })],
    [
      'an object with a field too many',
      (state) => ((state['players'] as Loose)['c'] = { ...player('c'), more: 1 }),
    ],
    ['an object that is in the state', (state, a) => ((state['players'] as Loose)['c'] = a)],
    [
      'an entry too many',
      (state) =>
        (state['players'] = Object.fromEntries('abcd'.split('').map((k) => [k, player(k)]))),
    ],
    ['the key __proto__', (state) => ((state['players'] as Loose)['__proto__'] = player('c'))],
    [
      'the key __proto__ in a parsed object',
      (state) => (state['players'] = JSON.parse(`{"__proto__":${JSON.stringify(player('c'))}}`)),
    ],
    [
      'a key that is too long',
      (state) => ((state['players'] as Loose)['k'.repeat(257)] = player('c')),
    ],
    ['a list that is too long', (_, a) => (a['mines'] = [1, 2, 3, 4].map((id) => ({ id, x: 0 })))],
    ['a wrong item', (_, a) => (a['mines'] as unknown[]).push({ id: 'x', x: 0 })],
    ['a hole in a list', (_, a) => ((a['mines'] as unknown[])[1] = { id: 1, x: 0 })],
    ['an object for a list', (_, a) => (a['mines'] = { length: 0 })],
    ['a wrong value inside a nested object', (_, a) => (a['pos'] = { a: 1, on: 'yes' })],
    [
      'defineProperty on a map',
      (state) => Object.defineProperty(state['players'], 'z', { value: 1 }),
    ],
    ['defineProperty on a list', (_, a) => Object.defineProperty(a['mines'], '0', { value: 1 })],
  ])('ST1 refuses %s and changes nothing', (_title, change) => {
    expect(refused(change)).toMatch(/^(Expected|Players)/)
  })

  test('ST1 the items of a list are frozen', () => {
    const { state } = tracked()
    const mines = state.players['a']?.mines ?? []
    mines.push({ id: 1, x: 2 })
    expect(() => ((mines[0] as Loose)['x'] = 3)).toThrow(TypeError)
  })
})

describe('numbers and text', () => {
  test('ST2 rounds at assignment and knows no -0', () => {
    const { state } = tracked()
    const a = state.players['a'] as ReturnType<typeof player>
    a.x = 1.26
    a.y = 0.1
    expect([a.x, a.y]).toEqual([1.3, Math.fround(0.1)])
    a.x = -0.01
    a.y = -0
    state.endsAt = -0
    expect([a.x, a.y, state.endsAt]).toEqual([0, 0, 0])
    a.name = 'x\ud800'
    expect(a.name).toBe('x\ufffd')
  })

  test('ST2 writes text as JSON, also beyond its first buffer', () => {
    const json = new JsonWriter()
    const text = 'é"\\\n\u0001🎮'.repeat(20_000)
    json.begin()
    json.string(text)
    expect(JSON.parse(json.finish())).toBe(text)
  })
})

describe('what a patch holds', () => {
  test('ST6 nothing changed, or changed to the same: null', () => {
    const tracker = tracked()
    const a = tracker.state.players['a'] as ReturnType<typeof player>
    a.x = 1.2
    tracker.state.round = 1
    expect([tracker.flushPlayers(HEADER), tracker.flushLog()]).toEqual([null, null])
  })

  test('ST9 what nobody sees is in no frame; it is in the hidden document', () => {
    const tracker = tracked()
    ;(tracker.state.players['a'] as ReturnType<typeof player>).note = 'SECRET'
    expect(tracker.flushPlayers(HEADER)).toBeNull()
    expect(tracker.flushLog()).toEqual({
      data: '{}',
      hidden: '{"players":{"a":{"note":"SECRET"}}}',
    })
    for (const viewer of [null, 'a', 'b'])
      expect(Buffer.from(tracker.fullFrame(HEADER, viewer)).includes('SECRET')).toBe(false)
    expect(tracker.fullLog().data).not.toContain('SECRET')
  })

  test("ST9 an owner's change is in their frame alone, and public bytes do not tell of it", () => {
    const tracker = tracked()
    tracker.state.players['b']?.mines.push({ id: 5, x: 1 })
    const patch = tracker.flushPlayers(HEADER)
    expect(patch?.frameFor('a')).toBe(patch?.frame)
    expect(patch?.frameFor('b').length).toBeGreaterThan(patch?.frame.length ?? 0)
    expect(patch?.frame).toHaveLength(4 + 2 + 2 + 9)
    expect(tracker.flushLog()?.data).toBe('{}')
  })

  test('ST7 replacing an entry nulls the keys that the log has of the old one', () => {
    const tracker = tracked()
    const { players } = tracker.state
    const a = players['a'] as ReturnType<typeof player> & {
      items: Record<string, { amount: number }>
    }
    a.items['old'] = { amount: 1 }
    tracker.flushPlayers(HEADER)
    tracker.flushLog()
    a.items['unseen'] = { amount: 2 }
    delete a.items['old']
    players['a'] = { ...player('new'), items: { fresh: { amount: 3 } } }
    tracker.flushPlayers(HEADER)
    const patch = JSON.parse(tracker.flushLog()?.data ?? '') as { players: { a: Loose } }
    expect(patch.players.a['items']).toEqual({ fresh: { amount: 3 }, old: null })
  })

  test('ST7 what came and went between two patches of the log leaves no trace', () => {
    const tracker = tracked()
    delete tracker.state.players['b']
    tracker.flushPlayers(HEADER)
    tracker.flushLog()
    tracker.state.players['c'] = player('c')
    tracker.flushPlayers(HEADER)
    delete tracker.state.players['c']
    expect(tracker.flushPlayers(HEADER)).not.toBeNull()
    expect(tracker.flushLog()).toBeNull()
  })

  test('ST4 a handle is used again only after the patch that removed it', () => {
    const tracker = tracked()
    const replica = createReplica(State)
    replica.applyState(framePayload(tracker.fullFrame(HEADER, null)))
    delete tracker.state.players['a']
    tracker.state.players['a'] = player('again')
    const { frame } = tracker.flushPlayers(HEADER) ?? { frame: new Uint8Array() }
    replica.applyPatch(framePayload(frame))
    // Twice: a created object that is known already, and removals of what is not.
    replica.applyPatch(framePayload(frame))
    expect(Object.keys(replica.state.players)).toEqual(['b', 'a'])
    expect(replica.state.players['a']?.name).toBe('again')
  })

  test('ST3 two builds that declare the same state, each by itself, understand each other', () => {
    const Card = schema({ suit: str(1), value: int(2) })
    const theirs = schema({
      players: map(1, schema({ name: str(1), hand: map(2, Card, { audience: 'owner' }) })),
      trump: object(2, Card),
      round: int(3),
    })
    const CardAgain = schema({ value: int(2), suit: str(1) })
    const ours = schema({
      round: int(3),
      trump: object(2, CardAgain),
      players: map(1, schema({ hand: map(2, CardAgain, { audience: 'owner' }), name: str(1) })),
    })
    const tracker = createStateTracker(compileState(theirs), {
      players: { a: { name: 'Ada', hand: { k: { suit: 'heart', value: 3 } } } },
      trump: { suit: 'club', value: 1 },
      round: 1,
    })
    const replica = createReplica(ours)
    replica.applyState(framePayload(tracker.fullFrame(HEADER, 'a')))
    expect(replica.state).toEqual(plainState(tracker.state))
    const { a } = tracker.state.players
    if (a) a.hand['l'] = { suit: 'spade', value: 9 }
    tracker.state.trump.value = 7
    tracker.state.players['b'] = { name: 'Bob', hand: {} }
    tracker.state.round = 2
    const patch = tracker.flushPlayers(HEADER)
    replica.applyPatch(framePayload(patch?.frameFor('a') ?? new Uint8Array()))
    expect(replica.state).toEqual(plainState(tracker.state))
  })

  test('ST5 frames stay what they were', () => {
    const tracker = tracked()
    const kept: { frame: Uint8Array; copy: Uint8Array }[] = []
    for (let i = 0; i < 3_000; i++) {
      tracker.state.round = i + 10
      tracker.state.players['a'] = player(String(i))
      const frame = tracker.flushPlayers(HEADER)?.frame as Uint8Array
      kept.push({ frame, copy: frame.slice() })
    }
    for (const { frame, copy } of kept) expect(Buffer.compare(frame, copy)).toBe(0)
  })

  test('frames bigger than a slab', () => {
    const Big = schema({ texts: map(1, schema({ text: str(1) })) })
    const big = compileState(Big)
    const tracker = createStateTracker(big, { texts: {} })
    for (let i = 0; i < 50; i++) tracker.state.texts[i] = { text: 'é'.repeat(5_000) + i }
    const replica = createReplica(Big)
    replica.applyPatch(framePayload(tracker.flushPlayers(HEADER)?.frame as Uint8Array))
    expect(replica.state).toEqual(plainState(tracker.state))
    expect(JSON.parse(tracker.flushLog()?.data ?? '')).toEqual(replica.state)
  })

  test('more fields than one word of a mask has bits', () => {
    const fields: Record<string, Field<number>> = {}
    for (let number = 1; number <= 70; number++)
      fields[`f${number}`] = int(number, { audience: number === 40 ? 'owner' : 'public' })
    const Wide = schema({ all: map(1, schema(fields)) })
    const tracker = createStateTracker(compileState(Wide), { all: {} })
    const zeros = Object.fromEntries(Object.keys(fields).map((name) => [name, 0]))
    tracker.state.all['a'] = zeros
    tracker.state.all['b'] = zeros
    const replica = createReplica(Wide)
    replica.applyState(framePayload(tracker.fullFrame(HEADER, 'a')))
    for (let number = 1; number <= 70; number++) {
      tracker.flushPlayers(HEADER)
      tracker.flushLog()
      for (const entry of values(tracker.state.all)) entry[`f${number}`] = number
      const patch = tracker.flushPlayers(HEADER)
      replica.applyPatch(framePayload(patch?.frameFor('a') as Uint8Array))
      expect(replica.state.all['a']).toEqual(plainState(tracker.state.all['a']))
      const log = tracker.flushLog()
      const part = number === 40 ? log?.hidden : log?.data
      expect(JSON.parse(part ?? '')).toEqual({
        all: { a: { [`f${number}`]: number }, b: { [`f${number}`]: number } },
      })
    }
  })
})

test('ST11 protobufjs decodes a patch by the printed .proto', () => {
  const game = defineGame({ rooms: { arena: { state: EveryKind }, small: { state: State } } })
  const { root } = protobuf.parse(printProto(describeContract(game)))
  const Patch = root.lookupType('SmallPatch')
  const tracker = tracked()
  tracker.state.players['c'] = { ...player('C'), items: { gold: { amount: -3 } } }
  tracker.state.players['b']?.mines.push({ id: 5, x: 1.5 })
  const frame = tracker.flushPlayers(HEADER)?.frameFor('b') as Uint8Array
  expect(readCommandId(frame)).toBe(system.patch.id)
  const patch = Patch.toObject(Patch.decode(framePayload(frame)), { longs: Number })
  expect(patch).toMatchObject({ epoch: 2, tick: 7, at: 1234.5 })
  const text = JSON.stringify(patch)
  expect(text).toContain('"name":["C"]')
  expect(text).toContain('"amount":[-3]')
  expect(text).toContain('"mines":[{"items":[{"id":5,"x":15}]}]')
})

test('helpers iterate without the Proxy and take plain objects too', () => {
  const { state } = tracked()
  expect(sizeOf(state.players)).toBe(2)
  expect([...values(state.players)].map((entry) => entry.name)).toEqual(['A', 'B'])
  expect([...entries(state.players)].map(([key]) => key)).toEqual(['a', 'b'])
  expect([...values({ x: 1 }), ...entries({ x: 1 }), sizeOf({ x: 1 })]).toEqual([1, ['x', 1], 1])
  expect('constructor' in state.players).toBe(false)
  expect(state.players['toString']).toBeUndefined()
  expect(Object.keys(state.players)).toEqual(['a', 'b'])
  expect(JSON.parse(JSON.stringify(state))).toEqual(JSON.parse(JSON.stringify(plainState(state))))
})
