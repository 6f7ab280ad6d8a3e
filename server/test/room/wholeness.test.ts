import { afterEach, describe, expect, it, vi } from 'vitest'
import { SendResult } from '../../src/transport/contract.ts'
import { MemoryConnection } from '../../src/transport/memory/socket.ts'
import { MemoryStore, createRandom, plainState } from '../../src/index.ts'
import type { Random, RingsideError } from '../../src/index.ts'
import type { LogStore, Snapshot } from '../../src/outbox/contract/store.ts'
import { World, hostOf } from '../host/world.ts'
import { overrideStore } from '../outbox/support.ts'
import type { ArenaHandlers } from '../support/test-game.ts'
import { TestServer } from '../support/test-server.ts'
import type { TestPlayer } from '../support/test-server.ts'
import { eventsOf, fold } from './log-fold.ts'
import { Reader } from './reader.ts'
import type { ArenaState } from './reader.ts'

type ArenaRoom = Parameters<NonNullable<ArenaHandlers['onTick']>>[0]

const still = { onTick: () => {} }

function isOver(error: unknown): boolean {
  const { code } = error as { readonly code?: string }
  return code === 'room_over' || code === 'room_released'
}

describe('the end of a room', () => {
  it('OB24 OB92 what onLeave writes when the room ends is in the log, all of it', async () => {
    const store = new MemoryStore()
    let last: unknown = null
    await using test = await TestServer.start(
      { store },
      {
        ...still,
        onLeave(room, session) {
          const player = room.state.players[session.id]
          if (player) player.score = 7
          room.state.note = `${session.name} went`
          room.state.players['ranking'] = { name: session.name, score: 1, mines: [{ x: 2 }] }
          if (session.name === 'Bob') delete room.state.players[session.id]
        },
        onDispose: (room) => void (last = plainState(room.state)),
      },
    )
    const ada = await test.join('Ada')
    const bob = await test.join('Bob')
    ada.ask(1, 'finish', {})
    await test.clock.advanceAsync(500, 5)
    const events = await eventsOf(store, ada.seat.roomId)
    const { state } = fold(events)
    expect(state).toEqual(last)
    expect(state).toMatchObject({
      note: 'Bob went',
      players: { [ada.seat.sessionId]: { score: 7 }, ranking: { name: 'Bob', mines: [{ x: 2 }] } },
    })
    expect(Object.keys((state as { players: object }).players)).not.toContain(bob.seat.sessionId)
    expect(events.slice(-4).map(({ type }) => type)).toEqual(['patch', 'left', 'left', 'end'])
  })

  it('OB92 what onDispose writes and emits is in the log before the end, all of it', async () => {
    const store = new MemoryStore()
    await using test = await TestServer.start(
      { store },
      {
        ...still,
        onDispose(room) {
          room.state.note = 'closed'
          room.state.players['ranking'] = { name: 'x', score: 1, mines: [] }
          room.emit('kill', { by: 'the', whom: 'end' })
        },
      },
    )
    const ada = await test.join('Ada')
    ada.ask(1, 'finish', {})
    await test.clock.advanceAsync(500, 5)
    const events = await eventsOf(store, ada.seat.roomId)
    expect(fold(events).state).toMatchObject({ note: 'closed', players: { ranking: { score: 1 } } })
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['kill', 'end'])
  })

  it('OB92 what onDispose writes when the server closes is what the next owner begins with, or throws', async () => {
    const store = new MemoryStore()
    let hasThrown = false
    const first = await TestServer.start(
      { store },
      {
        ...still,
        onDispose(room) {
          try {
            room.state.note = 'closed'
            room.state.players['ranking'] = { name: 'x', score: 1, mines: [{ x: 1 }] }
          } catch {
            hasThrown = true
          }
        },
      },
    )
    await first.join('Ada')
    await first[Symbol.asyncDispose]()
    let found: ArenaState | null = null
    await using _second = await TestServer.start(
      { store, idPrefix: 'b' },
      { ...still, onRestore: (room) => void (found = plainState(room.state)) },
    )
    const { note, players } = found as unknown as ArenaState
    expect([note === 'closed', players['ranking'] !== undefined]).toEqual([!hasThrown, !hasThrown])
  })

  it('OB92 an event after the end is refused at its line, not lost', async () => {
    const codes: string[] = []
    let late = (): void => {}
    await using test = await TestServer.start(
      {},
      {
        ...still,
        onJoin(room) {
          late = () => {
            for (const atOnce of [false, true])
              try {
                room.emit('kill', { by: 'a', whom: 'b' }, { atOnce })
              } catch (error) {
                codes.push((error as RingsideError).code)
              }
          }
        },
      },
    )
    const ada = await test.join('Ada')
    ada.ask(1, 'finish', {})
    await test.clock.advanceAsync(500, 5)
    late()
    expect(codes).toHaveLength(2)
    for (const code of codes) expect(isOver({ code })).toBe(true)
  })
})

/** One socket drops the first frame with this text: its session is closed as slow while it is sent to. */
function dropFrame(text: string): void {
  const { send } = MemoryConnection.prototype
  let isDropped = false
  vi.spyOn(MemoryConnection.prototype, 'send').mockImplementation(function (
    this: MemoryConnection,
    frame: Uint8Array,
  ) {
    if (isDropped || !Buffer.from(frame).includes(text)) return send.call(this, frame)
    isDropped = true
    return SendResult.dropped
  })
}

describe('one instant', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('OB24 what a hook writes while a patch is being sent comes with the next, to players and log alike', async () => {
    const store = new MemoryStore()
    let state: ArenaState | null = null
    await using test = await TestServer.start(
      { store },
      {
        onTick(room) {
          ;({ state } = room)
          if (room.tick === 20) room.state.note = 'x'.repeat(60_000)
          if (room.tick === 24) room.state.note = 'y'.repeat(60_000)
        },
        // Ada is closed in the middle of the second patch.
        onDrop(room, session) {
          const player = room.state.players[session.id]
          if (player) player.score = 99
          room.state.dice = 6
          room.state.note = 'z'
          room.state.players['ghost'] = { name: 'ghost', score: 1, mines: [] }
          room.emit('kill', { by: 'slow', whom: session.id })
          void room.durable()
        },
      },
    )
    const ada = await test.join('Ada')
    const bob = new Reader(await test.join('Bob'))
    dropFrame('yyyy')
    await test.clock.advanceAsync(1_500, 5)
    if (!state) throw new Error('Expected a state')
    expect(plainState<ArenaState>(state)).toMatchObject({
      note: 'z',
      dice: 6,
      players: { ghost: { score: 1 } },
    })
    bob.expectEqual(state)
    expect(fold(await eventsOf(store, ada.seat.roomId)).state).toEqual(plainState(state))
  })

  it('OB24 what a hook writes while the last patch before a release is sent is not missed by those who stay', async () => {
    let state: ArenaState | null = null
    let isOn = false
    await using world = await World.of(1, {
      onTick(room) {
        ;({ state } = room)
        if (isOn) room.state.note = 'x'.repeat(60_000)
        isOn = false
      },
      onDrain: (room) => void (room.state.note = 'y'.repeat(60_000)),
      onDrop(room) {
        room.state.note = 'z'
        room.state.players['ghost'] = { name: 'ghost', score: 1, mines: [] }
      },
    })
    const first = world.at(0)
    const ada = await first.join('Ada')
    const bob = new Reader(await first.join('Bob', `joinById/${ada.seat.roomId}`))
    dropFrame('yyyy')
    isOn = true
    await world.pass(300)
    world.isAway = true
    const fate = hostOf(first)
      .release(ada.seat.roomId)
      .catch((error: unknown) => (error as RingsideError).code)
    await world.pass(16_000)
    expect(await fate).toBe('unavailable')
    world.isAway = false
    await world.pass(3_000)
    if (!state) throw new Error('Expected a state')
    expect(plainState<ArenaState>(state).players['ghost']).toBeDefined()
    bob.expectEqual(state)
    expect(fold(await eventsOf(world.store, ada.seat.roomId)).state).toEqual(plainState(state))
  })
})

describe('events', () => {
  const emitting = {
    ...still,
    commands: {
      hit(room: ArenaRoom) {
        room.state.note = 'hit'
        room.emit('kill', { by: 'held', whom: 'x' })
        room.emit('kill', { by: 'ahead', whom: 'x' }, { atOnce: true })
        return { score: 1 }
      },
    },
  }

  it('RM17 an event follows the patch of its turn, to the players and in the log; atOnce goes ahead', async () => {
    const store = new MemoryStore()
    await using test = await TestServer.start({ store }, emitting)
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(500, 5)
    const before = ada.frames.length
    const written = (await eventsOf(store, ada.seat.roomId)).length
    ada.ask(1, 'hit', { target: 'x' })
    await test.clock.advanceAsync(200, 5)
    expect(ada.frames.slice(before).map(({ name }) => name)).toEqual([
      'event',
      'reply',
      'patch',
      'event',
    ])
    expect(ada.all('event').map(({ name }) => name)).toEqual(['kill', 'kill'])
    const events = (await eventsOf(store, ada.seat.roomId)).slice(written)
    expect(events.map(({ type, data }) => (type === 'patch' ? type : JSON.parse(data).by))).toEqual(
      ['ahead', 'patch', 'held'],
    )
  })

  it('RM17 an event brings the patch of the log forward to that of the players', async () => {
    const store = new MemoryStore()
    await using test = await TestServer.start({ store }, { ...emitting, logHz: 0.1 })
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(500, 5)
    ada.ask(1, 'hit', { target: 'x' })
    await test.clock.advanceAsync(100, 5)
    const events = await eventsOf(store, ada.seat.roomId)
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['patch', 'kill'])
  })

  it('RM33 what onJoin sends and emits reaches the player after JOINED and STATE', async () => {
    await using test = await TestServer.start(
      {},
      {
        ...still,
        onJoin(room, session) {
          room.emit('kill', { by: session.id, whom: 'x' })
          session.send(0x0100, new Uint8Array([1]))
          room.broadcast(0x0101, new Uint8Array([2]), { to: [session.id] })
          room.broadcast(0x0102, new Uint8Array([3]), { afterPatch: true })
        },
      },
    )
    const ada = await test.join('Ada')
    expect(ada.frames.map(({ name, id }) => name ?? id)).toEqual([
      'joined',
      'state',
      0x0100,
      0x0101,
      'event',
      0x0102,
    ])
  })
})

/** Random game code: every hook may write, emit, kick, end; some are async. */
class Chaos {
  readonly random: Random
  state: ArenaState | null = null
  last: unknown = null
  endAfterTicks: number
  isStill = false

  constructor(seed: number) {
    this.random = createRandom(seed)
    this.endAfterTicks = this.random.int(10, 90)
  }

  /** Writes to a room that is over are refused; all else that throws is a fault. */
  act(room: ArenaRoom): void {
    try {
      this.#act(room)
    } catch (error) {
      if (!isOver(error)) throw error
    }
  }

  #act(room: ArenaRoom): void {
    const { random } = this
    this.state = room.state
    const { players } = room.state
    for (let left = random.int(0, 4); left > 0; left--) {
      const key = `p${random.int(0, 5)}`
      const player = players[key]
      switch (random.int(0, 9)) {
        case 0:
        case 1:
          players[key] = { name: key, score: random.int(0, 9), mines: [] }
          break
        case 2:
          delete players[key]
          break
        case 3:
        case 4:
          if (player) player.score = random.int(0, 9)
          break
        case 5:
          if (player) player.mines = [{ x: random.int(0, 9) }]
          break
        case 6:
          room.state.note = `${'n'.repeat(random.int(0, 1) * 30_000)}${random.int(0, 9)}`
          break
        case 7:
          room.emit('kill', { by: key, whom: 'x' }, { atOnce: random.int(0, 2) === 0 })
          break
        case 8:
          room.durable().catch(() => {})
          break
        default:
          room.after(random.int(0, 200), () => this.act(room))
      }
    }
    if (random.int(0, 30) === 0) [...room.sessions.values()][0]?.kick()
  }

  async maybeLater(room: ArenaRoom, finish: () => void): Promise<void> {
    this.act(room)
    for (let turns = this.random.int(0, 3); turns > 0; turns--) await Promise.resolve()
    try {
      finish()
      this.act(room)
    } catch (error) {
      if (!isOver(error)) throw error
    }
  }

  handlers(): Partial<ArenaHandlers> {
    const isAsync = this.random.int(0, 1) === 0
    return {
      maxClients: 8,
      reconnectGraceMs: 200,
      onJoin: (room, session) => {
        const finish = (): void => {
          room.state.players[session.id] = { name: session.name, score: 0, mines: [{ x: 1 }] }
        }
        if (isAsync) return this.maybeLater(room, finish)
        finish()
        return this.act(room)
      },
      onLeave: (room, session) => {
        const finish = (): void => {
          delete room.state.players[session.id]
        }
        // At the end of the room an async one would write too late: that is refused, or is tested apart.
        finish()
        return this.act(room)
      },
      onDrop: (room) => this.act(room),
      onReconnect: (room) => this.act(room),
      onTick: (room) => {
        this.state = room.state
        if (this.isStill) return
        if (this.random.int(0, 2) === 0) this.act(room)
        if (room.tick > this.endAfterTicks) room.end()
      },
      onDrain: (room) => this.act(room),
      onDispose: (room) => {
        this.act(room)
        this.last = plainState(room.state)
      },
    }
  }
}

/** A store that can be away, and keeps a copy of every snapshot that it was given. */
function watchedStore(): {
  store: LogStore
  snapshots: Snapshot[]
  weather: { isAway: boolean }
} {
  const inner = new MemoryStore()
  const snapshots: Snapshot[] = []
  const weather = { isAway: false }
  const store = overrideStore(inner, {
    events: {
      insert: async (events) =>
        weather.isAway
          ? { kind: 'unknown', cause: new Error('away') }
          : inner.events.insert(events),
    },
    snapshots: {
      save: (snapshot) => {
        snapshots.push(snapshot)
        return inner.snapshots.save(snapshot)
      },
    },
  })
  return { store, snapshots, weather }
}

describe('OB24 whatever game code does, and when', () => {
  for (let seed = 1; seed <= 40; seed++)
    it(`OB24 log, snapshots and players agree with the state (seed ${seed})`, async () => {
      const chaos = new Chaos(seed)
      const { random } = chaos
      const { store, snapshots, weather } = watchedStore()
      const sockets = { maxQueuedBytes: 90_000, maxBehindMs: 60_000 }
      const limits = { snapshotEvery: 5, maxPendingEvents: 12, maxOutboxLagMs: 500, ...sockets }
      const test = await TestServer.start({ store, ...limits }, chaos.handlers())
      const players: TestPlayer[] = [await test.join('Ada')]
      const roomId = players[0]?.seat.roomId ?? ''
      for (let step = 0; step < 12 && test.server.rooms.length > 0; step++) {
        await test.clock.advanceAsync(random.int(1, 300), random.int(1, 20))
        const player = players[random.int(0, players.length - 1)]
        const what = random.int(0, 4)
        weather.isAway = random.int(0, 3) === 0
        if (what === 0) player?.link.cut()
        else if (what === 1) player?.link.stall()
        else if (what === 2) player?.link.resume()
        else if (test.server.rooms.length > 0 && players.length < 8)
          await test.join('Eve', `joinById/${roomId}`).then(
            (joined) => players.push(joined),
            () => {},
          )
      }
      weather.isAway = false
      if (chaos.last === null && random.int(0, 1) === 0) {
        chaos.isStill = true
        for (const player of players) player.link.resume()
        await test.clock.advanceAsync(1_000, 5)
      }
      if (chaos.last === null && chaos.state && chaos.isStill) {
        for (const player of players) {
          if (player.closed || !test.server.rooms[0]) continue
          new Reader(player).expectEqual(chaos.state, `replica, seed ${seed}`)
        }
      }
      await test[Symbol.asyncDispose]()
      const events = await eventsOf(store, roomId)
      expect(fold(events).state).toEqual(chaos.last)
      expect(snapshots.length).toBeGreaterThan(0)
      for (const { n, publicState, hiddenState } of snapshots) {
        const at = fold(events, n)
        expect(at.n).toBe(n)
        expect(JSON.parse(publicState), `public at ${n}`).toEqual(at.publicState)
        const hidden = { '~seats': {}, ...(at.hiddenState as object) }
        expect(JSON.parse(hiddenState ?? '{}'), `hidden at ${n}`).toEqual(hidden)
      }
      // Whoever came has joined once, and left once if they are gone.
      const told = (type: string): string[] =>
        events.filter((event) => event.type === type).map(({ data }) => JSON.parse(data).sessionId)
      expect(new Set(told('joined')).size).toBe(told('joined').length)
      const gone = told('joined').filter((id) => !told('left').includes(id))
      expect(gone.sort()).toEqual(Object.keys(fold(events).seats).sort())
      expect(test.logged.filter(({ level }) => level === 'error')).toEqual([])
    })
})
