import {
  command,
  compareContracts,
  defineGame,
  describeContract,
  event,
  int,
  list,
  map,
  object,
  optional,
  quant,
  schema,
  str,
  uint,
} from '@ringside/protocol'
import type { Commands, Fields } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'

const player: Fields = { name: str(1, { max: 24 }), x: quant(2, { step: 0.1 }) }

/** One game, with the parts under test replaced. */
function game(
  change: {
    payload?: Fields
    reply?: Fields | null
    id?: number
    state?: Fields
    events?: Record<string, ReturnType<typeof event>>
    commands?: Commands
  } = {},
) {
  const reply = change.reply === undefined ? { score: int(1) } : change.reply
  const payload = change.payload ?? { target: str(1), power: uint(2) }
  const hit = command(change.id ?? 0x0100, payload, reply ? { reply } : {})
  return describeContract(
    defineGame({
      commands: change.commands ?? { hit },
      rooms: {
        arena: {
          state: schema(change.state ?? { players: map(1, schema(player)), round: uint(2) }),
          events: change.events ?? { kill: event({ by: str(1) }) },
        },
      },
    }),
  )
}

const changesOf = (next: ReturnType<typeof game>): string[] =>
  compareContracts(game(), next)
    // The patch's columns follow from the state, which is looked at here.
    .filter(({ path }) => !path.includes('Patch'))
    .map(({ path, change, breaks }) => `${path}: ${change} [${breaks.join()}]`)

describe('compare', () => {
  it('PR11: nothing breaks between equal contracts', () => {
    expect(compareContracts(game(), game())).toEqual([])
  })

  it('PR11: additions break nobody', () => {
    const added = game({
      payload: { target: str(1), power: uint(2), more: optional(uint(9)) },
      reply: { score: int(1), rank: int(2) },
      state: { players: map(1, schema({ ...player, hp: uint(9) })), round: uint(2), end: uint(3) },
      events: { kill: event({ by: str(1), whom: str(2) }), fall: event({}) },
    })
    expect(changesOf(added)).toEqual([])
  })

  it('PR11: a command that is gone or moved breaks clients', () => {
    expect(changesOf(game({ commands: {} }))).toEqual([
      'HitCommand: removed or renamed [clients]',
      'HitReply: removed or renamed [clients]',
    ])
    expect(changesOf(game({ id: 0x0200 }))).toEqual([
      'HitCommand: id 0x00000100 became 0x00000200 [clients]',
    ])
    expect(changesOf(game({ reply: null }))).toEqual(['HitReply: removed or renamed [clients]'])
  })

  it('PR11: an event or room that is gone breaks clients and logs', () => {
    expect(changesOf(game({ events: {} }))).toEqual([
      'ArenaKillEvent: removed or renamed [clients,logs]',
    ])
  })

  it('PR11: another type, label or step under the same number breaks', () => {
    expect(changesOf(game({ payload: { target: uint(1), power: list(2, uint()) } }))).toEqual([
      "HitCommand.target: type 'string' became 'uint32' [clients]",
      "HitCommand.power: 'single' became 'repeated' [clients]",
    ])
    const finer = schema({ ...player, x: quant(2, { step: 0.01 }) })
    expect(changesOf(game({ state: { players: map(1, finer), round: uint(2) } }))).toEqual([
      'ArenaState.players.x: step 0.1 became 0.01 [clients,logs]',
    ])
    expect(
      changesOf(game({ state: { players: map(1, schema(player)), round: object(2, finer) } })),
    ).toEqual(["ArenaState.round: type 'uint32' became 'Round' [clients,logs]"])
  })

  it('PR11: a name is part of the contract: the log and JSON-RPC go by it', () => {
    expect(changesOf(game({ events: { kill: event({ killer: str(1) }) } }))).toEqual([
      "ArenaKillEvent.by: field 1 renamed to 'killer' [clients,logs]",
    ])
  })

  it('PR11: a field that is gone breaks its old readers; what old clients send is skipped', () => {
    expect(changesOf(game({ payload: { target: str(1) } }))).toEqual([])
    expect(changesOf(game({ reply: {} }))).toEqual(['HitReply.score: field 1 removed [clients]'])
    expect(changesOf(game({ state: { players: map(1, schema(player)) } }))).toEqual([
      'ArenaState.round: field 2 removed [clients,logs]',
    ])
  })

  it('PR11: a lower max refuses what old clients send or old logs hold', () => {
    const short = { target: str(1, { max: 8 }), power: uint(2) }
    expect(changesOf(game({ payload: short }))).toEqual([
      'HitCommand.target: max 65536 lowered to 8 [clients]',
    ])
    const shortName = schema({ ...player, name: str(1, { max: 10 }) })
    expect(changesOf(game({ state: { players: map(1, shortName), round: uint(2) } }))).toEqual([
      'ArenaState.players.name: max 24 lowered to 10 [logs]',
    ])
  })

  it('PR11: a higher max breaks those who read: they take no more than their own contract says', () => {
    const longer = schema({ ...player, name: str(1, { max: 40 }) })
    expect(changesOf(game({ state: { players: map(1, longer), round: uint(2) } }))).toEqual([
      'ArenaState.players.name: max 24 raised to 40 [clients]',
    ])
    const payload = { target: str(1, { max: 70_000 }), power: uint(2) }
    expect(changesOf(game({ payload }))).toEqual([])
  })

  it('PR11: another audience: what the log holds as public or hidden stays where it is', () => {
    const state = { players: map(1, schema(player)), round: uint(2, { audience: 'nobody' }) }
    expect(changesOf(game({ state }))).toEqual([
      "ArenaState.round: audience 'public' became 'nobody' [logs]",
    ])
  })

  it('PR11: from one hidden audience to another nothing moves in the log', () => {
    const withAudience = (audience: 'owner' | 'team' | 'nobody') =>
      game({
        state: {
          players: map(1, schema({ ...player, plan: str(9, { audience }) })),
          round: uint(2),
        },
      })
    for (const audience of ['team', 'nobody'] as const)
      expect(compareContracts(withAudience('owner'), withAudience(audience))).toEqual([])
  })
})
