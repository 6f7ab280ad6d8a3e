import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../src/index.ts'
import { TestServer } from '../support/test-server.ts'

async function typesOf(test: TestServer, roomId: string): Promise<string[]> {
  const { body } = await test.http('GET', `/rooms/${roomId}/events?limit=1000`)
  return (body as { events: { type: string }[] }).events
    .map((event) => event.type)
    .filter((type) => type !== 'patch')
}

describe('game code at the edges', () => {
  it('RM3 a player kicked in onJoin joined and left, in this order, and is gone', async () => {
    await using test = await TestServer.start(
      {},
      { onJoin: (_room, session) => session.kick('no') },
    )
    const other = await test.join('Bad')
    await test.clock.advanceAsync(500, 5)
    expect(other.closed).toEqual({ code: 4000, reason: 'no' })
    expect(other.count('joined')).toBe(0)
    expect(await typesOf(test, other.seat.roomId)).toEqual(['joined', 'left'])
    expect(test.server.rooms[0]?.clients).toBe(0)
  })

  it('RM4 a kick with a reason of any length closes the client', async () => {
    await using test = await TestServer.start(
      {},
      {
        onTick: (room) => {
          for (const session of room.sessions.values()) session.kick('x'.repeat(200_000))
        },
      },
    )
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(100, 5)
    expect(ada.closed?.code).toBe(4000)
    expect(test.hookLog).toContain('leave Ada kicked')
  })

  it('RM4 onError hears of commands too, synchronous and not, each failure logged once', async () => {
    const heard: string[] = []
    await using test = await TestServer.start(
      {},
      {
        onError: (_room, error, where) => void heard.push(`${where}: ${String(error)}`),
        commands: {
          fail: () => {
            throw new Error('now')
          },
          later: () => Promise.reject(new Error('later')),
        },
      },
    )
    const ada = await test.join('Ada')
    for (let step = 0; step < 3; step++) {
      ada.ask(step, 'fail', {})
      ada.ask(10 + step, 'later', { value: 1 })
    }
    await test.clock.advanceAsync(5)
    expect(heard.filter((line) => line === 'command fail: Error: now').length).toBe(3)
    expect(heard.filter((line) => line === 'command later: Error: later').length).toBe(3)
    expect(test.logged.filter((line) => line.level === 'error').length).toBe(2)
    expect(ada.all('error').every((error) => error.code === 'internal')).toBe(true)
  })

  it('RM9 the command that ends the room is answered before its client is closed', async () => {
    await using test = await TestServer.start(
      {},
      {
        commands: {
          hit: (room) => {
            room.end()
            return { score: 7 }
          },
        },
      },
    )
    const ada = await test.join('Ada')
    ada.ask(1, 'hit', { target: 'x' })
    await test.clock.advanceAsync(50)
    expect(ada.reply(1, 'hit')).toEqual({ score: 7 })
    expect(ada.closed?.code).toBe(4001)
  })

  it('RM2 a timer that sets itself anew with 0 ms does not hold up the step', async () => {
    let count = 0
    await using test = await TestServer.start(
      {},
      {
        onJoin(room) {
          const again = (): void => {
            count++
            room.after(0, again)
          }
          room.after(0, again)
        },
      },
    )
    await test.join('Ada')
    await test.clock.advanceAsync(1_000, 5)
    expect(count).toBeGreaterThan(25)
    expect(count).toBeLessThan(35)
  })

  it('RM4 emitting before there is a state is a coded error, not a crash', async () => {
    await using test = await TestServer.start(
      {},
      {
        onCreate(room) {
          const early = room as unknown as { emit(name: string, data: object): void }
          early.emit('kill', { by: 'a', whom: 'b' })
          return { players: {}, ticks: 0, dice: 0, note: '' }
        },
      },
    )
    const answer = await test.http('POST', '/matchmake/create/arena', {})
    expect(answer.status).toBe(500)
    expect(test.logged.map((line) => (line.fields['err'] as { code?: string })?.code)).toContain(
      'room_not_ready',
    )
    expect(test.server.rooms).toEqual([])
  })

  it('RM10 durable() settles when a blocked room ends', async () => {
    let settled = ''
    await using test: TestServer = await TestServer.start(
      { maxOutboxLagMs: 500 },
      {
        onTick(room) {
          room.state.ticks++
          if (room.tick !== 30) return
          test.faults.isReadOnly = true
          room.after(1_000, () => {})
        },
        onLeave(room) {
          room.durable().then(
            () => (settled = 'durable'),
            () => (settled = 'over'),
          )
          room.end()
        },
        reconnectGraceMs: 0,
      },
    )
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(3_000, 5)
    ada.sendSystem('leave', {})
    await test.clock.advanceAsync(100, 5)
    test.faults.isReadOnly = false
    await test.clock.advanceAsync(15_000, 5)
    expect(settled).toBe('durable')
  })

  it('RM5 session.auth survives a restart by way of JSON', async () => {
    const store = new MemoryStore()
    const handlers = { onAuth: () => ({ rank: 3 }) }
    const first = await TestServer.start({ store }, handlers)
    const ada = await first.join('Ada')
    const token = ada.all('joined')[0]?.reconnectToken
    await first.clock.advanceAsync(500, 5)
    await first.crash()
    const seen: unknown[] = []
    await using second = await TestServer.start(
      { store, idPrefix: 'b' },
      {
        ...handlers,
        onReconnect: (_room, session) => void seen.push(session.auth),
      },
    )
    const answer = await second.http('POST', `/matchmake/reconnect/${ada.seat.roomId}`, { token })
    const back = await second.dial()
    back.sendSystem('join', { ticket: (answer.body as { ticket: string }).ticket })
    await second.clock.advanceAsync(5)
    expect(seen).toEqual([{ rank: 3 }])
  })
})

describe('matchmaking at the edges', () => {
  it('MM4 bad options of one caller do not fail another who waited for the same room', async () => {
    await using test = await TestServer.start(
      {},
      {
        onCreate: (_room, options) => {
          if (options === 'bad') throw new Error('bad options')
          return { players: {}, ticks: 0, dice: 0, note: '' }
        },
      },
    )
    const [bad, good] = await test.during(
      Promise.all([
        test.http('POST', '/matchmake/joinOrCreate/arena', { options: 'bad' }),
        test.http('POST', '/matchmake/joinOrCreate/arena', { options: 'good' }),
      ]),
    )
    expect([bad.status, good.status]).toEqual([500, 200])
  })
})
