import { command, defineGame, event, int, map, schema, str, system } from '@ringside/protocol'
import { connect } from '@ringside/client'
import { describe, expect, test, vi } from 'vitest'
import { createServer, plainState, values } from '../../src/index.ts'
import type { RoomHandlersOf } from '../../src/index.ts'
import { PlayersEncoder } from '../../src/state/encode/players.ts'
import { startTestServer } from '../../src/testing/index.ts'
import type { TestServer } from '../../src/testing/index.ts'
import { replicaView } from '../state/support.ts'

const KIB = 1024
const MIB = 1024 * KIB

const Item = schema({ text: str(1), count: int(2) })
const Hand = schema({ cards: str(1, { audience: 'owner' }) })
const State = schema({ items: map(1, Item, { max: 10_000 }), hands: map(2, Hand), step: int(3) })
const game = defineGame({
  commands: { echo: command(0x0100, { text: str(1) }, { reply: { text: str(1) } }) },
  rooms: { big: { state: State, events: { moved: event({ step: int(1) }) } } },
})
type Handlers = RoomHandlersOf<typeof game, 'big'>

interface World {
  readonly kit: TestServer<typeof game>
  readonly state: () => unknown
  /** Items that change in each step; 0 = it stands still. */
  changes: number
}

/** A room of `bytes` in items of 1 KiB, of which some change in each of 20 steps a second. */
async function startBig(bytes: number, options: object = {}): Promise<World> {
  let state: unknown = null
  let next = 0
  const count = Math.ceil(bytes / KIB)
  const handlers: Handlers = {
    tickHz: 20,
    maxClients: 300,
    onCreate: () => ({ items: {}, hands: {}, step: 0 }),
    onJoin(room, session) {
      room.state.hands[session.id] = { cards: `of ${session.id}` }
    },
    onTick(room) {
      state = room.state
      if (room.tick === 1)
        for (let index = 0; index < count; index++)
          room.state.items[`i${index}`] = { text: 'x'.repeat(KIB), count: 0 }
      if (world.changes === 0) return
      room.state.step++
      for (let index = 0; index < world.changes; index++) {
        const item = room.state.items[`i${next++ % count}`]
        if (item) item.text = `${room.tick}`.padEnd(KIB, '.')
      }
      for (const hand of values(room.state.hands)) hand.cards = `at ${room.tick}`
      room.emit('moved', { step: room.state.step })
    },
    commands: { echo: (_room, _session, { text }) => ({ text }) },
  }
  const make = (settings: object) => {
    const server = createServer(game, {
      ...settings,
      maxEventBytes: 15 * MIB,
      maxPendingBytes: 256 * MIB,
      rateLimit: false,
    })
    server.room('big', handlers)
    return server
  }
  const kit = await startTestServer(game, make, options)
  const world: World = { kit, state: () => state, changes: 0 }
  return world
}

function view(world: World, viewer: string): unknown {
  return replicaView(State, plainState(world.state()) as never, { viewer })
}

/** Joins over a link by the SDK; gives how much its socket has held at most, too. */
async function joinSlow(world: World, roomId: string, shape: object) {
  const link = world.kit.link({ latencyMs: 40, ...shape })
  const sockets: { heldBytes: number }[] = []
  const options = {
    ...link.options,
    socket: (url: string, protocol: string) => {
      const socket = link.options.socket(url, protocol)
      sockets.push(socket)
      return socket
    },
  }
  const client = connect(game, world.kit.address, options)
  let heldBytes = 0
  const watch = (): void => {
    for (const socket of sockets) heldBytes = Math.max(heldBytes, socket.heldBytes)
    world.kit.clock.after(10, watch)
  }
  watch()
  const joined = client.joinById(roomId, { name: 'Slow' })
  return { link, joined, sockets, held: () => heldBytes }
}

async function firstRoom(world: World): Promise<string> {
  const ada = await world.kit.create('big', { name: 'Ada' })
  await world.kit.advance(200)
  return ada.seat.roomId
}

describe('SL5 a large state', () => {
  test('SL5 SL7 of 3 MiB over a line of 2 MB/s, while 4 KiB change 20 times a second, arrives at once and stays equal', async () => {
    const world = await startBig(3 * MIB)
    await using kit = world.kit
    const roomId = await firstRoom(world)
    world.changes = 4
    const { joined, sockets, held } = await joinSlow(world, roomId, {
      bytesPerSecond: 2_000_000,
      windowBytes: 65_536,
    })
    const startedAt = kit.clock.now()
    const room = await kit.during(joined)
    expect(kit.clock.now() - startedAt).toBeLessThan(3_000)
    const steps: number[] = []
    room.on('moved', ({ step }) => steps.push(step))
    // An answer comes, whatever else is on its way.
    expect(await kit.during(room.request('echo', { text: 'hi' }))).toEqual({ text: 'hi' })
    await kit.advance(12_000)
    world.changes = 0
    await kit.advance(1_000)
    expect(room.state).toEqual(view(world, room.sessionId))
    expect(room.status).toBe('connected')
    expect(sockets).toHaveLength(1)
    expect(held()).toBeLessThanOrEqual(131_072)
    expect(steps.length).toBeGreaterThan(200)
    expect(steps).toEqual(Array.from(steps, (_, index) => (steps[0] ?? 0) + index))
  })

  test('SL5 a first state may take longer than a join may take to answer', async () => {
    const world = await startBig(2 * MIB)
    await using kit = world.kit
    const roomId = await firstRoom(world)
    const { joined, sockets } = await joinSlow(world, roomId, {
      bytesPerSecond: 100_000,
      windowBytes: 8_192,
    })
    world.changes = 1
    const startedAt = kit.clock.now()
    const room = await kit.during(joined)
    expect(kit.clock.now() - startedAt).toBeGreaterThan(20_000)
    await kit.advance(16_000)
    world.changes = 0
    await kit.advance(1_000)
    expect(room.state.step).toBe((view(world, room.sessionId) as { step: number }).step)
    expect(room.state).toEqual(view(world, room.sessionId))
    expect(sockets).toHaveLength(1)
  }, 60_000)

  test('SL9 a room that changes faster than the line is served in whole states, and is equal once it stands still', async () => {
    const world = await startBig(MIB)
    await using kit = world.kit
    const roomId = await firstRoom(world)
    const { joined, sockets, held } = await joinSlow(world, roomId, {
      bytesPerSecond: 300_000,
      windowBytes: 16_384,
    })
    world.changes = 40
    const room = await kit.during(joined)
    let full = 0
    room.onPatch((info) => {
      if (info.isFull) full++
    })
    await kit.advance(20_000)
    expect(full).toBeGreaterThanOrEqual(3)
    world.changes = 0
    await kit.advance(10_000)
    expect(room.state).toEqual(view(world, room.sessionId))
    expect(sockets).toHaveLength(1)
    expect(held()).toBeLessThanOrEqual(131_072)
  })

  test('SL8 a state is encoded once for all who need it at the same time, and nobody holds a copy', async () => {
    const world = await startBig(MIB, { maxBehindMs: 60_000 })
    await using kit = world.kit
    const roomId = await firstRoom(world)
    const clients = await Promise.all(
      Array.from({ length: 10 }, () => joinSlow(world, roomId, { latencyMs: 5 })),
    )
    const rooms = []
    for (const { joined } of clients) rooms.push(await kit.during(joined))
    for (const { link } of clients) link.stall()
    world.changes = 3
    await kit.advance(3_000)
    const encoded = vi.spyOn(PlayersEncoder.prototype, 'fullState')
    const alone = vi.spyOn(PlayersEncoder.prototype, 'full')
    for (const [index, { link }] of clients.entries()) {
      link.set({ bytesPerSecond: 120_000 + 10_000 * index, windowBytes: 16_384 })
      link.resume()
      await kit.advance(37)
    }
    const heldBytes = clients.map(({ sockets }) => sockets[0]?.heldBytes ?? 0)
    await kit.advance(8_000)
    world.changes = 0
    await kit.advance(15_000)
    for (const room of rooms) expect(room.state).toEqual(view(world, room.sessionId))
    expect(clients.map(({ sockets }) => sockets.length)).toEqual(clients.map(() => 1))
    expect(Math.max(...heldBytes)).toBeLessThanOrEqual(131_072)
    expect(encoded.mock.calls.length).toBeGreaterThan(0)
    expect(encoded.mock.calls.length).toBeLessThanOrEqual(8)
    expect(alone).not.toHaveBeenCalled()
    vi.restoreAllMocks()
  }, 60_000)

  test('SL10 a patch over the budget comes as a state to whom it is too much for, and closes nobody', async () => {
    const world = await startBig(400 * KIB, { maxQueuedBytes: 100_000 })
    await using kit = world.kit
    const roomId = await firstRoom(world)
    const { joined, sockets, held } = await joinSlow(world, roomId, {
      bytesPerSecond: 200_000,
      windowBytes: 8_192,
    })
    const room = await kit.during(joined)
    world.changes = 300
    await kit.advance(60)
    world.changes = 0
    await kit.advance(10_000)
    expect(room.state).toEqual(view(world, room.sessionId))
    expect(sockets).toHaveLength(1)
    expect(held()).toBeLessThanOrEqual(131_072 + 100_000)
  })

  test('SL11 a client that is cut off and back in the midst of its pieces has the state of the server', async () => {
    const world = await startBig(2 * MIB)
    await using kit = world.kit
    const roomId = await firstRoom(world)
    world.changes = 4
    const { joined, link } = await joinSlow(world, roomId, {
      bytesPerSecond: 1_000_000,
      windowBytes: 32_768,
    })
    const room = await kit.during(joined)
    for (let round = 0; round < 3; round++) {
      link.cut()
      await kit.advance(1_500 + 200 * round)
    }
    await kit.until(() => room.status === 'connected')
    world.changes = 0
    await kit.advance(5_000)
    expect(room.state).toEqual(view(world, room.sessionId))
  })
})

describe('SL6 slow is who takes nothing', () => {
  test.each([
    [1, true],
    [1_000, true],
    [2_500, false],
  ])('SL6 a client that takes %i bytes a second: closed = %s', async (bytesPerSecond, isClosed) => {
    const world = await startBig(100 * KIB)
    await using kit = world.kit
    const roomId = await firstRoom(world)
    const link = kit.link()
    const client = await kit.joinById(roomId, { link })
    link.set({ bytesPerSecond, windowBytes: 100 })
    world.changes = 10
    await kit.advance(45_000)
    expect(kit.server.sessions()).toHaveLength(isClosed ? 1 : 2)
    expect(client.socket.heldBytes).toBeLessThanOrEqual(131_072)
    // Whoever takes what waits is told why.
    link.set({ bytesPerSecond: 0 })
    await kit.advance(100)
    expect(client.closed?.code ?? null).toBe(isClosed ? 4002 : null)
  })

  test('SL12 answers over the budget close a client in the midst of its pieces, and pieces count for themselves', async () => {
    const world = await startBig(2 * MIB, { maxQueuedBytes: 65_536 })
    await using kit = world.kit
    const roomId = await firstRoom(world)
    const link = kit.link()
    const client = await kit.joinById(roomId, { link })
    link.stall()
    world.changes = 100
    await kit.advance(500)
    link.set({ bytesPerSecond: 50_000, windowBytes: 8_192 })
    link.resume()
    world.changes = 0
    await kit.advance(300)
    expect(client.count('statePart')).toBeGreaterThan(0)
    const ask = (): void =>
      client.sendSystem('request', {
        correlation: 1,
        command: game.commands.echo.id,
        payload: Buffer.from([10, 0x80, 0xa0, 1, ...Buffer.alloc(20_480, 97)]),
      })
    ask()
    ask()
    await kit.advance(100)
    expect(client.closed).toBeNull()
    for (let round = 0; round < 8; round++) ask()
    await kit.advance(100)
    expect(client.socket.heldBytes).toBeLessThanOrEqual(131_072 + 65_536)
    await kit.advance(10_000)
    expect(client.closed?.code).toBe(4002)
    expect(client.frames.some(({ id }) => id === system.error.id)).toBe(false)
  })
})
