import { PayloadError, framePayload, int, list, map, object, schema, str } from '@ringside/protocol'
import { describe, expect, test } from 'vitest'
import { compileState, createStateTracker } from '../../server/src/state/tracker.ts'
import { EveryKind, RandomValues } from '../../server/test/state/support.ts'
import { createReplica } from '../src/state-replica.ts'

const HEADER = { epoch: 1, tick: 2, at: 3 }

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('a replica', () => {
  const next = random(99)
  const values = new RandomValues(next)
  const tracker = createStateTracker(compileState(EveryKind), values.object(EveryKind) as never)
  const full = framePayload(tracker.fullFrame(HEADER, 'a'))
  tracker.state.loose['a'] = values.object(EveryKind.fields.loose.item as never) as never
  tracker.state.round = 77
  const frames = tracker.flushPlayers(HEADER)
  const patch = framePayload(frames?.frameFor('a') as Uint8Array)

  test('ST10 tells what changed', () => {
    const replica = createReplica(EveryKind)
    const first = replica.applyState(full)
    expect([first.full, first.fields.has('teams'), replica.tick]).toEqual([true, true, 2])
    const { full: isFull, fields, changes } = replica.applyPatch(patch)
    expect([isFull, [...fields].sort()]).toEqual([false, ['loose', 'round']])
    expect(changes).toContainEqual({ kind: 'added', path: ['loose', 'a'], names: [] })
    expect(changes).toContainEqual({ kind: 'changed', path: [], names: ['round'] })
    expect(replica.state.round).toBe(77)
  })

  test('ST10 hostile bytes end in PayloadError and touch no prototype (seed 99)', () => {
    let thrown = 0
    for (let i = 0; i < 4_000; i++) {
      const source = i % 2 === 0 ? full : patch
      const bytes = source.slice(0, i % 5 === 0 ? Math.floor(next() * source.length) : undefined)
      for (let count = Math.floor(next() * 4); count >= 0; count--)
        bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256)
      const replica = createReplica(EveryKind)
      try {
        if (i % 2 === 1) replica.applyState(full)
        if (i % 2 === 0) replica.applyState(bytes)
        else replica.applyPatch(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(PayloadError)
        thrown++
      }
      expect(Object.getPrototypeOf(replica.state.loose)).toBeNull()
    }
    expect(thrown).toBeGreaterThan(500)
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as Record<string, unknown>)['round']).toBeUndefined()
  })

  test('ST10 a bad STATE leaves the state as it was', () => {
    const replica = createReplica(EveryKind)
    replica.applyState(full)
    const before = replica.state
    const copy = structuredClone(before)
    expect(() => replica.applyState(full.subarray(0, full.length - 1))).toThrow(PayloadError)
    expect(replica.state).toBe(before)
    expect(structuredClone(replica.state)).toEqual(copy)
  })

  test('ST10 refuses the key __proto__, unknown parents, wrong columns', () => {
    // created group of class 1 (teams): handles [9], parents [1], parent_field 1, key
    const group = (...rest: number[]) => new Uint8Array([0x52, rest.length, ...rest])
    const replica = createReplica(EveryKind)
    const key = Buffer.from('__proto__')
    expect(() => replica.applyPatch(group(8, 9, 16, 1, 24, 1, 34, 9, ...key))).toThrow(PayloadError)
    expect(() => replica.applyPatch(group(8, 9, 16, 5, 24, 1, 34, 1, 97))).toThrow(PayloadError)
    expect(() => replica.applyPatch(group(8, 1, 16, 1, 24, 1, 34, 1, 97))).toThrow(PayloadError)
    expect(() => replica.applyPatch(group(10, 2, 9, 10, 16, 1, 24, 1, 34, 1, 97))).toThrow(
      PayloadError,
    )
    expect(() => replica.applyPatch(group(8, 9, 16, 1, 24, 1, 34, 1, 97))).not.toThrow()
    expect(Object.keys(replica.state.teams)).toEqual(['a'])
    replica.applyPatch(new Uint8Array([0x20, 9, 0x20, 200, 1]))
    expect(Object.keys(replica.state.teams)).toEqual([])
  })
})

describe('a newer server', () => {
  const Player = schema({ name: str(1), score: int(2) })
  const Known = schema({ players: map(1, Player), round: int(2), home: object(9, Player) })
  const NewPlayer = schema({ ...Player.fields, hp: int(3), notes: list(4, str()) })
  const Newer = schema({
    players: map(1, NewPlayer),
    round: int(2),
    home: object(9, NewPlayer),
    bosses: map(20, schema({ hp: int(1), helpers: map(2, schema({ hp: int(1) })) })),
    weather: object(21, schema({ wind: int(1) })),
    tags: list(22, str()),
    mood: str(23),
  })

  test('CN68 its new fields, maps and objects are skipped, wherever they come', () => {
    const tracker = createStateTracker(compileState(Newer), {
      players: { a: { name: 'Ada', score: 1, hp: 2, notes: ['x'] } },
      round: 1,
      home: { name: 'h', score: 0, hp: 1, notes: [] },
      bosses: { b: { hp: 3, helpers: { c: { hp: 4 } } } },
      weather: { wind: 3 },
      tags: ['t'],
      mood: 'calm',
    })
    const replica = createReplica(Known)
    const known = () => JSON.parse(JSON.stringify(replica.state)) as unknown
    replica.applyState(framePayload(tracker.fullFrame(HEADER, 'a')))
    const home = { name: 'h', score: 0 }
    expect(known()).toEqual({ players: { a: { name: 'Ada', score: 1 } }, round: 1, home })
    const patch = () => {
      const frame = tracker.flushPlayers(HEADER)?.frameFor('a')
      return frame ? replica.applyPatch(framePayload(frame)).changes : []
    }
    const { state } = tracker
    state.bosses['b'] = { hp: 9, helpers: { d: { hp: 1 }, e: { hp: 2 } } }
    state.weather.wind = 5
    expect(patch()).toEqual([])
    const boss = state.bosses['b']
    if (boss) {
      boss.hp = 1
      delete boss.helpers['d']
      boss.helpers['f'] = { hp: 3 }
    }
    const ada = state.players['a']
    if (ada) ada.hp = 7
    state.mood = 'wild'
    state.players['z'] = { name: 'Zoe', score: 5, hp: 1, notes: [] }
    patch()
    delete state.bosses['b']
    delete state.players['a']
    state.round = 2
    patch()
    expect(known()).toEqual({ players: { z: { name: 'Zoe', score: 5 } }, round: 2, home })
  })

  test('CN68 objects of a known class in a place that is not known are seen by nobody', () => {
    const Reused = schema({ ...Known.fields, ghosts: map(3, Player), spare: object(10, Player) })
    const tracker = createStateTracker(compileState(Reused), {
      players: { a: { name: 'Ada', score: 1 } },
      round: 1,
      home: { name: 'h', score: 0 },
      ghosts: { g: { name: 'Boo', score: 9 } },
      spare: { name: 's', score: 0 },
    })
    const replica = createReplica(Known)
    replica.applyState(framePayload(tracker.fullFrame(HEADER, 'a')))
    const { state } = tracker
    const patch = () =>
      replica.applyPatch(framePayload(tracker.flushPlayers(HEADER)?.frameFor('a') as Uint8Array))
    const ghost = state.ghosts['g']
    const ada = state.players['a']
    if (ghost) ghost.score = 8
    if (ada) ada.score = 2
    state.spare.score = 4
    state.ghosts['h'] = { name: 'Hoo', score: 1 }
    expect(patch().changes).toEqual([{ kind: 'changed', path: ['players', 'a'], names: ['score'] }])
    delete state.ghosts['g']
    expect(patch().changes).toEqual([])
    expect(replica.state.players).toEqual({ a: { name: 'Ada', score: 2 } })
    expect(Object.keys(replica.state)).toEqual(['players', 'round', 'home'])
  })
})
