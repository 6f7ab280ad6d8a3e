import { framePayload, map, schema, str, uint } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { createReplica } from '../../../client/src/state-replica.ts'
import { createRandom } from '../../src/process/random.ts'
import { Handles } from '../../src/state/tree/handles.ts'
import { compileState, createStateTracker } from '../../src/state/tracker.ts'
import { OWNED, PUBLIC, SECRET } from '../../src/state/tree/tracked.ts'

const Mark = schema({ v: uint(1) })
const Card = schema({ v: uint(1), marks: map(2, Mark) })
const Player = schema({
  name: str(1),
  hand: map(2, Card, { audience: 'owner' }),
  shots: map(3, Mark),
})
const Table = schema({
  players: map(1, Player),
  vault: map(2, Card, { audience: 'nobody' }),
  turn: uint(3),
})
const compiled = compileState(Table)

/** What spectators and player `a` get of a game in which others hide so much. */
function play(seed: number, isHiding: boolean) {
  const player = (name: string) => ({ name, hand: {}, shots: {} })
  const players = { a: player('A'), b: player('B') }
  const tracker = createStateTracker(compiled, { players, vault: {}, turn: 0 })
  const { state } = tracker
  const random = createRandom(seed)
  const hiding = createRandom(seed + 1_000)
  const header = (tick: number) => ({ epoch: 1, tick, at: tick })
  const own = createReplica(Table)
  const frames: string[] = []
  const take = (frame: Uint8Array): void => {
    frames.push(Buffer.from(frame).toString('hex'))
    if (frames.length === 1) own.applyState(framePayload(frame))
    else own.applyPatch(framePayload(frame))
  }
  take(tracker.fullFrame(header(0), 'a'))
  const toggle = (entries: Record<string, unknown>, key: string, value: unknown): void => {
    if (key in entries) delete entries[key]
    else entries[key] = value
  }
  for (let tick = 1; tick <= 40; tick++) {
    state.turn = tick
    const { a, b } = state.players
    if (!a || !b) throw new Error('no players')
    for (let count = random.int(0, 3); count > 0; count--) {
      const key = String(random.int(0, 5))
      if (random.int(0, 1) === 0) toggle(b.shots, key, { v: tick })
      else toggle(a.hand, key, { v: tick, marks: { m: { v: 1 } } })
    }
    for (let count = isHiding ? hiding.int(0, 4) : 0; count > 0; count--) {
      const key = String(hiding.int(0, 5))
      toggle(hiding.int(0, 1) === 0 ? b.hand : state.vault, key, {
        v: tick,
        marks: { m: { v: 2 } },
      })
    }
    const patch = tracker.flushPlayers(header(tick))
    if (!patch) throw new Error('no patch')
    take(patch.ownerFrames.get('a') ?? patch.frame)
    frames.push(Buffer.from(patch.frame).toString('hex'))
  }
  return { frames, seen: own.state }
}

it.each([1, 2, 3, 4, 5])(
  'ST9 no handle tells a player or spectator what others hide (seed %i)',
  (seed) => {
    const open = play(seed, false)
    const hidden = play(seed, true)
    expect(hidden.frames).toEqual(open.frames)
    expect(hidden.seen).toEqual(open.seen)
  },
)

it('ST4 a handle is free again after settle only, and a player who hides nothing keeps no space', () => {
  const handles = new Handles()
  expect([1, 2].map(() => handles.take(PUBLIC, null))).toEqual([1, 2])
  const first = handles.take(OWNED, 'a')
  expect(handles.take(OWNED, 'b')).toBe(first)
  const second = handles.take(OWNED, 'a')
  expect(second).toBe(first + 1)
  expect(handles.take(SECRET, 'a')).toBe(0)
  handles.release(0, SECRET, 'a')
  handles.release(2, PUBLIC, 'a')
  handles.release(first, OWNED, 'a')
  expect(handles.take(PUBLIC, null)).toBe(3)
  expect(handles.take(OWNED, 'a')).toBe(first + 2)
  handles.settle()
  expect(handles.take(PUBLIC, null)).toBe(2)
  expect(handles.take(OWNED, 'a')).toBe(first)
  for (const handle of [first, second, first + 2]) handles.release(handle, OWNED, 'a')
  expect(handles.ownedSpaceCount).toBe(2)
  handles.settle()
  expect(handles.ownedSpaceCount).toBe(1)
})
