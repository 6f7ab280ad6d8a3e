import {
  command,
  contractFingerprint,
  contractText,
  decodeSystem,
  defineGame,
  event,
  int,
  list,
  map,
  object,
  quant,
  schema,
  str,
  textFingerprint,
} from '@ringside/protocol'
import type { GameContract } from '@ringside/protocol'
import { connect } from '../../../client/src/index.ts'
import type { ConnectOptions } from '../../../client/src/index.ts'
import { describe, expect, it } from 'vitest'
import { createServer } from '../../src/index.ts'
import { silentLogger } from '../../src/process/logger.ts'
import { ContractCheck } from '../../src/session/contract-check.ts'
import { startTestServer } from '../../src/testing/index.ts'
import type { RawClient, TestServer } from '../../src/testing/index.ts'

const Player = schema({ name: str(1), score: int(2) })
const hit = command(0x0100, { power: int(1) }, { reply: { score: int(1) } })
const state = schema({ players: map(1, Player), round: int(2) })
const kill = event({ by: str(1) })

const game = defineGame({
  commands: { hit },
  rooms: { arena: { state, events: { kill } } },
})
/** The same game, said in another order. */
const reordered = defineGame({
  rooms: {
    arena: {
      events: { kill: event({ by: str(1) }) },
      state: schema({ round: int(2), players: map(1, schema({ score: int(2), name: str(1) })) }),
    },
  },
  commands: { hit: command(0x0100, { power: int(1) }, { reply: { score: int(1) } }) },
})
/** A score was a text once: the bytes are read as another value. */
const scoreWasText = defineGame({
  commands: { hit },
  rooms: {
    arena: {
      state: schema({ players: map(1, schema({ name: str(1), score: str(2) })), round: int(2) }),
      events: { kill },
    },
  },
})

const Boss = schema({ hp: int(1), helpers: map(2, schema({ hp: int(1) })) })
/** It has more of everything, in places that the game above does not know. */
const grown = defineGame({
  commands: {
    hit: command(
      0x0100,
      { power: int(1), style: int(2) },
      { reply: { score: int(1), rank: int(2) } },
    ),
    dance: command(0x0101, { step: int(1) }),
  },
  rooms: {
    arena: {
      state: schema({
        players: map(1, Player),
        round: int(2),
        ghosts: map(3, Player),
        bosses: map(4, Boss),
        weather: object(5, schema({ wind: int(1) })),
        tags: list(6, str()),
      }),
      events: { kill: event({ by: str(1), whom: str(2) }), fall: event({ at: int(1) }) },
    },
    lobby: { state: schema({ n: int(1) }) },
  },
})

const more = { ghosts: {}, bosses: {}, weather: { wind: 0 }, tags: [] }

type Kit = TestServer<typeof game>

function arenaServer(of: GameContract) {
  return (options: object) => {
    const server = createServer(of as typeof game, options)
    server.room('arena', {
      onCreate: () => ({ players: {}, round: 7, ...(of === grown ? more : {}) }),
      onJoin(room, session) {
        room.state.players[session.id] = { name: session.name, score: -13 }
      },
      onLeave(room, session) {
        delete room.state.players[session.id]
      },
      commands: { hit: (_room, _session, { power }) => ({ score: power, rank: 0 }) as never },
    })
    const own = of.commands['hit'] as typeof hit
    server.command(own, (_session, { power }) => ({ score: power }))
    return server
  }
}

const start = (of: GameContract = game): Promise<Kit> =>
  startTestServer(of as typeof game, arenaServer(of) as never, { seed: 3 }) as never

/** The SDK of somebody who was built with `of`. */
function clientOf<G extends GameContract>(kit: Kit, of: G, options: ConnectOptions = {}) {
  return connect(of, kit.address, { ...kit.link().options, ...options })
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

describe('a client of another contract', () => {
  it('SE40: one whose numbers would be read wrong is refused with what differs', async () => {
    await using kit = await start()
    const refused = await kit.during(failure(clientOf(kit, scoreWasText).create('arena')))
    expect(refused).toMatchObject({ code: 'contract_mismatch', retry: false })
    expect((refused as Error).message).toContain(
      "ArenaState.players.score: type 'string' became 'sint32'",
    )
    expect(kit.server.sessionCount).toBe(0)
  })

  it.each([
    ['the same in another order', reordered],
    ['an older one, of which nothing is gone', game],
  ])('SE40: %s is let in', async (_, of) => {
    await using kit = await start(of === game ? grown : game)
    const room = await kit.during(clientOf(kit, of).create('arena'))
    expect(Object.values(room.state.players)).toMatchObject([{ score: -13 }])
    expect(await kit.during(room.request('hit', { power: 4 }))).toEqual({ score: 4 })
    await kit.during(room.leave())
  })

  it('SE40: a newer one, which has what the server does not have yet, is let in', async () => {
    await using kit = await start()
    const room = await kit.during(clientOf(kit, grown).create('arena'))
    expect(room.state).toMatchObject({ round: 7, bosses: {}, weather: { wind: 0 } })
    await kit.during(room.leave())
  })

  it('SE40: a field that the server has no more is a mismatch', async () => {
    const without = defineGame({
      commands: { hit },
      rooms: { arena: { state: schema({ round: int(2) }), events: { kill } } },
    })
    const server = await startTestServer(without, (options) => {
      const made = createServer(without, options)
      made.room('arena', { onCreate: () => ({ round: 1 }) })
      return made
    })
    await using kit = server
    const refused = kit.during(
      failure(connect(game, kit.address, kit.link().options).create('arena')),
    )
    expect(await refused).toMatchObject({ code: 'contract_mismatch' })
  })

  it.each([
    ['a step', { x: quant(3, { step: 0.1 }) }, [{ x: quant(3, { step: 0.01 }) }, { x: 1 }]],
    ['a name', { x: int(3) }, [{ y: int(3) }, { y: 1 }]],
    [
      'a number',
      { x: int(3), y: int(4) },
      [
        { x: int(4), y: int(3) },
        { x: 1, y: 1 },
      ],
    ],
    ['a list', { x: int(3) }, [{ x: list(3, int()) }, { x: [] }]],
    [
      'the largest size that a reader takes',
      { x: str(3, { max: 4 }) },
      [{ x: str(3, { max: 9 }) }, { x: '' }],
    ],
  ])('SE40: %s that changed is a mismatch', async (_, before, [after = {}, value]) => {
    const of = (fields: object) =>
      defineGame({ rooms: { arena: { state: schema({ round: int(2), ...fields }) } } })
    await using kit = await startTestServer(of(after), (options) => {
      const server = createServer(of(after), options)
      server.room('arena', { onCreate: () => ({ round: 1, ...value }) })
      return server
    })
    const client = connect(of(before), kit.address, kit.link().options)
    const refused = await kit.during(failure(client.create('arena')))
    expect(refused).toMatchObject({ code: 'contract_mismatch', retry: false })
  })

  it('SE41: it is asked once; the verdict is remembered for the next', async () => {
    await using kit = await start()
    for (let n = 0; n < 3; n++) {
      const room = await kit.during(clientOf(kit, grown).create('arena'))
      await kit.during(room.leave())
    }
    const compared = kit.logged.filter(({ message }) => message.includes('Contract'))
    expect(compared).toHaveLength(1)
    const raw = await kit.dial()
    raw.sendSystem('contract', { fingerprint: contractFingerprint(grown) })
    raw.sendSystem('ping', { clientTime: 1 })
    await raw.next('pong')
    expect(raw.count('contractWanted')).toBe(0)
  })

  it('SE41: several that come at once are each asked until the verdict is there', async () => {
    await using kit = await start()
    const rooms = await kit.during(
      Promise.all([1, 2, 3].map(() => clientOf(kit, grown).joinOrCreate('arena'))),
    )
    expect(new Set(rooms.map(({ id }) => id)).size).toBe(1)
    expect(kit.logged.filter(({ message }) => message.includes('Contract'))).toHaveLength(1)
  })

  it('SE41: nobody has the verdict on the fingerprint of another', async () => {
    await using kit = await start()
    const fingerprint = contractFingerprint(grown)
    const thief = await kit.dial()
    thief.sendSystem('contract', { fingerprint })
    await thief.next('contractWanted')
    thief.sendSystem('contract', { fingerprint, text: contractText(scoreWasText) })
    expect(await errorOf(thief)).toMatchObject({ code: 'invalid_payload' })
    const room = await kit.during(clientOf(kit, grown).create('arena'))
    expect(room.status).toBe('connected')
  })

  it('SE41: a text that is none is refused as what cannot be read', async () => {
    await using kit = await start()
    const raw = await kit.dial()
    const text = '[[[[1,"a","int",0,1,0,0,0]]],[],["x"]]'
    raw.sendSystem('contract', { fingerprint: textFingerprint(text) })
    await raw.next('contractWanted')
    raw.sendSystem('contract', { fingerprint: textFingerprint(text), text })
    expect(await errorOf(raw)).toMatchObject({
      code: 'contract_mismatch',
      message: expect.stringContaining('cannot be read'),
    })
    await kit.until(() => raw.closed)
    expect(raw.closed).toMatchObject({ code: 4008 })
  })

  it('SE41: only the newest 1,000 verdicts are remembered, and one that is asked for stays', () => {
    const check = new ContractCheck(game, silentLogger)
    const judged = (text: string): string => {
      expect(check.judge(textFingerprint(text), text)).toContain('cannot be read')
      return textFingerprint(text)
    }
    const [first, second] = [judged('first'), judged('second')]
    for (let n = 0; n < 999; n++) {
      judged(`junk ${n}`)
      expect(check.verdictOn(first)).toContain('cannot be read')
    }
    expect(check.verdictOn(second)).toBeUndefined()
    expect(check.judge(first, 'not its text')).toBeUndefined()
  })

  it('SE42: what is sent before the verdict waits for it, and is handled in order', async () => {
    await using kit = await start()
    const session = await kit.during(clientOf(kit, grown).open())
    const answers = [1, 2, 3].map((power) => session.request('hit', { power, style: 0 }))
    expect(await kit.during(Promise.all(answers))).toEqual([
      { score: 1, rank: 0 },
      { score: 2, rank: 0 },
      { score: 3, rank: 0 },
    ])
  })

  it('SE42: a connection without a room is refused too, before its first command is decoded', async () => {
    const old = defineGame({
      commands: { hit: command(0x0100, { power: str(1) }, { reply: { score: int(1) } }) },
    })
    await using kit = await start()
    const closed: unknown[] = []
    const errors: unknown[] = []
    const refused: unknown[] = []
    const opening = clientOf(kit, old).open()
    const asking = opening.then((session) => {
      session.onClose((info) => closed.push(info))
      session.onError((error) => errors.push(error))
      return failure(session.request('hit', { power: 'x' }))
    })
    refused.push(await kit.during(asking))
    refused.push(await failure((await opening).request('hit', { power: 'x' })))
    for (const error of refused)
      expect(error).toMatchObject({ code: 'contract_mismatch', retry: false })
    expect(closed).toEqual([{ code: 4008, reason: expect.stringContaining('HitCommand.power') }])
    expect(errors).toEqual([])
  })

  it('SE42: one that does not answer is ended after 10 s, one that floods meanwhile at once', async () => {
    await using kit = await start()
    const silent = await kit.dial()
    silent.sendSystem('contract', { fingerprint: 'nobody knows it' })
    await silent.next('contractWanted')
    await kit.advance(12_000)
    expect(silent.closed).toMatchObject({ code: 4005 })
    const loud = await kit.dial()
    loud.sendSystem('contract', { fingerprint: 'nobody knows it' })
    await loud.next('contractWanted')
    for (let n = 0; n < 400; n++) loud.send('hit', { power: n })
    await kit.until(() => loud.closed)
    expect(loud.closed).toMatchObject({ code: 1008 })
  })

  it('SE42: it is asked once on a connection, and a text that nobody wanted is a strike', async () => {
    await using kit = await start()
    const raw = await kit.dial()
    raw.sendSystem('contract', { fingerprint: 'f', text: '[]' })
    expect(await errorOf(raw)).toMatchObject({ code: 'invalid_payload' })
    const fingerprint = contractFingerprint(grown)
    raw.sendSystem('contract', { fingerprint })
    await raw.next('contractWanted')
    raw.sendSystem('contract', { fingerprint, text: contractText(grown) })
    raw.sendSystem('contract', { fingerprint: 'another one' })
    expect(await errorOf(raw)).toMatchObject({ code: 'invalid_payload' })
    for (let n = 0; n < 20; n++) raw.sendSystem('contract', { fingerprint: `another ${n}` })
    await kit.until(() => raw.closed)
    expect(raw.closed).toMatchObject({ code: 1008 })
  })

  it('SE43: a client without a fingerprint passes, as it always did', async () => {
    await using kit = await start()
    const player = await kit.create('arena')
    expect(await player.request('hit', { power: 2 })).toEqual({ score: 2 })
    expect(player.count('contractWanted')).toBe(0)
  })

  it('SE43: with a contract that no client could send, none is compared', async () => {
    await using kit = await startTestServer(game, arenaServer(game) as never, {
      maxPayloadBytes: 64,
    })
    expect(kit.logged).toContainEqual(expect.objectContaining({ level: 'warn' }))
    const player = await kit.dial()
    player.sendSystem('contract', { fingerprint: 'x' })
    player.sendSystem('ping', { clientTime: 1 })
    await player.next('pong')
    expect(player.count('contractWanted')).toBe(0)
  })

  it('CN67: after a deploy that does not fit, coming back ends for good with what differs', async () => {
    const next = defineGame({
      ...game,
      commands: { hit: command(0x0100, { power: str(1) }, { reply: { score: int(1) } }) },
    })
    let version: GameContract = game
    const make = (options: object) => arenaServer(version)(options)
    await using kit = await startTestServer(game, make as never, { seed: 3 })
    const room = await kit.during(clientOf(kit, game, { rejoin: true }).create('arena'))
    const told: unknown[] = []
    room.onStatus((status, info) =>
      told.push({ status, code: info.error?.code, text: info.error?.message }),
    )
    version = next
    await using again = await kit.restart()
    await again.until(() => room.status === 'closed')
    expect(told.at(-1)).toMatchObject({
      status: 'closed',
      code: 'contract_mismatch',
      text: expect.stringContaining("HitCommand.power: type 'sint32' became 'string'"),
    })
  })
})

async function errorOf(client: RawClient) {
  const { bytes } = await client.next('error')
  return decodeSystem('error', bytes)
}
