import { closeCodes, system } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../../src/index.ts'
import { testGame } from '../../support/test-game.ts'
import type { ArenaHandlers } from '../../support/test-game.ts'
import { TestServer } from '../../support/test-server.ts'
import type { TestClient } from '../../support/test-server.ts'
import { eventsOf, fold } from '../log-fold.ts'

const FRAME_ID = testGame.commands.free.id

/** A room in which the onJoin of those called Slow waits to be let go on. */
function slowRoom(changes: Partial<ArenaHandlers> = {}) {
  const lines: string[] = []
  const waiting: (() => void)[] = []
  const handlers: Partial<ArenaHandlers> = {
    async onJoin(room, session) {
      lines.push(`join ${session.name}`)
      if (session.name === 'Slow') await new Promise<void>((go) => waiting.push(go))
      lines.push(`joined ${session.name} ${session.isConnected}`)
      if (session.isConnected)
        room.state.players[session.id] = { name: session.name, score: 0, mines: [] }
    },
    onLeave(room, session, reason) {
      lines.push(`leave ${session.name} ${reason}`)
      delete room.state.players[session.id]
    },
    onTick: () => {},
    onError: (_room, error, where) => lines.push(`${where}: ${(error as Error).message}`),
    ...changes,
  }
  return { lines, waiting, handlers }
}

function framesOf(client: TestClient): number {
  return client.frames.filter(({ id }) => id === FRAME_ID).length
}

describe('an onJoin that does not settle', () => {
  it('RM37 is given up after hookTimeoutMs: the player is told timeout, and onLeave runs', async () => {
    const rig = slowRoom({ emptyTimeoutMs: null })
    const store = new MemoryStore()
    await using test = await TestServer.start({ store, hookTimeoutMs: 3_000 }, rig.handlers)
    const slow = await test.join('Slow')
    await test.clock.advanceAsync(2_900, 10)
    expect([rig.lines, slow.frames, slow.closed]).toEqual([['join Slow'], [], null])
    await test.clock.advanceAsync(200, 10)
    expect(rig.lines).toEqual(['join Slow', 'leave Slow timeout'])
    expect(slow.all('error')).toMatchObject([
      { command: system.join.id, code: 'timeout', retry: true },
    ])
    expect(slow.closed?.code).toBe(closeCodes.join_refused.code)
    expect(test.clock.pendingCount, 'nothing waits for it').toBeLessThan(10)
    rig.waiting[0]?.()
    await test.clock.advanceAsync(500, 10)
    expect(rig.lines).toEqual(['join Slow', 'leave Slow timeout', 'joined Slow false'])
    expect(slow.count('joined')).toBe(0)
    const { state, seats } = fold(await eventsOf(store, slow.seat.roomId))
    expect([state, seats]).toMatchObject([{ players: {} }, {}])
  })

  it.each([
    ['to each session', 'send', 1],
    ['to each session, in large frames', 'send', 50_000],
    ['to all by id', 'to', 1],
    ['to all by id, in large frames', 'to', 50_000],
  ])('RM35 stops nobody who sends %s: its seat is given up as slow', async (_name, how, bytes) => {
    let ticks = 0
    const payload = new Uint8Array(bytes)
    const rig = slowRoom({
      onTick(room) {
        if (how === 'send')
          for (const session of room.sessions.values()) session.send(FRAME_ID, payload)
        else room.broadcast(FRAME_ID, payload, { to: [...room.sessions.keys()] })
        ticks++
      },
    })
    await using test = await TestServer.start({ hookTimeoutMs: 120_000 }, rig.handlers)
    const ada = await test.join('Ada')
    const slow = await test.join('Slow', `joinById/${ada.seat.roomId}`)
    const bob = await test.join('Bob', `joinById/${ada.seat.roomId}`)
    const [before, ticksBefore] = [framesOf(bob), ticks]
    await test.clock.advanceAsync(40_000, 10)
    expect(slow.closed?.code).toBe(closeCodes.slow.code)
    expect(slow.frames.map(({ name }) => name)).toEqual(['left'])
    expect(ticks).toBeGreaterThan(1_100)
    expect(framesOf(bob) - before).toBe(ticks - ticksBefore)
    expect([ada.closed, bob.closed]).toEqual([null, null])
    rig.waiting[0]?.()
    await test.clock.advanceAsync(100, 10)
    expect(rig.lines.filter((line) => line.includes('Slow'))).toEqual([
      'join Slow',
      'joined Slow false',
      'leave Slow slow',
    ])
    expect(rig.lines.filter((line) => line.includes(':'))).toEqual([])
    expect(test.logged.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('RM33 RM35 999 frames that were sent before JOINED all come after it', async () => {
    const rig = slowRoom({
      onJoin: async (_room, session) => {
        for (let n = 0; n < 999; n++) session.send(FRAME_ID, new Uint8Array([n & 255]))
        await Promise.resolve()
      },
    })
    await using test = await TestServer.start({}, rig.handlers)
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(100, 10)
    expect(framesOf(ada)).toBe(999)
    expect(ada.frames.slice(0, 3).map(({ name }) => name)).toEqual(['joined', 'state', null])
  })
})

describe('a seat that is given up while its onJoin is on its way', () => {
  it('RM36 counts against maxClients until that has settled', async () => {
    const rig = slowRoom({ maxClients: 3 })
    await using test = await TestServer.start({}, rig.handlers)
    const ada = await test.join('Ada')
    const path = `joinById/${ada.seat.roomId}`
    const first = await test.join('Slow', path)
    const second = await test.join('Slow', path)
    first.link.cut()
    second.sendSystem('leave', {})
    await test.clock.advanceAsync(100, 10)
    const refused = await test.http('POST', `/matchmake/${path}`, {})
    expect(refused.body).toMatchObject({ error: { code: 'room_full' } })
    expect(rig.lines.filter((line) => line === 'join Slow')).toHaveLength(2)
    rig.waiting[0]?.()
    await test.clock.advanceAsync(100, 10)
    const bob = await test.join('Bob', path)
    await test.clock.advanceAsync(100, 10)
    expect(bob.count('joined')).toBe(1)
    expect((await test.http('POST', `/matchmake/${path}`, {})).status).toBe(409)
    rig.waiting[1]?.()
    await test.clock.advanceAsync(100, 10)
    expect((await test.http('POST', `/matchmake/${path}`, {})).status).toBe(200)
  })

  it('RM36 counts no longer than hookTimeoutMs, and a seat that comes in counts once', async () => {
    const rig = slowRoom({ maxClients: 2 })
    await using test = await TestServer.start({ hookTimeoutMs: 2_000 }, rig.handlers)
    const ada = await test.join('Ada')
    const path = `joinById/${ada.seat.roomId}`
    for (let round = 0; round < 5; round++) {
      const slow = await test.join('Slow', path)
      if (round % 2 === 0) slow.link.cut()
      await test.clock.advanceAsync(100, 10)
      expect((await test.http('POST', `/matchmake/${path}`, {})).status).toBe(409)
      await test.clock.advanceAsync(2_100, 10)
    }
    const bob = await test.join('Bob', path)
    bob.sendSystem('leave', {})
    await test.clock.advanceAsync(100, 10)
    expect((await test.join('Cid', path)).count('joined')).toBe(1)
  })
})
