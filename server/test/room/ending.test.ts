import { describe, expect, it } from 'vitest'
import type { RingsideError } from '../../src/process/errors.ts'
import { MemoryStore } from '../../src/index.ts'
import type { InsertOutcome, RoomRecord } from '../../src/outbox/contract/store.ts'
import { everything, overrideStore } from '../outbox/support.ts'
import { TestServer } from '../support/test-server.ts'
import { hookedStore } from '../../src/testing/store/hooked-store.ts'

/** A store whose inserts do nothing while it is away, and the last record it was given of each room. */
function awayStore() {
  const records = new Map<string, RoomRecord>()
  const rig = {
    isAway: false,
    /** saveRoom fails, too. */
    isReadOnly: false,
    records,
    store: hookedStore(new MemoryStore(), {
      insert: async (events, apply): Promise<InsertOutcome> =>
        rig.isAway ? { kind: 'unknown', cause: new Error('away') } : apply(events),
    }),
  }
  const store = overrideStore(rig.store, {
    rooms: {
      save: async (record) => {
        if (rig.isReadOnly) throw new Error('away')
        await rig.store.rooms.save(record)
        records.set(record.room, record)
      },
    },
  })
  return { rig, store }
}

describe('the record of a room that has ended', () => {
  it('OB11 OB77 says so only when its end is in the log: else the room goes on', async () => {
    const { rig, store } = awayStore()
    const test = await TestServer.start({ store, retentionMs: 20_000 })
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(500, 5)
    rig.isAway = true
    ada.ask(1, 'finish', {})
    await test.clock.advanceAsync(15_000, 20)
    expect((await test.http('GET', '/health/live')).status).toBe(503)
    rig.isAway = false
    await test.clock.advanceAsync(5_000, 20)
    const { roomId } = ada.seat
    expect((await everything(store)).some(({ type }) => type === 'end')).toBe(false)
    expect(rig.records.get(roomId)?.isLive).toBe(true)
    await expect(test[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'outbox_unreachable' })
    await using next = await TestServer.start({ store, idPrefix: 'b' })
    expect(next.server.rooms.map(({ id }) => id)).toEqual([roomId])
  })

  it('OB11 says so once the log takes the end, also after an outage', async () => {
    const { rig, store } = awayStore()
    await using test = await TestServer.start({ store })
    const ada = await test.join('Ada')
    await test.clock.advanceAsync(500, 5)
    rig.isAway = true
    ada.ask(1, 'finish', {})
    await test.clock.advanceAsync(5_000, 20)
    expect(test.server.rooms).toEqual([])
    expect(rig.records.get(ada.seat.roomId)?.isLive).toBe(true)
    rig.isAway = false
    await test.clock.advanceAsync(2_000, 20)
    expect((await everything(store)).at(-1)?.type).toBe('end')
    expect(rig.records.get(ada.seat.roomId)?.isLive).toBe(false)
  })

  it('OB11 OB78 is written again until it is stored, the newest only: a hidden room stays hidden', async () => {
    const { rig, store } = awayStore()
    await using test = await TestServer.start(
      { store },
      { onJoin: (room) => room.after(1_000, () => room.setPrivate(true)) },
    )
    const ada = await test.join('Ada')
    rig.isReadOnly = true
    await test.clock.advanceAsync(2_000, 20)
    ada.ask(1, 'finish', {})
    await test.clock.advanceAsync(5_000, 20)
    expect(rig.records.get(ada.seat.roomId)).toMatchObject({ isLive: true, isPrivate: false })
    const saved: RoomRecord[] = []
    rig.records.set = (_room, record) => (saved.push(record), rig.records)
    rig.isReadOnly = false
    await test.clock.advanceAsync(1_500, 20)
    expect(saved).toMatchObject([{ isLive: false, isPrivate: true }])
    expect(test.logged.filter(({ message }) => message.startsWith('room record'))).toHaveLength(1)
  })

  it('OB11 that could not be written until the close is told of', async () => {
    const { rig, store } = awayStore()
    const test = await TestServer.start({ store })
    const ada = await test.join('Ada')
    rig.isReadOnly = true
    ada.ask(1, 'finish', {})
    await test.clock.advanceAsync(500, 5)
    await test.during(test.server.close())
    const line = test.logged.find(({ message }) => message === 'room records were not saved')
    expect(line).toMatchObject({ level: 'error', fields: { rooms: 1 } })
    expect(test.clock.pendingCount).toBe(0)
    // Its log knows better than its record.
    rig.isReadOnly = false
    await using next = await TestServer.start({ store, idPrefix: 'b' })
    await next.clock.advanceAsync(100, 5)
    expect(next.server.rooms).toEqual([])
    expect(rig.records.get(ada.seat.roomId)?.isLive).toBe(false)
  })
})

describe('a room that cannot begin', () => {
  it('OB9 whose first state is larger than an event may be is not made, and leaves nothing behind', async () => {
    const { rig, store } = awayStore()
    await using test = await TestServer.start(
      { store, maxEventBytes: 2_048 },
      { onCreate: () => ({ players: {}, ticks: 0, dice: 0, note: 'x'.repeat(3_000) }) },
    )
    await expect(test.during(test.server.createRoom('arena'))).rejects.toMatchObject({
      code: 'state_invalid',
      message: expect.stringContaining('maxEventBytes') as string,
    })
    expect((await test.http('POST', '/matchmake/create/arena', {})).status).toBe(500)
    await test.clock.advanceAsync(500, 5)
    expect(await everything(store)).toEqual([])
    expect([...rig.records.keys()]).toEqual([])
    expect(test.server.rooms).toEqual([])
  })

  it('RM12 one that is over before its maker hears of it is refused', async () => {
    const base = new MemoryStore()
    const store = overrideStore(base, {
      rooms: {
        save: async (record) => {
          await new Promise<void>((resolve) => void test.clock.after(500, resolve))
          await base.rooms.save(record)
        },
      },
    })
    const test: TestServer = TestServer.make({ store }, { onTick: (room) => room.end() })
    await test.during(test.server.listen({ port: 0 }))
    await expect(test.during(test.server.createRoom('arena'))).rejects.toMatchObject({
      code: 'room_not_found',
    })
    expect((await test.http('POST', '/matchmake/joinOrCreate/arena', {})).status).toBe(404)
    await test[Symbol.asyncDispose]()
  })
})

describe('durable() of a room that is over', () => {
  it('RM10 resolves when its log was written, rejects when it was not, and always settles', async () => {
    for (const isAway of [false, true]) {
      const { rig, store } = awayStore()
      const fates: string[] = []
      const ask = (room: { durable(): Promise<void> }): void =>
        void room.durable().then(
          () => fates.push('resolved'),
          (error: RingsideError) => fates.push(error.code),
        )
      const test = await TestServer.start(
        { store, retentionMs: 20_000 },
        {
          onDispose: (room) => {
            ask(room)
            test.clock.after(100, () => ask(room))
            // After what becomes of the log is known.
            test.clock.after(15_000, () => ask(room))
          },
        },
      )
      const ada = await test.join('Ada')
      await test.clock.advanceAsync(500, 5)
      rig.isAway = isAway
      ada.ask(1, 'finish', {})
      await test.clock.advanceAsync(16_000, 20)
      expect(fates).toEqual(Array(3).fill(isAway ? 'outbox_unreachable' : 'resolved'))
      await test[Symbol.asyncDispose]().catch(() => {})
    }
  })
})
