import { framePayload, map, schema, str, uint } from '@ringside/protocol'
import type { Audience } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { createReplica } from '../../../client/src/state-replica.ts'
import { createRandom } from '../../src/process/random.ts'
import { Handles } from '../../src/state/tree/handles.ts'
import { compileState, createStateTracker } from '../../src/state/tracker.ts'
import { Tree } from '../../src/state/tree/tree.ts'
import { Audiences, EVERYBODY, NOBODY } from '../../src/state/projection/audiences.ts'
import type { Owner } from '../../src/state/projection/audiences.ts'
import { KINDS } from '../../src/state/projection/kinds.ts'

const Mark = schema({ v: uint(1) })
const Card = schema({ v: uint(1), marks: map(2, Mark) })
const Player = schema({
  name: str(1),
  hand: map(2, Card, { audience: 'owner' }),
  shots: map(3, Mark),
  camp: map(4, Card, { audience: 'team' }),
})
const Table = schema({
  players: map(1, Player),
  vault: map(2, Card, { audience: 'nobody' }),
  turn: uint(3),
})
const compiled = compileState(Table)

/** The key of a kind of audience for an owner. */
function keyOf(owner: Owner, audience: Audience): number {
  return owner.keys[KINDS.indexOf(audience)] ?? NOBODY
}

/** What spectators and player `a`, of the red team, get of a game in which others hide so much. */
function play(seed: number, isHiding: boolean) {
  const player = (name: string) => ({ name, hand: {}, shots: {}, camp: {} })
  const players = { a: player('A'), b: player('B'), c: player('C') }
  const tracker = createStateTracker(compiled, { players, vault: {}, turn: 0 })
  const { state } = tracker
  for (const id of ['a', 'b']) tracker.setGroup('team', id, 'red')
  tracker.setGroup('team', 'c', 'blue')
  tracker.flushPlayers({ epoch: 1, tick: 0, at: 0 })
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
    const { a, b, c } = state.players
    if (!a || !b || !c) throw new Error('no players')
    for (let count = random.int(0, 3); count > 0; count--) {
      const key = String(random.int(0, 5))
      const kind = random.int(0, 2)
      if (kind === 0) toggle(b.shots, key, { v: tick })
      else if (kind === 1) toggle(b.camp, key, { v: tick, marks: {} })
      else toggle(a.hand, key, { v: tick, marks: { m: { v: 1 } } })
    }
    for (let count = isHiding ? hiding.int(0, 4) : 0; count > 0; count--) {
      const key = String(hiding.int(0, 5))
      const place = [b.hand, state.vault, c.camp, c.hand][hiding.int(0, 3)] ?? b.hand
      toggle(place, key, { v: tick, marks: { m: { v: 2 } } })
      if (hiding.int(0, 3) === 0)
        tracker.setGroup('team', 'c', hiding.int(0, 1) === 0 ? 'blue' : 'green')
    }
    const patch = tracker.flushPlayers(header(tick))
    if (!patch) throw new Error('no patch')
    take(patch.frameFor('a'))
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

it('ST4 a handle is free again after settle only, and an audience without objects keeps no space', () => {
  const audiences = new Audiences()
  const handles = new Handles()
  const [a, b, red] = [
    keyOf(audiences.hold('a'), 'owner'),
    keyOf(audiences.hold('b'), 'owner'),
    keyOf(audiences.hold('red'), 'team'),
  ]
  expect([1, 2].map(() => handles.take(EVERYBODY))).toEqual([1, 2])
  const first = handles.take(a)
  expect(handles.take(b)).toBe(first)
  const second = handles.take(a)
  expect(second).toBe(first + 1)
  const shared = handles.take(red)
  expect([first, second], 'a member of a team knows both kinds').not.toContain(shared)
  expect(handles.take(NOBODY)).toBe(0)
  handles.release(0, NOBODY)
  handles.release(2, EVERYBODY)
  handles.release(first, a)
  expect(handles.take(EVERYBODY)).toBe(3)
  expect(handles.take(a)).toBe(first + 2)
  handles.settle()
  expect(handles.take(EVERYBODY)).toBe(2)
  expect(handles.take(a)).toBe(first)
  for (const handle of [first, second, first + 2]) handles.release(handle, a)
  expect(handles.hiddenSpaceCount).toBe(3)
  handles.settle()
  expect(handles.hiddenSpaceCount).toBe(2)
})

it('ST4 a key outlives the patch that took its last object away, and is given out again then', () => {
  const audiences = new Audiences()
  const a = audiences.hold('a')
  const key = keyOf(a, 'owner')
  expect(audiences.share(a)).toBe(a)
  audiences.release(a)
  for (let i = 0; i < 3; i++) audiences.settle()
  expect(audiences.heldBy('a')).toEqual([EVERYBODY, key, keyOf(a, 'team')])
  audiences.release(a)
  expect(audiences.hold('a'), 'held again before it was forgotten').toBe(a)
  audiences.release(a)
  audiences.settle()
  expect(audiences.heldBy('a'), 'that patch tells them').toContain(key)
  expect(keyOf(audiences.hold('b'), 'owner')).not.toBe(key)
  const again = audiences.hold('a')
  expect([keyOf(again, 'owner'), again === a], 'a key held again by another owner').toEqual([
    key,
    false,
  ])
  audiences.release(again)
  for (const count of [4, 4, 2]) {
    expect(audiences.count).toBe(count)
    audiences.settle()
  }
  expect(audiences.heldBy('a')).toEqual([EVERYBODY])
  expect(keyOf(audiences.hold('c'), 'owner')).toBe(key)
})

it('ST4 a change of groups makes an owner stale, and one that nobody is left with is forgotten', () => {
  const audiences = new Audiences()
  const before = audiences.hold('a')
  expect(audiences.takeStale()).toBe(false)
  audiences.setGroup('team', 'a', 'red')
  audiences.setGroup('team', 'b', 'red')
  expect([before.isStale, audiences.takeStale(), audiences.takeStale()]).toEqual([
    true,
    true,
    false,
  ])
  const now = audiences.hold('a')
  expect(keyOf(now, 'owner')).toBe(keyOf(before, 'owner'))
  expect(keyOf(now, 'team')).not.toBe(keyOf(before, 'team'))
  expect(audiences.heldBy('b')).toEqual([EVERYBODY, keyOf(now, 'team')])
  expect(audiences.count).toBe(3)
  audiences.release(before)
  audiences.settle()
  audiences.settle()
  expect(audiences.count).toBe(2)
  expect(audiences.hold('a')).toBe(now)
})

it('ST4 what has come and gone leaves no key and no handle behind', () => {
  const tree = new Tree(compiled, { players: {}, vault: {}, turn: 0 })
  const root = tree.root.$face as unknown as { players: Record<string, unknown> }
  for (let round = 0; round < 3; round++) {
    const card = { v: 1, marks: { m: { v: 1 } } }
    root.players['a'] = { name: 'A', hand: { k: card }, shots: {}, camp: { k: card } }
    expect(tree.audiences.count, 'of the session and its team').toBe(2)
    tree.settleNew()
    tree.audiences.setGroup('team', 'a', round === 1 ? 'red' : null)
    tree.moveOwned()
    expect(tree.removals.length, 'what is below goes with it').toBe(round === 0 ? 0 : 1)
    tree.settleNew()
    tree.settleNew()
    expect(tree.audiences.count).toBe(2)
    delete root.players['a']
    tree.settleNew()
    expect(tree.audiences.count, 'told by this patch').toBe(2)
    tree.settleNew()
    expect(tree.audiences.count).toBe(0)
  }
})

it('ST4 a team gives the same handles again after those of its members have come and gone', () => {
  const player = (name: string) => ({ name, hand: {}, shots: {}, camp: {} })
  const a = { ...player('A'), camp: { k: { v: 1, marks: { m: { v: 1 } } } } }
  const players = { a, b: player('B') }
  const tracker = createStateTracker(compiled, { players, vault: {}, turn: 0 })
  const header = { epoch: 1, tick: 1, at: 1 }
  const seenBy = (sessionId: string): string => {
    tracker.flushPlayers(header)
    return Buffer.from(tracker.fullFrame(header, sessionId)).toString('hex')
  }
  for (const id of ['a', 'b']) tracker.setGroup('team', id, 'red')
  const before = seenBy('b')
  for (let round = 0; round < 3; round++) {
    tracker.setGroup('team', 'a', 'blue')
    expect(seenBy('b')).not.toBe(before)
    tracker.setGroup('team', 'a', 'red')
    expect(seenBy('b')).toBe(before)
  }
})
