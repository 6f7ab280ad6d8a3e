import { describe, expect, it } from 'vitest'
import { MemoryStore, reject } from '../../src/index.ts'
import { TestServer } from '../support/test-server.ts'
import { overrideStore } from '../outbox/support.ts'
import { roomRecord } from '../support/room-record.ts'

interface Page {
  events: { type: string; seq: number; data: { n: number; epoch?: number; data: unknown } }[]
}

async function eventsOf(test: TestServer, roomId: string): Promise<Page['events']> {
  return ((await test.http('GET', `/rooms/${roomId}/events?limit=1000`)).body as Page).events
}

/** A server whose log outlives it, and the same one started again. */
async function restarted(
  before: (test: TestServer) => Promise<string>,
  after: (test: TestServer, roomId: string) => Promise<void>,
  isCrash: boolean,
): Promise<void> {
  const clock = { store: null as MemoryStore | null }
  const first = await TestServer.start({ store: (clock.store = new MemoryStore()) })
  const roomId = await before(first)
  if (isCrash) await first.crash()
  else await first[Symbol.asyncDispose]()
  await using second = await TestServer.start({ store: clock.store, idPrefix: 'b' })
  await after(second, roomId)
}

describe.each([
  ['a clean stop', false],
  ['a crash', true],
])('restart after %s', (_name, isCrash) => {
  it('CL3 the room goes on: same id, higher epoch, state, tick and history', async () => {
    let stateBefore: unknown = null
    await restarted(
      async (test) => {
        const ada = await test.join('Ada')
        ada.ask(1, 'hit', { target: 'x' })
        ada.ask(2, 'mine', { x: 7 })
        await test.clock.advanceAsync(1_000, 5)
        stateBefore = (await test.http('GET', `/rooms/${ada.seat.roomId}/state`)).body
        return ada.seat.roomId
      },
      async (test, roomId) => {
        expect(test.server.rooms.map((room) => room.id)).toEqual([roomId])
        await test.clock.advanceAsync(500, 5)
        const events = await eventsOf(test, roomId)
        expect(events.map((event) => event.data.n)).toEqual(events.map((_, index) => index + 1))
        const marker = events.find((event) => event.type === 'owner')
        expect(marker?.data.epoch).toBe(2)
        const { state } = (await test.http('GET', `/rooms/${roomId}/state`)).body as {
          state: { ticks: number; players: Record<string, unknown> }
        }
        const before = (stateBefore as { state: typeof state }).state
        expect(state.players).toEqual(before.players)
        expect(state.ticks).toBeGreaterThan(before.ticks)
      },
      isCrash,
    )
  })

  it('CL3 CL21 a player comes back with the token, to hidden state and all', async () => {
    let token = ''
    await restarted(
      async (test) => {
        const ada = await test.join('Ada')
        token = ada.all('joined')[0]?.reconnectToken ?? ''
        ada.ask(1, 'mine', { x: 7 })
        await test.clock.advanceAsync(1_000, 5)
        return ada.seat.roomId
      },
      async (test, roomId) => {
        const answer = await test.http('POST', `/matchmake/reconnect/${roomId}`, { token })
        expect(answer.status).toBe(200)
        const back = await test.dial()
        back.sendSystem('join', { ticket: (answer.body as { ticket: string }).ticket })
        await test.clock.advanceAsync(5)
        expect(back.all('joined')[0]?.epoch).toBe(2)
        expect(test.hookLog).toEqual(['reconnect Ada'])
        expect(Buffer.from(back.frames[1]?.bytes ?? []).toString('latin1')).toContain('Ada')
      },
      isCrash,
    )
  })

  it('CL3 CL36 who does not come back has left after the grace, 30 s at least', async () => {
    await restarted(
      async (test) => {
        const ada = await test.join('Ada')
        await test.clock.advanceAsync(500, 5)
        return ada.seat.roomId
      },
      async (test) => {
        // The grace of the room is 20 s, that after a takeover 30 s at least.
        await test.clock.advanceAsync(29_000, 20)
        expect(test.hookLog).not.toContain('leave Ada dropped')
        await test.clock.advanceAsync(1_100, 20)
        expect(test.hookLog).toContain('leave Ada dropped')
      },
      isCrash,
    )
  })

  it('CL3 an ended room does not come back, its log can be read still', async () => {
    await restarted(
      async (test) => {
        const ada = await test.join('Ada')
        ada.ask(1, 'finish', {})
        await test.clock.advanceAsync(500, 5)
        return ada.seat.roomId
      },
      async (test, roomId) => {
        expect(test.server.rooms).toEqual([])
        await test.clock.advanceAsync(500, 5)
        expect((await eventsOf(test, roomId)).at(-1)?.type).toBe('end')
      },
      isCrash,
    )
  })
})

describe('restart', () => {
  it('CL3 CL22 the log of a restarted server rebuilds the state at every seq', async () => {
    const store = new MemoryStore()
    const first = await TestServer.start({ store, snapshotEvery: 7 })
    const ada = await first.join('Ada')
    for (let step = 0; step < 30; step++) {
      ada.ask(step, 'hit', { target: 'x' })
      await first.clock.advanceAsync(50, 5)
    }
    await first.crash()
    await using second = await TestServer.start({ store, idPrefix: 'b', snapshotEvery: 7 })
    await second.clock.advanceAsync(1_000, 5)
    const events = await eventsOf(second, ada.seat.roomId)
    let state: unknown = {}
    const { applyMergePatch } = await import('@ringside/protocol')
    for (const event of events) {
      if (event.type === 'patch')
        state = applyMergePatch(state as never, structuredClone(event.data.data) as never)
      const at = await second.http('GET', `/rooms/${ada.seat.roomId}/state?at=${event.data.n}`)
      expect((at.body as { state: unknown }).state, `at ${event.data.n}`).toEqual(state)
    }
  })

  it.each([
    ['young: its first event may be on its way from another server', 1_000, 1],
    ['old: nothing will come any more', 120_000, 0],
  ])(
    'CL3 a room of which there is a record and no event, %s',
    async (_what, ageMs, livingCount) => {
      const store = new MemoryStore()
      const room = 'lost00000000'
      const record = { room, type: 'arena', seed: '1', delayMs: 0, epoch: 1, revision: 0 }
      const flags = { isPrivate: false, isLocked: false, isLive: true, revealedAt: 0, end: null }
      await store.rooms.save({ ...record, ...flags, createdAt: store.clock.now() - ageMs })
      await using test = await TestServer.start({ store })
      await test.clock.advanceAsync(1_000, 5)
      expect(test.server.rooms).toEqual([])
      expect(await store.rooms.living('', 10)).toHaveLength(livingCount)
    },
  )

  it('CL3 a room whose type is gone is logged and left as it is: the type may come back', async () => {
    const store = new MemoryStore()
    await store.rooms.save(roomRecord({ room: 'lost00000000', type: 'unknown' }))
    await using test = await TestServer.start({ store })
    expect(test.server.rooms).toEqual([])
    expect(test.logged.some((line) => line.message === 'room cannot go on')).toBe(true)
    expect(await store.rooms.living('', 10)).toHaveLength(1)
  })

  it('CL3 a start that fails, or is stopped, gives no room up', async () => {
    const store = new MemoryStore()
    const first = await TestServer.start({ store })
    const ada = await first.join('Ada')
    await first.clock.advanceAsync(500, 5)
    await first.crash()

    let isFailing = false
    // The same log behind a store whose reads fail after the start.
    const failing = overrideStore(store, {
      events: {
        lastOfRoom: async (room) => {
          if (isFailing) throw new Error('away')
          return store.events.lastOfRoom(room)
        },
      },
    })
    isFailing = true
    await expect(TestServer.start({ store: failing, idPrefix: 'b' })).rejects.toMatchObject({
      code: 'unavailable',
    })
    isFailing = false
    await using third = await TestServer.start({ store, idPrefix: 'c' })
    expect(third.server.rooms.map((room) => room.id)).toEqual([ada.seat.roomId])
  })

  it('CL3 CL20 timers are no part of the log: only what onRestore sets fires', async () => {
    const store = new MemoryStore()
    const fired: string[] = []
    const first = await TestServer.start(
      { store },
      {
        onJoin: (room) => {
          room.after(2_000, () => fired.push('of the first owner'))
        },
      },
    )
    await first.join('Ada')
    await first.clock.advanceAsync(1_000, 5)
    await first[Symbol.asyncDispose]()
    await using second = await TestServer.start(
      { store, idPrefix: 'b' },
      {
        onRestore: (room) => {
          room.after(1_000, () => fired.push('of the second'))
        },
      },
    )
    await second.clock.advanceAsync(500, 5)
    expect(fired).toEqual([])
    await second.clock.advanceAsync(5_000, 5)
    expect(fired).toEqual(['of the second'])
  })

  it('CL3 a refused onCreate leaves no record behind', async () => {
    const store = new MemoryStore()
    await using test = await TestServer.start(
      { store },
      {
        onCreate: () => {
          throw reject('bad_options')
        },
      },
    )
    for (let attempt = 0; attempt < 5; attempt++)
      expect((await test.http('POST', '/matchmake/create/arena', {})).status).toBe(409)
    expect(await store.rooms.living('', 10)).toEqual([])
    expect(await store.rooms.ended(10)).toEqual([])
  })
})
