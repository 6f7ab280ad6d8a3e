import { connect } from '@ringside/client'
import type { EventInfo, StatusInfo } from '@ringside/client'
import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../../src/index.ts'
import { startTestServer } from '../../../src/testing/index.ts'
import type { TestServer, TestServerOptions } from '../../../src/testing/index.ts'
import { eventsOf } from '../log-fold.ts'
import type { Hall } from './rig.ts'
import { greetingGame, greetingServer } from './rig.ts'

type Kit = TestServer<typeof greetingGame>

class World implements AsyncDisposable {
  kit: Kit
  room: Hall
  readonly rooms: Hall[]

  private constructor(kit: Kit, rooms: Hall[]) {
    this.kit = kit
    this.rooms = rooms
    this.room = undefined as unknown as Hall
  }

  static async start(options: TestServerOptions = {}): Promise<World> {
    const rooms: Hall[] = []
    const kit = await startTestServer(
      greetingGame,
      (settings) => {
        const server = greetingServer(settings, {
          waitMs: null,
          wait: () => Promise.resolve(),
          onRoom: (room) => rooms.push(room),
        })
        return server
      },
      options,
    )
    return new World(kit, rooms)
  }

  /** A player of the SDK, and all that it hears. */
  async player(name: string) {
    const link = this.kit.link()
    const client = connect(greetingGame, this.kit.address, link.options)
    const room = await this.kit.during(client.joinOrCreate('hall', { name }))
    this.room = this.rooms.at(-1) as Hall
    const heard: string[] = []
    const infos: EventInfo[] = []
    const statuses: StatusInfo[] = []
    room.on('note', ({ what }, info) => {
      heard.push(info.replayed ? `${what} again` : what)
      infos.push(info)
    })
    room.onStatus((status, info) => status === 'connected' && statuses.push(info))
    return { link, room, heard, infos, statuses }
  }

  /** Emits notes that leave with the next patch. */
  async emit(...notes: string[]): Promise<void> {
    for (const what of notes) this.room.emit('note', { what })
    await this.kit.advance(100)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kit.close()
  }
}

type Player = Awaited<ReturnType<World['player']>>

async function whileAway(world: World, { link, room }: Player, work: () => Promise<void>) {
  link.cut()
  await world.kit.until(() => room.status === 'reconnecting')
  await work()
  await world.kit.until(() => room.status === 'connected')
  await world.kit.advance(100)
}

describe('events while a player is away', () => {
  it('RM51 follow the state in order, marked, with their times, and what comes later follows them', async () => {
    await using world = await World.start()
    const ada = await world.player('Ada')
    const bob = await world.player('Bob')
    await world.emit('one')
    const at = world.room.now
    await whileAway(world, ada, async () => {
      world.room.emit('note', { what: 'held' })
      world.room.emit('note', { what: 'first' }, { atOnce: true })
      await world.kit.advance(100)
    })
    await world.emit('after')
    expect(ada.heard).toEqual(['one', 'first again', 'held again', 'after'])
    expect(bob.heard).toEqual(['one', 'first', 'held', 'after'])
    expect(ada.infos.map(({ index }) => index)).toEqual([1, 2, 3, 4])
    expect(bob.infos.map(({ index }) => index)).toEqual([1, 2, 3, 4])
    expect((ada.infos[1]?.at ?? 0) - at).toBeLessThan(1_000)
    expect(ada.statuses).toEqual([{}])
  })

  it('RM51 are told once over breaks in the middle of it, and a player who missed none is told none', async () => {
    await using world = await World.start()
    const ada = await world.player('Ada')
    await world.player('Bob')
    await world.emit('one')
    await whileAway(world, ada, async () => {})
    await whileAway(world, ada, () => world.emit('two', 'three'))
    await whileAway(world, ada, async () => {})
    await whileAway(world, ada, () => world.emit('four'))
    expect(ada.heard).toEqual(['one', 'two again', 'three again', 'four again'])
  })

  it.each([
    ['more than replayEvents', { replayEvents: 3 }, 4],
    ['more than replayBytes', { replayBytes: 1_024 }, 40],
    ['with replayEvents 0', { replayEvents: 0 }, 1],
  ])(
    'RM51 %s: none follows, and the player is told',
    async (_name, options: TestServerOptions, count) => {
      await using world = await World.start(options)
      const ada = await world.player('Ada')
      await world.player('Bob')
      await whileAway(world, ada, () =>
        world.emit(...Array.from({ length: count }, (_, n) => `${n}`)),
      )
      expect(ada.heard).toEqual([])
      expect(ada.statuses).toEqual([{ eventsMissed: true }])
      await whileAway(world, ada, async () => {})
      expect(ada.statuses).toEqual([{ eventsMissed: true }, {}])
      await world.emit('after')
      expect(ada.heard).toEqual(['after'])
    },
  )

  it('RM51 as many as replayEvents are kept, in order', async () => {
    await using world = await World.start({ replayEvents: 3 })
    const ada = await world.player('Ada')
    await world.player('Bob')
    await world.emit('a', 'b')
    await whileAway(world, ada, () => world.emit('c', 'd'))
    expect(ada.heard).toEqual(['a', 'b', 'c again', 'd again'])
  })

  it('RM51 a raw client that tells a position gets them after STATE; one that tells none does not', async () => {
    await using world = await World.start()
    const { kit } = world
    await world.player('Bob')
    const ada = await kit.joinById(world.room.id, { name: 'Ada' })
    const { roomId } = ada.seat
    const token = ada.all('joined')[0]?.reconnectToken ?? ''
    const { epoch, index } = ada.all('joined')[0] ?? { epoch: 0, index: undefined }
    expect(index).toBe(0)
    ada.link.cut()
    await kit.advance(10)
    await world.emit('one', 'two')
    const silent = await kit.reconnect(roomId, token)
    await kit.advance(100)
    expect(silent.events('note')).toEqual([])
    const again = silent.all('joined')[0]?.reconnectToken ?? ''
    silent.link.cut()
    await kit.advance(10)
    const back = await rejoin(kit, { roomId, token: again, epoch, index: 1 })
    expect(names(back)).toEqual(['joined', 'state', 'event'])
    expect(back.all('event').map((event) => event.index)).toEqual([2])
    expect(back.all('joined')[0]).toMatchObject({ index: 2, eventsMissed: undefined })
  })

  it('RM51 nobody gets what was before they came, whatever position they tell', async () => {
    await using world = await World.start()
    const { kit } = world
    await world.player('Bob')
    await world.emit('before')
    const seat = await kit.post(`/matchmake/joinById/${world.room.id}`, { name: 'Ada' })
    const ada = await kit.dial()
    const { ticket } = seat.json as { ticket: string }
    ada.sendSystem('join', { ticket, epoch: world.room.epoch, index: 0 })
    await kit.advance(100)
    expect(names(ada)).toEqual(['joined', 'state'])
    const { reconnectToken: token = '', epoch = 0, roomId = '' } = ada.all('joined')[0] ?? {}
    ada.link.cut()
    await kit.advance(10)
    await world.emit('after')
    const back = await rejoin(kit, { roomId, token, epoch, index: 0 })
    expect(back.events('note')).toEqual([{ what: 'after' }])
  })

  it.each([
    ['beyond the last', (epoch: number) => ({ epoch, index: 4_000_000_000 }), undefined],
    ['of a later owner', (epoch: number) => ({ epoch: epoch + 9, index: 1 }), true],
    ['of the beginning', (epoch: number) => ({ epoch, index: 0 }), undefined],
  ])('RM51 a position %s harms nobody', async (_name, position, eventsMissed) => {
    await using world = await World.start()
    const { kit } = world
    await world.player('Bob')
    const ada = await kit.joinById(world.room.id, { name: 'Ada' })
    const { reconnectToken: token = '', epoch = 0 } = ada.all('joined')[0] ?? {}
    ada.link.cut()
    await kit.advance(10)
    await world.emit('one')
    const { roomId } = ada.seat
    const back = await rejoin(kit, { roomId, token, ...position(epoch) })
    expect(back.all('joined')[0]?.eventsMissed).toBe(eventsMissed)
    expect(back.closed).toBeNull()
  })
})

function names(client: { frames: readonly { name: string | null }[] }): (string | null)[] {
  return client.frames.map(({ name }) => name).filter((name) => name !== null && name !== 'patch')
}

async function rejoin(
  kit: Kit,
  given: { roomId: string; token: string; epoch: number; index: number },
) {
  const { roomId, token, epoch, index } = given
  const answer = await kit.post(`/matchmake/reconnect/${roomId}`, { token })
  const client = await kit.dial()
  client.sendSystem('join', { ticket: (answer.json as { ticket: string }).ticket, epoch, index })
  await kit.advance(100)
  return client
}

describe('the index of an event', () => {
  it('RM52 stands in the log in the order of the log, and goes on over owners', async () => {
    const store = new MemoryStore()
    await using world = await World.start({ store })
    const ada = await world.player('Ada')
    world.room.emit('note', { what: 'held' })
    world.room.emit('note', { what: 'first' }, { atOnce: true })
    await world.kit.advance(200)
    world.kit = await world.kit.restart()
    await world.kit.until(() => ada.room.status === 'connected')
    const back = world.kit
    const bob = await back.joinById(ada.room.id, { name: 'Bob' })
    await back.advance(200)
    expect(bob.all('joined')[0]?.index).toBe(2)
    const events = await eventsOf(store, ada.room.id)
    const notes = events.filter(({ type }) => type === 'note')
    expect(notes.map(({ data, hidden }) => [JSON.parse(data), hidden])).toEqual([
      [{ what: 'first' }, '{"index":1}'],
      [{ what: 'held' }, '{"index":2}'],
    ])
    // Whoever watches sees nothing of it.
    const page = await back.eventsOf(ada.room.id)
    expect(JSON.stringify(page)).not.toContain('index')
  })

  it.each([
    ['released', (kit: Kit) => kit.close()],
    ['crashed', (kit: Kit) => kit.crash()],
  ])(
    'RM52 a player who has seen all that an owner emitted, which then %s, gets what the next one emits',
    async (_how, end) => {
      await using world = await World.start({ store: new MemoryStore() })
      const ada = await world.player('Ada')
      await world.emit('one', 'two')
      await world.kit.advance(1_000)
      ada.link.goSilent()
      await end(world.kit)
      world.kit = await world.kit.restart()
      world.room = world.rooms.at(-1) as Hall
      await world.emit('three')
      ada.link.resume()
      ada.link.cut()
      await world.kit.until(() => ada.room.status === 'connected')
      await world.kit.advance(100)
      await world.emit('four')
      expect(ada.heard).toEqual(['one', 'two', 'three again', 'four'])
      expect(ada.infos.map(({ index }) => index)).toEqual([1, 2, 3, 4])
      expect(ada.statuses).toEqual([{}])
    },
  )

  it.each([
    ['released', (kit: Kit) => kit.close()],
    ['crashed', (kit: Kit) => kit.crash()],
  ])(
    'RM52 a player who was away when an owner %s has missed what that emitted, and is told',
    async (_how, end) => {
      await using world = await World.start({ store: new MemoryStore() })
      const ada = await world.player('Ada')
      await world.player('Bob')
      await world.emit('one')
      ada.link.cut()
      await world.kit.until(() => ada.room.status === 'reconnecting')
      ada.link.goSilent()
      await world.emit('two')
      await world.kit.advance(500)
      await end(world.kit)
      world.kit = await world.kit.restart()
      world.room = world.rooms.at(-1) as Hall
      await world.emit('three')
      ada.link.resume()
      ada.link.cut()
      await world.kit.until(() => ada.room.status === 'connected')
      await world.kit.advance(100)
      await world.emit('four')
      expect(ada.heard).toEqual(['one', 'four'])
      expect(ada.statuses).toEqual([{ eventsMissed: true }])
    },
  )
})
