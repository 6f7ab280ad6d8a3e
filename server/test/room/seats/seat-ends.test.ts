import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../../src/index.ts'
import { World, faceOf } from '../../host/world.ts'
import type { ArenaHandlers } from '../../support/test-game.ts'
import { TestServer } from '../../support/test-server.ts'

type ArenaRoom = Parameters<NonNullable<ArenaHandlers['onTick']>>[0]

/** Steps are a second apart: what waits for one shows. */
const slow = { tickHz: 0, patchHz: 1, logHz: 1 } satisfies Partial<ArenaHandlers>

describe('a player who is given up while their onJoin awaits', () => {
  it.each(['kicked', 'left'] as const)(
    'RM67 %s: the next owner tells onLeave so, and has nobody in its room who was given up',
    async (reason) => {
      const lines: string[] = []
      await using world = await World.of(
        2,
        {
          onJoin: () => new Promise<void>(() => {}),
          onRestore: (room) => void lines.push(`restore ${room.sessions.size}`),
          onLeave: (_room, { name }, why) => void lines.push(`leave ${name} ${why}`),
        },
        { settleMs: 50 },
      )
      const [first, second] = [world.at(0), world.at(1)]
      const ada = await first.join('Ada')
      const { roomId, sessionId } = ada.seat
      if (reason === 'left') ada.sendSystem('leave', {})
      else faceOf(first, roomId).sessions.get(sessionId)?.kick()
      await world.pass(5)
      await world.release(first, roomId)
      await world.adopt(second, roomId)
      await world.pass(200)
      expect(lines).toEqual(['restore 0', `leave Ada ${reason}`])
    },
  )
})

describe('room.end() in a hook', () => {
  const hooks = ['onJoin', 'onDrop', 'onReconnect', 'onLeave'] as const

  it.each(hooks)('RM68 %s ends the room after its turn, not with a later step', async (hook) => {
    let isDisposed = false
    const end = (room: ArenaRoom): void => room.end()
    await using test = await TestServer.start(
      {},
      { ...slow, onDispose: () => void (isDisposed = true), [hook]: end },
    )
    const ada = await test.join('Ada')
    if (hook === 'onDrop' || hook === 'onReconnect') ada.link.cut()
    if (hook === 'onLeave') ada.sendSystem('leave', {})
    await test.clock.advanceAsync(3)
    if (hook === 'onReconnect') {
      const { ticket } = test.server.retakeSeat(ada.seat.roomId, ada.seat.sessionId)
      const back = await test.dial()
      back.sendSystem('join', { ticket })
      await test.clock.advanceAsync(3)
      expect(back.closed?.code).toBe(4001)
    }
    expect(isDisposed).toBe(true)
  })

  it('RM68 onLeave ends the room although its promise has not settled', async () => {
    let isDisposed = false
    await using test = await TestServer.start(
      {},
      {
        ...slow,
        onDispose: () => void (isDisposed = true),
        onLeave(room) {
          room.end()
          return new Promise<void>(() => {})
        },
      },
    )
    const ada = await test.join('Ada')
    ada.sendSystem('leave', {})
    await test.clock.advanceAsync(3)
    expect(isDisposed).toBe(true)
  })

  it('RM68 onRestore ends the room before its first step', async () => {
    const store = new MemoryStore()
    const first = await TestServer.start({ store }, slow)
    const ada = await first.join('Ada')
    await first[Symbol.asyncDispose]()
    await using second = await TestServer.start(
      { store, idPrefix: 'b' },
      { ...slow, onRestore: (room) => room.end() },
    )
    await second.clock.advanceAsync(3)
    expect(second.hookLog).toEqual(['leave Ada room_ended', 'dispose'])
    const { status } = await second.http('POST', `/matchmake/joinById/${ada.seat.roomId}`, {})
    expect(status).toBe(404)
  })
})

describe('session.kick()', () => {
  it('RM71 has run onLeave when it returns, but after a hook of that very player', async () => {
    const lines: string[] = []
    await using test = await TestServer.start(
      {},
      {
        ...slow,
        onJoin(_room, session) {
          if (session.name === 'Bob') session.kick()
          lines.push(`joined ${session.name}`)
        },
        onLeave: (_room, { name }, reason) => void lines.push(`leave ${name} ${reason}`),
        commands: {
          finish(room) {
            for (const one of room.sessions.values()) one.kick()
            lines.push(`commanded with ${room.sessions.size}`)
          },
        },
      },
    )
    const ada = await test.join('Ada')
    await test.join('Bob', `joinById/${ada.seat.roomId}`)
    expect(lines.splice(0)).toEqual(['joined Ada', 'joined Bob', 'leave Bob kicked'])
    ada.send('finish', {})
    await test.clock.advanceAsync(3)
    expect(lines).toEqual(['leave Ada kicked', 'commanded with 0'])
  })
})

describe('failures of the game', () => {
  it('RM69 that were only counted name their room when the room is over', async () => {
    await using test = await TestServer.start(
      {},
      {
        ...slow,
        onDrop() {
          throw new Error('broken')
        },
        onReconnect: (room) => room.end(),
      },
    )
    const ada = await test.join('Ada')
    const { roomId, sessionId } = ada.seat
    const bob = await test.join('Bob', `joinById/${roomId}`)
    for (const player of [ada, bob]) player.link.cut()
    await test.clock.advanceAsync(3)
    const back = await test.dial()
    back.sendSystem('join', { ticket: test.server.retakeSeat(roomId, sessionId).ticket })
    await test.clock.advanceAsync(3)
    const errors = test.logged.filter(({ level }) => level === 'error')
    expect(
      errors.map(({ message, fields }) => [message, fields['roomId'], fields['more']]),
    ).toEqual([
      ['room hook failed', roomId, undefined],
      ['room hook failed: more like it', roomId, 1],
    ])
  })
})
