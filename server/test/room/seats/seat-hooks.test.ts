import { describe, expect, it } from 'vitest'
import { MemoryStore, createServer } from '../../../src/index.ts'
import { overrideStore } from '../../outbox/support.ts'
import { testGame } from '../../support/test-game.ts'
import type { ArenaHandlers } from '../../support/test-game.ts'
import { TestServer } from '../../support/test-server.ts'
import { World, hostOf } from '../../host/world.ts'
import { eventsOf, fold } from '../log-fold.ts'

type ArenaRoom = Parameters<NonNullable<ArenaHandlers['onTick']>>[0]

/** An onJoin that waits to be let go on, and what the hooks were called with. */
function waitingRoom(changes: Partial<ArenaHandlers> = {}) {
  const lines: string[] = []
  const waiting: { go: () => void; fail: (error: Error) => void }[] = []
  const rig = {
    lines,
    waiting,
    room: null as ArenaRoom | null,
    handlers: {
      async onJoin(room, session) {
        rig.room = room
        lines.push(`join ${session.name}`)
        await new Promise<void>((go, fail) => waiting.push({ go, fail }))
        lines.push(`joined ${session.name} ${session.isConnected}`)
        room.state.players[session.id] = { name: session.name, score: 0, mines: [] }
      },
      onDrop: (_room, session) => lines.push(`drop ${session.name}`),
      onLeave(room, session, reason) {
        lines.push(`leave ${session.name} ${reason}`)
        delete room.state.players[session.id]
      },
      onTick: () => {},
      onError: (_room, error, where) => lines.push(`${where}: ${(error as Error).message}`),
      ...changes,
    } satisfies Partial<ArenaHandlers>,
  }
  return rig
}

describe('a hook that awaits', () => {
  it('RM32 JOINED and STATE follow once onJoin has settled; until then nobody commands', async () => {
    const rig = waitingRoom()
    await using test = await TestServer.start({}, rig.handlers)
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(300, 5)
    expect(ada.frames).toEqual([])
    ada.ask(1, 'hit', { target: 'x' })
    await test.clock.advanceAsync(5)
    expect(ada.all('error')[0]).toMatchObject({ code: 'not_in_room', correlation: 1 })
    rig.waiting[0]?.go()
    await test.clock.advanceAsync(5)
    expect(ada.frames.map(({ name }) => name)).toEqual(['error', 'joined', 'state'])
    ada.ask(2, 'hit', { target: 'x' })
    await test.clock.advanceAsync(5)
    expect(ada.reply(2, 'hit')).toEqual({ score: 1 })
  })

  it('RM32 what others do meanwhile is not heard before JOINED, and is not missed', async () => {
    const rig = waitingRoom()
    await using test = await TestServer.start({}, rig.handlers)
    const ada = await test.join('Ada')
    const bob = await test.join('Bob', `joinById/${ada.seat.roomId}`)
    rig.waiting[1]?.go()
    await test.clock.advanceAsync(100, 5)
    expect(ada.frames).toEqual([])
    expect(bob.frames[0]?.name).toBe('joined')
    rig.waiting[0]?.go()
    await test.clock.advanceAsync(5)
    expect(ada.frames.map(({ name }) => name)).toEqual(['joined', 'state'])
    expect(ada.all('joined')[0]?.roster.map(({ name }) => name)).toEqual(['Ada', 'Bob'])
  })

  it.each(['breaks', 'leaves', 'is kicked'])(
    'RM16 a player who %s while onJoin awaits leaves no ghost: onLeave runs after it',
    async (how) => {
      const rig = waitingRoom()
      const store = new MemoryStore()
      await using test = await TestServer.start({ store }, rig.handlers)
      const ada = await test.join('Ada')
      if (how === 'breaks') ada.link.cut()
      else if (how === 'leaves') ada.sendSystem('leave', {})
      else [...(rig.room?.sessions.values() ?? [])][0]?.kick()
      await test.clock.advanceAsync(2_000, 10)
      expect(rig.lines).toEqual(['join Ada'])
      expect(rig.room?.clientCount).toBe(0)
      rig.waiting[0]?.go()
      await test.clock.advanceAsync(100, 5)
      const reason = { breaks: 'dropped', leaves: 'left', 'is kicked': 'kicked' }[how]
      expect(rig.lines).toEqual(['join Ada', 'joined Ada false', `leave Ada ${reason}`])
      const { state, seats } = fold(await eventsOf(store, ada.seat.roomId))
      expect(state).toMatchObject({ players: {} })
      expect(seats).toEqual({})
      expect(ada.count('joined')).toBe(0)
    },
  )

  it('RM16 onLeave waits hookTimeoutMs for an onJoin that does not settle, and no longer', async () => {
    const rig = waitingRoom({ emptyTimeoutMs: null })
    const store = new MemoryStore()
    await using test = await TestServer.start({ store, hookTimeoutMs: 3_000 }, rig.handlers)
    const ada = await test.join('Ada')
    ada.link.cut()
    await test.clock.advanceAsync(2_900, 10)
    expect(rig.lines).toEqual(['join Ada'])
    await test.clock.advanceAsync(200, 10)
    expect(rig.lines).toEqual(['join Ada', 'leave Ada dropped'])
    const types = (await eventsOf(store, ada.seat.roomId)).map(({ type }) => type)
    expect(types.filter((type) => type !== 'patch')).toEqual(['joined', 'left'])
    // A continuation that does not look first writes all the same, into a room that lives; nothing else follows.
    rig.waiting[0]?.go()
    await test.clock.advanceAsync(200, 10)
    expect(rig.lines).toEqual(['join Ada', 'leave Ada dropped', 'joined Ada false'])
    expect(ada.count('joined')).toBe(0)
  })

  it('RM16 left follows an onLeave that awaits, once it has settled or hookTimeoutMs are over', async () => {
    const waiting: (() => void)[] = []
    const store = new MemoryStore()
    await using test = await TestServer.start(
      { store, hookTimeoutMs: 1_000 },
      {
        onTick: () => {},
        onLeave: (_room, session) =>
          new Promise<void>((go) => {
            if (session.name !== 'Cid') waiting.push(go)
          }),
      },
    )
    const ada = await test.join('Ada')
    const path = `joinById/${ada.seat.roomId}`
    const bob = await test.join('Bob', path)
    const cid = await test.join('Cid', path)
    const left = () => ada.all('presence').flatMap(({ present, name }) => (present ? [] : [name]))
    bob.sendSystem('leave', {})
    cid.sendSystem('leave', {})
    await test.clock.advanceAsync(500, 10)
    expect(bob.closed?.code).toBe(1000)
    expect(left()).toEqual([])
    const folded = fold(await eventsOf(store, ada.seat.roomId))
    expect(Object.values(folded.seats).map(({ phase }) => phase)).toEqual([
      'seated',
      'leaving',
      'leaving',
    ])
    waiting[0]?.()
    await test.clock.advanceAsync(100, 10)
    expect(left()).toEqual(['Bob'])
    await test.clock.advanceAsync(500, 10)
    expect(left()).toEqual(['Bob', 'Cid'])
  })

  it('RM16 the end of a room waits for no hook: onLeave runs, and left stands before the end', async () => {
    const rig = waitingRoom()
    const store = new MemoryStore()
    const test = await TestServer.start({ store }, rig.handlers)
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(100, 5)
    rig.room?.end()
    await test.clock.advanceAsync(100, 5)
    expect(rig.lines).toEqual(['join Ada', 'leave Ada room_ended'])
    const types = (await eventsOf(store, ada.seat.roomId)).map(({ type }) => type)
    expect(types.filter((type) => type !== 'patch')).toEqual(['joined', 'left', 'end'])
    expect(ada.closed?.code).toBe(4001)
    rig.waiting[0]?.go()
    await test[Symbol.asyncDispose]()
    expect(test.clock.pendingCount).toBe(0)
  })

  it('RM16 OB93 a hook that is on its way when the server closes is finished by the next owner', async () => {
    const store = new MemoryStore()
    const first = await TestServer.start({ store }, waitingRoom().handlers)
    const ada = await first.join('Ada')
    await first[Symbol.asyncDispose]()
    first.clock.advance(0)
    expect(first.clock.pendingCount).toBe(0)
    await using second = await TestServer.start({ store, idPrefix: 'b' })
    await second.clock.advanceAsync(100, 5)
    expect(second.hookLog).toEqual(['leave Ada dropped'])
    const events = await eventsOf(store, ada.seat.roomId)
    expect(events.filter(({ type }) => type === 'left')).toHaveLength(1)
    expect(fold(events).seats).toEqual({})
  })

  it('RM16 RM10 who gets in while the room is paused is told so after STATE', async () => {
    const rig = waitingRoom()
    let isAway = false
    const inner = new MemoryStore()
    const store = overrideStore(inner, {
      events: {
        insert: async (events) =>
          isAway ? { kind: 'unknown', cause: new Error('away') } : inner.events.insert(events),
      },
    })
    await using test = await TestServer.start({ store, maxOutboxLagMs: 500 }, rig.handlers)
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(100, 5)
    isAway = true
    if (rig.room) rig.room.state.note = 'not stored'
    await test.clock.advanceAsync(1_000, 5)
    rig.waiting[0]?.go()
    await test.clock.advanceAsync(5)
    expect(ada.frames.map(({ name }) => name)).toEqual(['joined', 'state', 'paused'])
    isAway = false
    await test.clock.advanceAsync(3_000, 5)
    expect(ada.all('paused').map(({ paused }) => paused)).toEqual([true, false])
    expect(Object.keys(fold(await eventsOf(inner, ada.seat.roomId)).seats)).toEqual([
      ada.seat.sessionId,
    ])
  })

  it('RM16 a seat taken anew while onJoin awaits is greeted there', async () => {
    const rig = waitingRoom()
    await using test = await TestServer.start({}, rig.handlers)
    const ada = await test.join('Ada')
    const { roomId, sessionId } = ada.seat
    const again = test.server.retakeSeat(roomId, sessionId)
    const back = await test.dial()
    back.sendSystem('join', { ticket: again.ticket })
    await test.clock.advanceAsync(5)
    expect(ada.closed?.code).toBe(4006)
    expect(back.frames).toEqual([])
    rig.waiting[0]?.go()
    await test.clock.advanceAsync(5)
    expect(back.frames.map(({ name }) => name)).toEqual(['joined', 'state'])
    expect(rig.lines).toEqual(['join Ada', 'joined Ada true'])
  })
})

describe('a room that is released while a hook awaits', () => {
  it('RM16 CL27 waits for the hook: the next owner has the player seated', async () => {
    const rig = waitingRoom()
    await using world = await World.of(2, rig.handlers)
    const [first, second] = [world.at(0), world.at(1)]
    const ada = await first.join('Ada')
    const { roomId, sessionId } = ada.seat
    const released = world.release(first, roomId)
    await world.pass(500)
    rig.waiting[0]?.go()
    await released
    expect(ada.frames.slice(0, 2).map(({ name }) => name)).toEqual(['joined', 'state'])
    const { state, seats } = fold(await eventsOf(world.store, roomId))
    expect(seats[sessionId]?.phase).toBe('seated')
    expect(Object.keys((state as { players: object }).players)).toEqual([sessionId])
    await world.adopt(second, roomId)
    expect(rig.lines).toEqual(['join Ada', 'joined Ada true'])
  })

  it('RM16 CL27 OB93 for longer than settleMs: the next owner runs onLeave', async () => {
    const rig = waitingRoom()
    await using world = await World.of(2, rig.handlers)
    const [first, second] = [world.at(0), world.at(1)]
    const ada = await first.join('Ada')
    await world.pass(100)
    await world.release(first, ada.seat.roomId)
    await world.adopt(second, ada.seat.roomId)
    await world.pass(100)
    expect(rig.lines).toEqual(['join Ada', 'leave Ada dropped'])
    rig.waiting[0]?.go()
    await world.pass(100)
    const { state, seats } = fold(await eventsOf(world.store, ada.seat.roomId))
    expect(state).toMatchObject({ players: {} })
    expect(seats).toEqual({})
  })

  it('RM16 CL31 and goes on here after all: whoever could not join meanwhile comes anew', async () => {
    const rig = waitingRoom()
    await using world = await World.of(1, rig.handlers, { hookTimeoutMs: 60_000 })
    const first = world.at(0)
    const ada = await first.join('Ada')
    const bob = await first.join('Bob', `joinById/${ada.seat.roomId}`)
    await world.pass(100)
    world.isAway = true
    const fate = hostOf(first)
      .release(ada.seat.roomId)
      .catch((error: unknown) => (error as { code: string }).code)
    await world.pass(6_000)
    // Handed over, and the log does not answer.
    rig.waiting[0]?.go()
    await world.pass(10_000)
    expect(await fate).toBe('unavailable')
    expect(rig.lines).toContain('leave Ada server_closed')
    expect(ada.closed?.code).toBe(1001)
    expect(ada.count('joined')).toBe(0)
    // Bob's onJoin is still on its way, and nothing has refused it.
    world.isAway = false
    rig.waiting[1]?.go()
    await world.pass(3_000)
    expect(bob.frames.slice(0, 2).map(({ name }) => name)).toEqual(['joined', 'state'])
    const { state, seats } = fold(await eventsOf(world.store, ada.seat.roomId))
    expect(Object.keys(seats)).toEqual([bob.seat.sessionId])
    expect(Object.keys((state as { players: object }).players)).toEqual([bob.seat.sessionId])
  })
})

describe('a hook of a seat within another', () => {
  it('RM16 a kick from onJoin runs onLeave after it, so that nothing it writes stays', async () => {
    const lines: string[] = []
    let room: ArenaRoom | null = null
    await using test = await TestServer.start(
      {},
      {
        onTick: () => {},
        onJoin(given, session) {
          room = given
          session.kick('full')
          lines.push('kicked')
          given.state.players[session.id] = { name: session.name, score: 0, mines: [] }
        },
        onLeave(given, session, reason) {
          lines.push(reason)
          delete given.state.players[session.id]
        },
      },
    )
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(5)
    expect(lines).toEqual(['kicked', 'kicked'])
    expect(Object.keys((room as unknown as ArenaRoom).state.players)).toEqual([])
    expect(ada.all('joined')).toEqual([])
    expect(ada.closed?.code).toBe(4000)
  })
})

describe('promises that reject', () => {
  it('RM16 RM4 an onJoin or onLeave that rejects is logged with its room and told to onError; nothing ends', async () => {
    const rig = waitingRoom({
      onLeave: async () => {
        await Promise.resolve()
        throw new Error('leave bug')
      },
    })
    await using test = await TestServer.start({}, rig.handlers)
    const ada = await test.join('Ada')
    rig.waiting[0]?.fail(new Error('join bug'))
    await test.clock.advanceAsync(5)
    expect(ada.frames.map(({ name }) => name)).toEqual(['joined', 'state'])
    ada.sendSystem('leave', {})
    await test.clock.advanceAsync(5)
    expect(rig.lines.slice(1)).toEqual(['onJoin: join bug', 'onLeave: leave bug'])
    const { roomId } = ada.seat
    expect(test.logged.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { roomId, where: 'onJoin', err: new Error('join bug') } },
      { fields: { roomId, where: 'onLeave', err: new Error('leave bug') } },
    ])
    expect(test.server.rooms).toHaveLength(1)
  })

  it('RM4 a hook that may not be async, and is, ends nothing either when it rejects', async () => {
    const rejecting = (what: string) => (): undefined =>
      Promise.reject(new Error(what)) as unknown as undefined
    const told: string[] = []
    await using test = await TestServer.start(
      {},
      {
        onTick: rejecting('tick'),
        onDrop: rejecting('drop'),
        onReconnect: rejecting('reconnect'),
        onDrain: rejecting('drain'),
        onDispose: rejecting('dispose'),
        onJoin: (room) => void room.after(1, rejecting('timer')),
        onError(_room, error) {
          told.push((error as Error).message)
          return rejecting('error')()
        },
      },
    )
    const ada = await test.join('Ada')
    const token = ada.all('joined')[0]?.reconnectToken
    ada.link.cut()
    await test.clock.advanceAsync(100, 5)
    const path = `/matchmake/reconnect/${ada.seat.roomId}`
    const { ticket } = (await test.http('POST', path, { token })).body as { ticket: string }
    const back = await test.dial()
    back.sendSystem('join', { ticket })
    await test.clock.advanceAsync(5)
    expect(back.frames.slice(0, 2).map(({ name }) => name)).toEqual(['joined', 'state'])
    await test.during(test.server.close())
    expect([...new Set(told)].sort()).toEqual(
      ['tick', 'timer', 'drop', 'reconnect', 'drain', 'dispose'].sort(),
    )
  })

  it('RM4 an onAuth that fails is told to onError, and nobody is let in', async () => {
    const told: string[] = []
    await using test = await TestServer.start(
      {},
      {
        onAuth: async () => {
          await Promise.resolve()
          throw new Error('no database')
        },
        onError: (_room, error, where) => told.push(`${where}: ${(error as Error).message}`),
      },
    )
    const answer = await test.http('POST', '/matchmake/joinOrCreate/arena', {})
    expect(answer.status).toBe(500)
    expect(JSON.stringify(answer.body)).not.toContain('no database')
    expect(told).toEqual(['onAuth: no database'])
  })
})

describe('what may be async', () => {
  it('RM32 is in the types: the other hooks refuse a promise', () => {
    const allowed: Partial<ArenaHandlers> = {
      onCreate: async () => ({ players: {}, ticks: 0, dice: 1, note: '' }),
      onAuth: async () => true,
      onJoin: async () => {},
      onLeave: async () => {},
    }
    // @ts-expect-error a tick is synchronous
    const tick: Partial<ArenaHandlers> = { onTick: async () => {} }
    // @ts-expect-error so is a drop
    const drop: Partial<ArenaHandlers> = { onDrop: async () => {} }
    // @ts-expect-error and the drain: what it awaits may come too late
    const drain: Partial<ArenaHandlers> = { onDrain: () => Promise.resolve() }
    const others: Partial<ArenaHandlers> = {
      onTick: (room) => room.state.ticks++,
      onDispose: (room) => void room.state.note,
      onRestore: (room) => room.after(1, () => room.end()),
    }
    expect([allowed, tick, drop, drain, others]).toHaveLength(5)
  })

  it.each([99, 120_001, Number.NaN, '1000'])('RM16 hookTimeoutMs of %s is refused', (value) => {
    const options = { hookTimeoutMs: value as number }
    expect(() => createServer(testGame, options)).toThrow(
      /Expected hookTimeoutMs from 100 to 120000/,
    )
  })
})
