import { framePayload, map, object, schema, str, uint } from '@ringside/protocol'
import type { Audience, Infer, Schema } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { createReplica } from '../../../client/src/state-replica.ts'
import { createRandom } from '../../src/process/random.ts'
import { compileState } from '../../src/state/codegen/compile.ts'
import type { PatchHeader, PlayerPatch } from '../../src/state/contract.ts'
import { LogEncoder } from '../../src/state/encode/log.ts'
import { PlayersEncoder } from '../../src/state/encode/players.ts'
import { Kinds, audienceKinds } from '../../src/state/projection/kinds.ts'
import type { AudienceKind } from '../../src/state/projection/kinds.ts'
import { Tree } from '../../src/state/tree/tree.ts'

/** A word that no schema of the framework has. */
const word = (text: string): Audience => text as Audience

/** Whoever has been put at the desk sees what is for casters, whosever it is. */
const caster: AudienceKind = {
  within: [],
  handlesFrom: 2 ** 25,
  isShared: true,
  nameFor: () => 'desk',
  nameHeldBy: (sessionId, groups) => groups.get(sessionId) ?? null,
}

/** The third kind with an owner and groups: a team by another name. */
const squad: AudienceKind = { ...audienceKinds.team, handlesFrom: 2 ** 25 }
const owner: AudienceKind = { ...audienceKinds.owner, within: ['team', 'squad'] }

/** One room's state with a table of kinds of its own, and the replicas of some sessions. */
class Game<S extends Schema> {
  readonly state: Infer<S>
  readonly tree: Tree
  readonly #schema: S
  readonly #encoder: PlayersEncoder
  readonly #log: LogEncoder
  readonly #replicas = new Map<string | null, ReturnType<typeof createReplica>>()
  #tick = 0

  constructor(
    declared: S,
    initial: Infer<S>,
    table: { readonly [audience: string]: AudienceKind },
  ) {
    const compiled = compileState(declared, new Kinds(table))
    this.#schema = declared
    this.tree = new Tree(compiled, initial)
    this.state = this.tree.root.$face as unknown as Infer<S>
    this.#encoder = new PlayersEncoder(compiled, this.tree)
    this.#log = new LogEncoder(compiled, this.tree)
  }

  put(audience: string, sessionId: string, group: string | null): void {
    this.tree.audiences.setGroup(audience, sessionId, group)
    this.#replicas.delete(sessionId)
  }

  flush(): PlayerPatch | null {
    return this.#encoder.flush(this.#header())
  }

  /** The states of replicas, by patch for whoever had one before, by a full frame for others. */
  seenBy<K extends string>(sessionIds: readonly K[]): Record<K | 'all', unknown> {
    const patch = this.flush()
    const header = this.#header()
    const seen = [...sessionIds, null].map((id): [string, unknown] => {
      const known = this.#replicas.get(id)
      const replica = known ?? createReplica(this.#schema)
      if (!known) replica.applyState(framePayload(this.#encoder.full(header, id)))
      else if (patch)
        replica.applyPatch(framePayload(id === null ? patch.frame : patch.frameFor(id)))
      this.#replicas.set(id, replica)
      const fresh = createReplica(this.#schema)
      fresh.applyState(framePayload(this.#encoder.full(header, id)))
      expect(replica.state).toEqual(fresh.state)
      return [id ?? 'all', structuredClone(replica.state)]
    })
    return Object.fromEntries(seen) as Record<K | 'all', unknown>
  }

  logged(): string {
    return this.#log.full().data
  }

  #header(): PatchHeader {
    return { epoch: 1, tick: ++this.#tick, at: this.#tick }
  }
}

const forCaster = { audience: word('caster') }
const forOwner = { audience: 'owner' } as const
const Tip = schema({ text: str(1), note: str(2, forOwner) })
const Player = schema({
  name: str(1),
  odds: uint(2, forCaster),
  input: uint(3, forOwner),
  box: object(4, schema({ key: str(1), spied: str(2, forCaster) }), forOwner),
})
const Show = schema({
  players: map(1, Player),
  line: str(2, forCaster),
  tips: map(3, Tip, forCaster),
})

function show(): Game<typeof Show> {
  const player = (name: string) => ({ name, odds: 0, input: 0, box: { key: '', spied: '' } })
  const players = { a: player('A'), b: player('B') }
  const initial = { players, line: '', tips: {} }
  return new Game(Show, initial, { ...audienceKinds, caster })
}

it('ST6 ST9 a third kind is a row and a word: its audience alone sees what is for it', () => {
  const game = show()
  const ids = ['a', 'b', 'c', 'd'] as const
  for (const id of ['c', 'd']) game.put('caster', id, 'desk')
  game.seenBy(ids)
  const { a } = game.state.players
  if (!a) throw new Error('no player')
  game.state.line = 'LINE'
  a.odds = 7
  a.input = 3
  a.box = { key: 'KEY', spied: 'SPIED' }
  game.state.tips['t'] = { text: 'TIP', note: 'NOTE' }
  const seen = game.seenBy(ids)
  const tips = { t: { text: 'TIP', note: '' } }
  const shown = { name: 'A', odds: 7, input: 0, box: { key: '', spied: '' } }
  expect(seen.c).toMatchObject({ line: 'LINE', players: { a: shown }, tips })
  expect(seen.d).toEqual(seen.c)
  // What is for casters inside a place of the owner's is seen by neither: neither kind lies within the other.
  const owned = { name: 'A', odds: 0, input: 3, box: { key: 'KEY', spied: '' } }
  expect(seen.a).toMatchObject({ line: '', players: { a: owned }, tips: {} })
  const open = { line: '', players: { a: { ...owned, input: 0, box: shown.box } }, tips: {} }
  expect(seen.b).toMatchObject(open)
  expect(seen.all).toMatchObject(open)
  expect(game.logged()).not.toMatch(/LINE|KEY|SPIED|TIP|NOTE/)
})

it('ST6 ST9 whoever leaves the audience of a third kind keeps nothing of it, and others do not notice', () => {
  const game = show()
  const ids = ['a', 'c', 'd'] as const
  for (const id of ['c', 'd']) game.put('caster', id, 'desk')
  game.seenBy(ids)
  game.state.tips['t'] = { text: 'TIP', note: '' }
  const before = game.seenBy(ids)
  game.put('caster', 'd', null)
  const after = game.seenBy(ids)
  expect([after.c, after.a]).toEqual([before.c, before.a])
  expect(after.d).toEqual(after.all)
  delete game.state.tips['t']
  expect(game.seenBy(ids).c).toEqual(after.all)
})

it('ST12 a frame has the part of the widest kind first, so that its holders share the bytes', () => {
  const game = show()
  for (const id of ['a', 'c', 'd']) game.put('caster', id, 'desk')
  game.seenBy(['a'])
  const { a } = game.state.players
  if (!a) throw new Error('no player')
  a.odds = 7
  a.input = 3
  const patch = game.flush()
  const [shared, own] = [patch?.frameFor('c'), patch?.frameFor('a')]
  expect(patch?.frameFor('d')).toBe(shared)
  expect(shared?.length).toBeGreaterThan(patch?.frame.length ?? 0)
  expect(own?.length).toBeGreaterThan(shared?.length ?? 0)
  expect(own?.slice(0, shared?.length)).toEqual(shared)
})

/** A life of a state in which one kind of audience has groups that sessions change. */
function live(seed: number, audience: Audience): unknown[] {
  const random = createRandom(seed)
  const own = { audience }
  const Card = schema({ v: uint(1), mine: uint(2, forOwner) })
  const Unit = schema({
    plan: uint(1, own),
    cards: map(2, Card, own),
    hand: map(3, Card, forOwner),
  })
  const table = { public: audienceKinds.public, nobody: audienceKinds.nobody, owner }
  const game = new Game(
    schema({ units: map(1, Unit) }),
    { units: {} },
    { ...table, team: audienceKinds.team, squad },
  )
  const ids = ['a', 'b', 'c', 'd'] as const
  const seen: unknown[] = []
  for (let step = 0; step < 60; step++) {
    for (let count = random.int(0, 5); count > 0; count--) {
      const id = ids[random.int(0, 3)] ?? 'a'
      const key = String(random.int(0, 3))
      const unit = game.state.units[id]
      const kind = random.int(0, 9)
      if (kind < 2)
        game.put(audience, id, kind === 0 ? null : (['red', 'blue'][random.int(0, 1)] ?? null))
      else if (unit === undefined) game.state.units[id] = { plan: step, cards: {}, hand: {} }
      else if (kind === 2) delete game.state.units[id]
      else if (kind === 3) delete unit.cards[key]
      else if (kind === 4) unit.hand[key] = { v: step, mine: step }
      else if (kind < 7) unit.plan = step
      else unit.cards[key] = { v: step, mine: step }
    }
    seen.push(game.seenBy(ids))
  }
  return seen
}

it.each([1, 2, 3, 4, 5])(
  'ST12 ST14 another kind with groups that change does as teams do (seed %i)',
  (seed) => {
    expect(live(seed, word('squad'))).toEqual(live(seed, 'team'))
  },
)

it('ST9 a field for a kind that is in no table is refused, and so is a table without everybody and nobody', () => {
  const declared = schema({ line: str(1, forCaster) })
  expect(() => compileState(declared)).toThrow(/Expected an audience of public.*got 'caster'/)
  const { public: everybody, nobody, team } = audienceKinds
  expect(() => new Kinds({ nobody, public: everybody })).toThrow(/begin with public and nobody/)
  const rows = Array.from({ length: 15 }, (_, index) => [`k${index}`, team])
  expect(() => new Kinds({ public: everybody, nobody, ...Object.fromEntries(rows) })).toThrow(
    /at most 16/,
  )
})
