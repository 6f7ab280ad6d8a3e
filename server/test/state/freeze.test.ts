import { map, list, object, schema, str, uint } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { compileState, createStateTracker, plainState } from '../../src/state/tracker.ts'

const Item = schema({ name: str(1), tags: list(2, str()) })
const Shape = schema({
  phase: str(1),
  round: uint(2),
  items: map(3, Item),
  names: list(4, str()),
  box: object(5, schema({ width: uint(1) })),
})
const compiled = compileState(Shape)
const header = { epoch: 1, tick: 1, at: 1 }

function tracked() {
  const tracker = createStateTracker(compiled, {
    phase: 'a',
    round: 1,
    items: { one: { name: 'One', tags: ['x'] } },
    names: ['b', 'a'],
    box: { width: 1 },
  })
  const flush = (): void => {
    tracker.flushPlayers(header)
    tracker.flushLog()
  }
  return { tracker, state: tracker.state, flush }
}

type State = ReturnType<typeof tracked>['state']

const writes: { readonly [what: string]: (state: State) => void } = {
  'a field': (state) => (state.phase = 'b'),
  'a number': (state) => state.round++,
  'a field of an entry': ({ items }) => void (items['one'] && (items['one'].name = 'Two')),
  'a new entry': ({ items }) => (items['two'] = { name: 'Two', tags: [] }),
  'an entry replaced': ({ items }) => (items['one'] = { name: 'Two', tags: [] }),
  'an entry removed': ({ items }) => delete items['one'],
  'a map replaced': (state) => (state.items = {}),
  'a list replaced': (state) => (state.names = []),
  'an item set': ({ names }) => (names[0] = 'c'),
  'an item pushed': ({ names }) => void names.push('c'),
  'an item popped': ({ names }) => void names.pop(),
  'a list sorted': ({ names }) => void names.sort(),
  'a list cut': ({ names }) => (names.length = 0),
  'an item deleted': ({ names }) => Reflect.deleteProperty(names, 1),
  'a list of an entry': ({ items }) => void items['one']?.tags.push('y'),
  'a nested object': (state) => (state.box = { width: 2 }),
  'a field of it': ({ box }) => (box.width = 2),
}

const kinds = Object.entries(writes).map(([what, write]) => ({ what, write }))

describe('ST13 a frozen state', () => {
  it.each(kinds)('ST13 throws at the line that writes $what, and nothing changes', ({ write }) => {
    const { tracker, state, flush } = tracked()
    // Once also where something is queued that no patch will ever have.
    for (const prepare of [flush, () => void (state.round = 7)]) {
      prepare()
      tracker.freeze()
      const before = JSON.stringify(plainState(state))
      for (let time = 0; time < 3; time++)
        expect(() => write(state)).toThrow(expect.objectContaining({ code: 'room_released' }))
      expect(JSON.stringify(plainState(state))).toBe(before)
      expect(tracker.flushPlayers(header)).toBeNull()
      expect(tracker.flushLog()).toBeNull()
      tracker.thaw()
    }
  })

  it.each(kinds)('ST13 thawed, it takes $what, and both patches have it', ({ write }) => {
    const { tracker, state, flush } = tracked()
    flush()
    tracker.freeze()
    expect(() => write(state)).toThrow(/not run here/)
    tracker.thaw()
    const before = JSON.stringify(plainState(state))
    write(state)
    expect(JSON.stringify(plainState(state))).not.toBe(before)
    expect(tracker.flushPlayers(header)).not.toBeNull()
    expect(tracker.flushLog()).not.toBeNull()
    const { data } = tracker.fullLog()
    expect(JSON.parse(data)).toEqual(JSON.parse(JSON.stringify(plainState(state))))
  })

  it('ST13 what was taken out of it before goes on as a plain object', () => {
    const { tracker, state, flush } = tracked()
    const one = state.items['one']
    delete state.items['one']
    flush()
    tracker.freeze()
    if (one) one.name = 'Free'
    one?.tags.push('y')
    expect(plainState(one)).toEqual({ name: 'Free', tags: ['x', 'y'] })
  })

  it('ST13 reading it, and writing what it is already, is no write', () => {
    const { tracker, state, flush } = tracked()
    flush()
    tracker.freeze()
    state.phase = 'a'
    state.box.width = 1
    expect(state.names[0]).toBe('b')
    expect(tracker.fullLog().data).toContain('"phase":"a"')
  })

  it('ST13 other states of the same schema go on', () => {
    const [first, second] = [tracked(), tracked()]
    first.flush()
    second.flush()
    first.tracker.freeze()
    second.state.round = 9
    second.tracker.flushPlayers(header)
    expect(second.tracker.flushLog()?.data).toBe('{"round":9}')
  })
})
