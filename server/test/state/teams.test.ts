import {
  applyMergePatch,
  framePayload,
  int,
  list,
  map,
  object,
  quant,
  schema,
  str,
  uint,
} from '@ringside/protocol'
import type { Json, ScalarItem } from '@ringside/protocol'
import { describe, expect, it, test, vi } from 'vitest'
import { createReplica } from '../../../client/src/state-replica.ts'
import type { StateReplica } from '../../../client/src/state-replica.ts'
import { createRandom } from '../../src/process/random.ts'
import type { PlayerPatch } from '../../src/state/contract.ts'
import {
  compileState,
  createStateTracker,
  plainState,
  restoreStateTracker,
} from '../../src/state/tracker.ts'
import { RandomChanges } from './random-changes.ts'
import { RandomValues, at, publicJson, replicaView } from './support.ts'
import type { Values } from './support.ts'

const team = { audience: 'team' } as const
const owner = { audience: 'owner' } as const
const nobody = { audience: 'nobody' } as const

const Part = schema({ label: str(1), ours: str(2, team), hush: str(3, nobody) })
const Unit = schema({
  at: int(1),
  note: str(2),
  whisper: str(3, owner),
  orders: str(4, team),
  parts: map(5, Part),
  own: map(6, Part, owner),
})
const Card = schema({ face: str(1), shared: str(2, team), parts: map(3, Part) })
const Player = schema({
  name: str(1),
  plan: str(2, team),
  tags: list(3, str(), { ...team, max: 5 }),
  secret: str(4, owner),
  seed: str(5, nobody),
  units: map(6, Unit, team),
  hand: map(7, Card, owner),
  kit: object(8, Unit, team),
  open: map(9, Unit),
  hp: quant(10, { ...team, step: 0.5 }),
})
/** A state with something for a team in every place where it may be. */
const WithTeams = schema({
  players: map(1, Player),
  teams: map(2, schema({ score: int(1), plan: str(2, team), marks: map(3, Part, team) })),
  fog: map(3, Part, team),
  hands: map(4, Card, owner),
  box: object(5, schema({ stashes: map(1, Unit, team), title: str(2) })),
  vault: map(6, Unit, nobody),
  phase: str(7),
})
const compiled = compileState(WithTeams)

const SESSIONS = ['a', 'b', 'c', 'd']
const VIEWERS = [null, ...SESSIONS]
/** One is named as a session: it is that session's while it is in no other. */
const TEAMS = [null, 'red', 'blue', '3', 'a']
const KEYS = [...SESSIONS, 'red', 'blue', 'x']

/** Text that occurs once in a run, so that it can be looked for in bytes. */
class MarkedValues extends RandomValues {
  #marks = 0

  override key(): string {
    return at(KEYS, this.below(KEYS.length))
  }

  override scalar(item: Pick<ScalarItem, 'kind' | 'step'>): unknown {
    if (item.kind !== 'str') return super.scalar(item)
    return this.below(5) === 0 ? '' : `mark${++this.#marks}.`
  }
}

function marksOf(bytes: Uint8Array | string): string[] {
  return (
    Buffer.from(bytes)
      .toString('latin1')
      .match(/mark\d+\./g) ?? []
  )
}

describe('teams under random changes', () => {
  for (let seed = 1; seed <= 12; seed++)
    test(`ST6 ST9 ST12 each viewer gets its projection and not a byte more (seed ${seed})`, () => {
      const run = new Run(seed)
      for (let step = 0; step < 60; step++) run.step()
    })
})

/** One random life of a state whose sessions change teams; a plain model says what each may see. */
class Run {
  readonly #values: MarkedValues
  readonly #changes: RandomChanges
  readonly #model: Values
  #tracker
  #replicas = new Map<string | null, StateReplica>()
  readonly #teams = new Map<string, string>()
  /** Sessions with another set of keys since the last patch. */
  readonly #moved = new Set<string>()
  #publicDocument: Json = null
  #hiddenDocument: Json = null
  #tick = 0

  constructor(seed: number) {
    const random = createRandom(seed)
    this.#values = new MarkedValues(() => random.next())
    this.#changes = new RandomChanges(WithTeams, this.#values)
    this.#model = this.#values.object(WithTeams)
    this.#tracker = createStateTracker(compiled, structuredClone(this.#model) as never)
    this.#readLog()
    this.#joinAll()
  }

  step(): void {
    for (let count = this.#values.below(10); count >= 0; count--) {
      if (this.#values.below(4) === 0) this.#changeTeam()
      else this.#changes.change(this.#tracker.state, this.#model)
    }
    expect(plainState(this.#tracker.state)).toEqual(this.#model)
    this.#flush()
    if (this.#values.below(3) === 0) this.#flushLog()
    if (this.#values.below(30) === 0) this.#restore()
    else if (this.#values.below(12) === 0) this.#joinAll()
    for (const [viewer, replica] of this.#replicas)
      expect(replica.state, String(viewer)).toEqual(this.#viewOf(viewer))
  }

  #changeTeam(): void {
    const session = at(SESSIONS, this.#values.below(SESSIONS.length))
    const name = TEAMS[this.#values.below(TEAMS.length)] ?? null
    if (name === (this.#teams.get(session) ?? null)) return
    if (name === null) this.#teams.delete(session)
    else this.#teams.set(session, name)
    this.#moved.add(session)
    this.#tracker.setGroup('team', session, name)
  }

  #viewOf(viewer: string | null): Values {
    return replicaView(WithTeams, this.#model, { viewer, teams: this.#teams })
  }

  #header() {
    return { epoch: 3, tick: ++this.#tick, at: 1_000_000 + this.#tick }
  }

  #join(viewer: string | null): void {
    const replica = createReplica(WithTeams)
    const frame = this.#tracker.fullFrame(this.#header(), viewer)
    this.#checkBytes(viewer, frame)
    replica.applyState(framePayload(frame))
    this.#replicas.set(viewer, replica)
  }

  #joinAll(): void {
    for (const viewer of VIEWERS) this.#join(viewer)
  }

  #flush(): void {
    const patch = this.#tracker.flushPlayers(this.#header())
    for (const [viewer, replica] of this.#replicas) {
      if (viewer !== null && this.#moved.has(viewer)) this.#join(viewer)
      else if (patch !== null) {
        const frame = viewer === null ? patch.frame : patch.frameFor(viewer)
        this.#checkBytes(viewer, frame)
        replica.applyPatch(framePayload(frame))
      }
    }
    this.#moved.clear()
  }

  /** Whatever text is in the bytes, the viewer may see it now. */
  #checkBytes(viewer: string | null, frame: Uint8Array): void {
    const seen = new Set(marksOf(JSON.stringify(this.#viewOf(viewer))))
    for (const mark of marksOf(frame)) expect(seen.has(mark), `${mark} for ${viewer}`).toBe(true)
  }

  #readLog(): void {
    const { data, hidden } = this.#tracker.fullLog()
    this.#publicDocument = JSON.parse(data) as Json
    this.#hiddenDocument = JSON.parse(hidden as string) as Json
  }

  #flushLog(): void {
    const patch = this.#tracker.flushLog()
    if (patch !== null) {
      this.#publicDocument = applyMergePatch(this.#publicDocument, JSON.parse(patch.data) as Json)
      if (patch.hidden !== null)
        this.#hiddenDocument = applyMergePatch(
          this.#hiddenDocument,
          JSON.parse(patch.hidden) as Json,
        )
      const seen = new Set(marksOf(JSON.stringify(this.#viewOf(null))))
      for (const mark of marksOf(patch.data)) expect(seen.has(mark), mark).toBe(true)
    }
    expect(this.#publicDocument).toEqual(publicJson(WithTeams, this.#model))
    const { data, hidden } = this.#tracker.fullLog()
    expect(JSON.parse(data)).toEqual(this.#publicDocument)
    expect(JSON.parse(hidden as string)).toEqual(this.#hiddenDocument)
  }

  /** As a room does: the teams come from its seats, the state from its documents. */
  #restore(): void {
    this.#flushLog()
    const { data, hidden } = this.#tracker.fullLog()
    this.#tracker = restoreStateTracker(compiled, data, hidden)
    for (const [session, name] of this.#teams) this.#tracker.setGroup('team', session, name)
    expect(this.#tracker.flushPlayers(this.#header())?.frame.length ?? 0).toBeLessThan(32)
    expect(plainState(this.#tracker.state)).toEqual(this.#model)
    this.#joinAll()
  }
}

const HEADER = { epoch: 1, tick: 1, at: 1 }
const Scout = schema({ x: int(1), plan: str(2, team), finds: map(3, schema({ v: uint(1) }), team) })
const Match = schema({
  scouts: map(1, Scout),
  teams: map(2, schema({ score: int(1), orders: str(3, team) })),
})
const match = compileState(Match)

function play(sessions: readonly string[]) {
  const scouts = Object.fromEntries(sessions.map((id) => [id, { x: 0, plan: '', finds: {} }]))
  const orders = { red: { score: 0, orders: '' }, blue: { score: 0, orders: '' } }
  const tracker = createStateTracker(match, { scouts, teams: orders })
  const replicas = new Map<string, StateReplica<typeof Match>>()
  const join = (id: string): void => {
    const replica = createReplica(Match)
    replica.applyState(framePayload(tracker.fullFrame(HEADER, id)))
    replicas.set(id, replica)
  }
  return {
    tracker,
    join,
    scout(id: string) {
      const scout = tracker.state.scouts[id]
      if (!scout) throw new Error(`Expected a scout ${id}`)
      return scout
    },
    team(name: string) {
      const found = tracker.state.teams[name]
      if (!found) throw new Error(`Expected a team ${name}`)
      return found
    },
    /** One patch for everybody; `moved` get a full state, as a room's seats do. */
    flush(moved: readonly string[] = []): PlayerPatch | null {
      const patch = tracker.flushPlayers(HEADER)
      for (const id of sessions)
        if (moved.includes(id) || !replicas.has(id)) join(id)
        else if (patch) replicas.get(id)?.applyPatch(framePayload(patch.frameFor(id)))
      return patch
    },
    /** The plan of `of` and the keys of its finds, as `viewer` has them. */
    seen(viewer: string, of: string) {
      const scout = replicas.get(viewer)?.state.scouts[of]
      return [scout?.plan, Object.keys(scout?.finds ?? {}).join()]
    },
    ordersSeen(viewer: string, name: string) {
      return replicas.get(viewer)?.state.teams[name]?.orders
    },
  }
}

describe('what a team sees', () => {
  it('ST12 an entry belongs to the team of the session that is its key', () => {
    const game = play(['a', 'b', 'c'])
    for (const id of ['a', 'b']) game.tracker.setGroup('team', id, 'red')
    game.tracker.setGroup('team', 'c', 'blue')
    game.flush()
    game.scout('a').plan = 'left'
    game.scout('a').finds['gold'] = { v: 1 }
    game.flush()
    expect(game.seen('a', 'a')).toEqual(['left', 'gold'])
    expect(game.seen('b', 'a')).toEqual(['left', 'gold'])
    expect(game.seen('c', 'a')).toEqual(['', ''])
  })

  it('ST12 an entry whose key is the name of a team is that team’s', () => {
    const game = play(['a', 'b', 'c'])
    game.tracker.setGroup('team', 'a', 'red')
    game.tracker.setGroup('team', 'b', 'blue')
    game.flush()
    game.team('red').orders = 'advance'
    game.flush()
    expect(['a', 'b', 'c'].map((id) => game.ordersSeen(id, 'red'))).toEqual(['advance', '', ''])
  })

  it('ST12 who is in no team is alone in one', () => {
    const game = play(['a', 'b'])
    game.flush()
    game.scout('a').plan = 'wait'
    game.flush()
    expect(game.seen('a', 'a')).toEqual(['wait', ''])
    expect(game.seen('b', 'a')).toEqual(['', ''])
  })

  it('ST12 ST14 who changes the team takes what is theirs along, and their old team is left with nothing', () => {
    const game = play(['a', 'b', 'c'])
    for (const id of ['a', 'b']) game.tracker.setGroup('team', id, 'red')
    game.tracker.setGroup('team', 'c', 'blue')
    game.scout('a').plan = 'left'
    game.scout('a').finds['gold'] = { v: 1 }
    game.scout('b').plan = 'right'
    game.scout('c').plan = 'home'
    game.flush()
    game.tracker.setGroup('team', 'a', 'blue')
    // Written in the same turn: it is for the new team, whichever came first.
    game.scout('a').plan = 'ambush'
    game.scout('a').finds['mine'] = { v: 2 }
    const patch = game.flush(['a'])
    expect(Buffer.from(patch?.frameFor('b') ?? []).toString('latin1')).not.toMatch(/ambush|mine/)
    expect(game.seen('b', 'a')).toEqual(['', ''])
    expect(game.seen('c', 'a')).toEqual(['ambush', 'gold,mine'])
    expect([game.seen('a', 'b')[0], game.seen('a', 'c')[0]]).toEqual(['', 'home'])
    game.scout('a').finds['gate'] = { v: 3 }
    delete game.scout('a').finds['gold']
    game.flush()
    expect(game.seen('c', 'a')).toEqual(['ambush', 'mine,gate'])
    expect(game.seen('b', 'a')).toEqual(['', ''])
  })

  it('ST12 there and back within one turn: nobody is told anything', () => {
    const game = play(['a', 'b'])
    for (const id of ['a', 'b']) game.tracker.setGroup('team', id, 'red')
    game.scout('a').plan = 'left'
    game.scout('a').finds['gold'] = { v: 1 }
    game.flush()
    for (const name of ['blue', null, 'red']) game.tracker.setGroup('team', 'a', name)
    expect(game.flush()).toBeNull()
    expect(game.seen('b', 'a')).toEqual(['left', 'gold'])
  })

  it('ST12 there and back with something new in between: it is for the team of the end', () => {
    const game = play(['a', 'b', 'c'])
    for (const id of ['a', 'b']) game.tracker.setGroup('team', id, 'red')
    game.tracker.setGroup('team', 'c', 'blue')
    game.flush()
    game.tracker.setGroup('team', 'a', 'blue')
    game.scout('a').finds['gold'] = { v: 1 }
    game.tracker.setGroup('team', 'a', 'red')
    game.flush(['a'])
    expect(['a', 'b', 'c'].map((id) => game.seen(id, 'a')[1])).toEqual(['gold', 'gold', ''])
  })

  it('ST12 the part of a team is encoded once, and its members get the same bytes', () => {
    const sessions = Array.from({ length: 20 }, (_, index) => `s${index}`)
    const game = play(sessions)
    for (const [index, id] of sessions.entries())
      game.tracker.setGroup('team', id, index < 18 ? 'red' : 'blue')
    game.flush()
    const columns = match.classes.map((one) => vi.spyOn(one, 'columns'))
    game.scout('s0').plan = 'left'
    game.scout('s18').plan = 'right'
    const patch = game.flush()
    const calls = columns.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
    for (const spy of columns) spy.mockRestore()
    expect(calls, 'one group for red, one for blue').toBe(2)
    const frames = new Set(sessions.map((id) => patch?.frameFor(id)))
    expect(frames.size).toBe(2)
    expect(frames).not.toContain(patch?.frame)
    expect(game.seen('s17', 's0')[0]).toBe('left')
  })

  it('ST12 a session that sees something alone gets its team’s part too', () => {
    const Both = schema({
      players: map(1, schema({ plan: str(1, team), card: str(2, owner), x: int(3) })),
    })
    const tracker = createStateTracker(compileState(Both), {
      players: { a: { plan: '', card: '', x: 0 }, b: { plan: '', card: '', x: 0 } },
    })
    for (const id of ['a', 'b']) tracker.setGroup('team', id, 'red')
    tracker.flushPlayers(HEADER)
    const replica = createReplica(Both)
    replica.applyState(framePayload(tracker.fullFrame(HEADER, 'a')))
    const { a, b } = tracker.state.players
    if (!a || !b) throw new Error('Expected two players')
    Object.assign(a, { plan: 'left', card: 'ace', x: 1 })
    Object.assign(b, { plan: 'right', card: 'king', x: 2 })
    const patch = tracker.flushPlayers(HEADER)
    replica.applyPatch(framePayload(patch?.frameFor('a') ?? new Uint8Array()))
    expect(replica.state.players).toEqual({
      a: { plan: 'left', card: 'ace', x: 1 },
      b: { plan: 'right', card: '', x: 2 },
    })
  })

  it('ST12 the state refuses a field for a team where no key says whose it is', () => {
    expect(() => compileState(schema({ plan: str(1, team) }))).toThrow(/a map around the team's/)
  })
})
