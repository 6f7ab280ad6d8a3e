import { describe, expect, it } from 'vitest'
import { createReplica } from '../../../client/src/state-replica.ts'
import { MemoryStore } from '../../src/index.ts'
import type { RoomHandlersOf, RoomOf, RoomSession, Server } from '../../src/index.ts'
import { testGame } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestClient, TestPlayer } from '../support/test-server.ts'

const { state: Camp } = testGame.rooms.camp
type CampRoom = RoomOf<typeof testGame, 'camp'>

/** What a player of the camp sees, from all frames that have come. */
class Reader {
  readonly client: TestClient
  readonly replica = createReplica(Camp)
  fullStates = 0
  #read = 0

  constructor(client: TestClient) {
    this.client = client
  }

  plans(): Record<string, string> {
    for (; this.#read < this.client.frames.length; this.#read++) {
      const { name, payload } = this.client.frames[this.#read] ?? {}
      if (!payload) continue
      if (name === 'state') {
        this.fullStates++
        this.replica.applyState(payload)
      } else if (name === 'patch') this.replica.applyPatch(payload)
    }
    const scouts = Object.values(this.replica.state.scouts)
    return Object.fromEntries(
      scouts.map(({ name, plan, finds }) => [name, [plan, ...Object.keys(finds)].join()]),
    )
  }

  hasGot(text: string): boolean {
    return this.client.frames.some(({ bytes }) => Buffer.from(bytes).includes(text))
  }
}

class Game {
  room: CampRoom | null = null
  readonly #teams: Readonly<Record<string, string | number>>

  constructor(teams: Readonly<Record<string, string | number>>) {
    this.#teams = teams
  }

  get live(): CampRoom {
    if (this.room === null) throw new Error('Expected a room')
    return this.room
  }

  session(name: string): RoomSession {
    for (const session of this.live.sessions.values()) if (session.name === name) return session
    throw new Error(`Expected ${name} in the room`)
  }

  scout(name: string) {
    for (const scout of Object.values(this.live.state.scouts)) if (scout.name === name) return scout
    throw new Error(`Expected a scout ${name}`)
  }

  setUp(changes: Partial<RoomHandlersOf<typeof testGame, 'camp'>> = {}) {
    return (server: Server<typeof testGame>): void => {
      server.room('camp', {
        maxClients: 8,
        onCreate: () => ({ scouts: {}, ticks: 0 }),
        onJoin: (room, session) => {
          this.room = room
          room.state.scouts[session.id] = { name: session.name, plan: '', finds: {} }
          room.setTeam(session, this.#teams[session.name] ?? null)
        },
        onRestore: (room) => void (this.room = room),
        ...changes,
      })
    }
  }
}

async function joinAll(test: TestServer, names: readonly string[]): Promise<TestPlayer[]> {
  const players: TestPlayer[] = []
  for (const name of names) players.push(await test.join(name, 'joinOrCreate/camp'))
  return players
}

describe('teams of a room', () => {
  it('RM13 ST9 members see what is for the team; other teams and spectators get nothing of it', async () => {
    const game = new Game({ Ada: 'red', Bob: 'red', Cid: 7 })
    await using test = await TestServer.start({}, {}, game.setUp())
    const players = await joinAll(test, ['Ada', 'Bob', 'Cid', 'Dan'])
    const [ada, bob, cid, dan] = players.map((player) => new Reader(player))
    expect(game.session('Cid').team).toBe('7')
    expect(game.session('Dan').team).toBeNull()
    game.scout('Ada').plan = 'AMBUSH'
    game.scout('Ada').finds['GOLD'] = { what: 'coin' }
    await test.clock.advanceAsync(500, 5)
    for (const reader of [ada, bob]) expect(reader?.plans()['Ada']).toBe('AMBUSH,GOLD')
    for (const reader of [cid, dan]) {
      expect(reader?.plans()['Ada']).toBe('')
      expect(reader?.hasGot('AMBUSH') || reader?.hasGot('GOLD')).toBe(false)
    }
    const path = `/rooms/${game.live.id}`
    for (const page of ['/state', '/events?limit=1000'])
      expect(JSON.stringify((await test.http('GET', path + page)).body)).not.toMatch(/AMBUSH|GOLD/)
  })

  it('RM13 who changes the team gets one full state; for the others a patch tells it', async () => {
    const game = new Game({ Ada: 'red', Bob: 'red', Cid: 'blue' })
    await using test = await TestServer.start({}, {}, game.setUp())
    const readers = (await joinAll(test, ['Ada', 'Bob', 'Cid'])).map((player) => new Reader(player))
    for (const name of ['Ada', 'Bob', 'Cid']) game.scout(name).plan = `of ${name}`
    game.scout('Ada').finds['GOLD'] = { what: 'coin' }
    await test.clock.advanceAsync(500, 5)
    for (const reader of readers) reader.plans()
    game.live.setTeam(game.session('Ada'), 'blue')
    await test.clock.advanceAsync(500, 5)
    const [ada, bob, cid] = readers.map((reader) => reader.plans())
    expect(ada).toEqual({ Ada: 'of Ada,GOLD', Bob: '', Cid: 'of Cid' })
    expect(bob).toEqual({ Ada: '', Bob: 'of Bob', Cid: '' })
    expect(cid).toEqual({ Ada: 'of Ada,GOLD', Bob: '', Cid: 'of Cid' })
    expect(readers.map((reader) => reader.fullStates)).toEqual([2, 1, 1])
    game.live.setTeam(game.session('Ada'), 'blue')
    await test.clock.advanceAsync(500, 5)
    for (const reader of readers) reader.plans()
    expect(
      readers.map((reader) => reader.fullStates),
      'the same team again',
    ).toEqual([2, 1, 1])
  })

  it('RM13 a player who does not read at the time has the right state once they do', async () => {
    const game = new Game({ Ada: 'red', Bob: 'red' })
    const onTick = (room: CampRoom) => void room.state.ticks++
    await using test = await TestServer.start({ maxBehindMs: 60_000 }, {}, game.setUp({ onTick }))
    const [ada, bob] = await joinAll(test, ['Ada', 'Bob'])
    const reader = new Reader(ada as TestPlayer)
    game.scout('Bob').plan = 'SECRET'
    await test.clock.advanceAsync(200, 5)
    expect(reader.plans()).toEqual({ Ada: '', Bob: 'SECRET' })
    ada?.link.stall()
    await test.clock.advanceAsync(300, 5)
    game.live.setTeam(game.session('Ada'), null)
    game.scout('Bob').plan = 'AFTERWARDS'
    await test.clock.advanceAsync(300, 5)
    ada?.link.resume()
    await test.clock.advanceAsync(300, 5)
    expect(reader.plans()).toEqual({ Ada: '', Bob: '' })
    expect(reader.hasGot('AFTERWARDS')).toBe(false)
    expect(bob?.closed).toBeNull()
  })

  it('RM13 what a player leaves behind nobody sees', async () => {
    const game = new Game({ Ada: 'red', Bob: 'red' })
    await using test = await TestServer.start({}, {}, game.setUp())
    const [ada, bob] = await joinAll(test, ['Ada', 'Bob'])
    const reader = new Reader(bob as TestPlayer)
    const session = game.session('Ada')
    game.scout('Ada').plan = 'AMBUSH'
    await test.clock.advanceAsync(200, 5)
    expect(reader.plans()['Ada']).toBe('AMBUSH')
    ada?.sendSystem('leave', {})
    await test.clock.advanceAsync(200, 5)
    expect(reader.plans()).toEqual({ Ada: '', Bob: '' })
    expect(game.scout('Ada').plan).toBe('AMBUSH')
    game.live.setTeam(session, 'red')
    await test.clock.advanceAsync(200, 5)
    expect(reader.plans()['Ada'], 'a session without a seat is in no team').toBe('')
  })

  it.each([
    ['a clean stop', false],
    ['a crash', true],
  ])('RM13 CL3 after %s everybody is in the team of before', async (_name, isCrash) => {
    const store = new MemoryStore()
    const before = new Game({ Ada: 'red', Bob: 'red', Cid: 'blue' })
    const first = await TestServer.start({ store }, {}, before.setUp())
    const players = await joinAll(first, ['Ada', 'Bob', 'Cid'])
    before.live.setTeam(before.session('Cid'), null)
    before.live.setTeam(before.session('Bob'), 'blue')
    before.live.setTeam(before.session('Ada'), 'blue')
    before.scout('Ada').plan = 'AMBUSH'
    await first.clock.advanceAsync(1_000, 5)
    const tokens = players.map((player) => player.all('joined')[0]?.reconnectToken)
    const roomId = before.live.id
    if (isCrash) await first.crash()
    else await first[Symbol.asyncDispose]()

    const after = new Game({})
    await using second = await TestServer.start({ store, idPrefix: 'b' }, {}, after.setUp())
    const readers: Reader[] = []
    for (const token of tokens) {
      const answer = await second.http('POST', `/matchmake/reconnect/${roomId}`, { token })
      const client = await second.dial()
      client.sendSystem('join', { ticket: (answer.body as { ticket: string }).ticket })
      await second.clock.advanceAsync(5)
      readers.push(new Reader(client))
    }
    expect(['Ada', 'Bob', 'Cid'].map((name) => after.session(name).team)).toEqual([
      'blue',
      'blue',
      null,
    ])
    expect(readers.map((reader) => reader.plans()['Ada'])).toEqual(['AMBUSH', 'AMBUSH', ''])
    after.scout('Ada').plan = 'NEXT'
    await second.clock.advanceAsync(200, 5)
    expect(readers.map((reader) => reader.plans()['Ada'])).toEqual(['NEXT', 'NEXT', ''])
  })

  it('RM34 refuses what may be the id of a session as a team: who is in no team would not be alone', async () => {
    const game = new Game({})
    await using test = await TestServer.start({}, {}, game.setUp())
    const [ada] = await joinAll(test, ['Ada', 'Bob'])
    const { id } = game.session('Ada')
    expect(id).toBe(ada?.seat.sessionId)
    expect(id).toMatch(/^~[0-9a-z]+$/)
    for (const name of [id, '~', `~${'0'.repeat(25)}`])
      expect(() => game.live.setTeam(game.session('Bob'), name)).toThrow(/got the id of a session/)
    expect(game.session('Bob').team).toBeNull()
    game.live.setTeam(game.session('Bob'), id.slice(1))
    expect(game.session('Bob').team).toBe(id.slice(1))
  })

  it.each([
    ['while onLeave awaits', 'stays', 'lives'],
    ['that has left an entry behind', 'leaves', 'lives'],
    ['that had left an entry behind before a restart', 'leaves', 'restarts'],
  ])('RM34 nobody gets what a session has %s by its id', async (_name, how, then) => {
    const store = new MemoryStore()
    const game = new Game({ Red: 'red' })
    const hold = new Promise<void>(() => {})
    const setUp = game.setUp({
      emptyTimeoutMs: null,
      onLeave: () => (how === 'stays' ? hold : undefined),
      commands: {
        hit(room, session, { target }) {
          room.setTeam(session, target)
          return { score: 0 }
        },
      },
    })
    const first = await TestServer.start({ store }, {}, setUp)
    const [ada, red] = await joinAll(first, ['Ada', 'Red'])
    game.scout('Ada').plan = 'PLAN OF ADA'
    game.scout('Red').plan = 'PLAN OF RED'
    game.scout('Ada').finds['GOLD'] = { what: 'FIND OF ADA' }
    await first.clock.advanceAsync(200, 5)
    for (const player of [ada, red]) player?.sendSystem('leave', {})
    await first.clock.advanceAsync(1_000, 5)
    const { id: roomId } = game.live
    if (then === 'restarts') await first[Symbol.asyncDispose]()
    const test =
      then === 'restarts' ? await TestServer.start({ store, idPrefix: 'b' }, {}, setUp) : first
    await using _test = test
    const spy = await test.join('Spy', `joinById/${roomId}`)
    for (const [n, victim] of [ada, red].entries()) {
      spy.ask(n, 'hit', { target: victim?.seat.sessionId ?? '' })
      await test.clock.advanceAsync(500, 5)
      expect(spy.all('error').at(-1)).toMatchObject({ code: 'bad_request', retry: false })
    }
    const reader = new Reader(spy)
    expect(reader.plans()).toMatchObject({ Ada: '', Red: '', Spy: '' })
    expect(reader.hasGot('OF ADA') || reader.hasGot('OF RED')).toBe(false)
    expect(test.logged.filter(({ level }) => level === 'error')).toEqual([])
  })

  it.each(['', 'x'.repeat(65), -1, 0.5, 65_536, NaN, undefined, {}, true])(
    'RM13 refuses the team %j',
    async (team) => {
      const game = new Game({})
      await using test = await TestServer.start({}, {}, game.setUp())
      await joinAll(test, ['Ada'])
      expect(() => game.live.setTeam(game.session('Ada'), team as never)).toThrow(/Expected a team/)
      expect(game.session('Ada').team).toBeNull()
    },
  )
})
