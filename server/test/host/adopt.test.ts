import { describe, expect, it } from 'vitest'
import type { LogStore } from '../../src/index.ts'
import type { RingsideError } from '../../src/process/errors.ts'
import type { StoreMembers } from '../../src/testing/store/around-store.ts'
import { everything, overrideStore } from '../outbox/support.ts'
import { World, faceOf, hostOf } from './world.ts'

/** A room that the first server has released, and how many markers its log has. */
async function released(world: World) {
  const ada = await world.at(0).join('Ada')
  const { roomId } = ada.seat
  await world.pass(500)
  await world.release(world.at(0), roomId)
  const markers = async (): Promise<number> =>
    (await everything(world.store)).filter(({ room, type }) => room === roomId && type === 'owner')
      .length
  return { ada, roomId, markers }
}

/** Servers of which those from `from` on see the store as `methods` change it. */
function worldWith(
  count: number,
  from: number,
  methods: (store: LogStore) => StoreMembers,
): Promise<World> {
  const wrap = (store: LogStore, index: number): LogStore =>
    index < from ? store : overrideStore(store, methods(store))
  return World.of(count, { onTick: () => {} }, { wrap })
}

describe('CL4 an adoption', () => {
  it.each([0, 1, 100])(
    'CL4 CL26 of two that have read a room the first to claim it wins, %i ms apart; the other disturbs nobody',
    async (ms) => {
      const reads: (() => void)[] = []
      await using world = await worldWith(3, 1, (store) => ({
        events: {
          range: async (query) => {
            const found = await store.events.range(query)
            if (query.room !== undefined && found.length === 0)
              await new Promise<void>((resolve) => reads.push(resolve))
            return found
          },
        },
      }))
      const { roomId } = await released(world)
      const record = await world.record(roomId)
      const racing = Promise.allSettled(
        [1, 2].map((index) => hostOf(world.at(index)).adopt(record)),
      )
      await world.until('both have read', () => reads.length === 2)
      for (const go of reads) {
        go()
        await world.pass(ms)
      }
      const results = await world.during(racing)
      const lost = results.flatMap((result) =>
        result.status === 'rejected' ? [result.reason as RingsideError] : [],
      )
      expect(lost.map(({ code }) => code)).toEqual(['room_taken'])
      await world.pass(2_000)
      const holders = [1, 2].filter((index) => hostOf(world.at(index)).rooms.has(roomId))
      expect(holders).toHaveLength(1)
      expect(hostOf(world.at(holders[0] ?? 0)).rooms.get(roomId)?.epoch).toBe(2)
      expect(world.servers.map((test) => hostOf(test).fencedCount)).toEqual([0, 0, 0])
    },
  )

  it('CL4 of two in one process the second is refused, and later too', async () => {
    await using world = await World.of(2)
    const { roomId } = await released(world)
    const record = await world.record(roomId)
    const host = hostOf(world.at(1))
    const first = host.adopt(record)
    await expect(host.adopt(record)).rejects.toMatchObject({ code: 'room_taken' })
    await world.during(first)
    await expect(host.adopt(record)).rejects.toMatchObject({ code: 'room_taken' })
    expect(host.rooms.has(roomId)).toBe(true)
  })

  it('CL4 CL28 what it cannot read it does not claim; another owner can, and itself when it has learnt', async () => {
    let isBroken = true
    await using world = await worldWith(3, 2, (store) => ({
      snapshots: {
        at: async (room, seq) => {
          const found = await store.snapshots.at(room, seq)
          return found && isBroken ? { ...found, publicState: '{"ticks":' } : found
        },
      },
    }))
    const { roomId, markers } = await released(world)
    await expect(world.adopt(world.at(2), roomId)).rejects.toMatchObject({ code: 'state_invalid' })
    expect(await markers()).toBe(0)
    expect(hostOf(world.at(2)).rooms.size).toBe(0)
    await world.adopt(world.at(1), roomId)
    expect(await markers()).toBe(1)
    isBroken = false
    await world.release(world.at(1), roomId)
    await world.adopt(world.at(2), roomId)
    expect(hostOf(world.at(2)).rooms.has(roomId)).toBe(true)
  })

  it('CL28 a claim that leads to no room is given up, and another owner can adopt', async () => {
    await using world = await worldWith(3, 2, () => ({
      events: { byRoomN: () => Promise.reject(new Error('away')) },
    }))
    const { roomId, markers } = await released(world)
    await expect(world.adopt(world.at(2), roomId)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await markers()).toBe(1)
    await world.adopt(world.at(1), roomId)
    expect(await markers()).toBe(2)
    await world.pass(1_000)
    expect(hostOf(world.at(2)).rooms.size).toBe(0)
    expect(hostOf(world.at(1)).rooms.get(roomId)?.epoch).toBe(3)
  })

  it('CL4 has what the owner before wrote between the look and the claim', async () => {
    let between = async (): Promise<void> => {}
    await using world = await worldWith(2, 1, (store) => ({
      events: {
        lastOfRoom: async (room) => {
          await between()
          return store.events.lastOfRoom(room)
        },
      },
    }))
    const ada = await world.at(0).join('Ada')
    const { roomId, sessionId } = ada.seat
    await world.pass(500)
    between = async () => {
      ada.ask(1, 'hit', { target: 'x' })
      await new Promise<void>((resolve) => void world.clock.after(500, resolve))
    }
    await world.adopt(world.at(1), roomId)
    expect(faceOf(world.at(1), roomId).state).toMatchObject({
      players: { [sessionId]: { score: 1 } },
    })
    await world.pass(1_000)
    expect(ada.closed).toMatchObject({ code: 4003 })
  })

  it('CL4 waits for no watermark: a hole in the log of others does not hold it up', async () => {
    await using world = await World.of(2, {}, { holeTimeoutMs: 60_000 })
    const { roomId } = await released(world)
    // A number that somebody took and never used.
    await world.store.events.allocate(1)
    const before = world.clock.now()
    await world.adopt(world.at(1), roomId)
    expect(world.clock.now() - before).toBeLessThan(1_000)
  })

  it('CL4 reads on from a newer snapshot when the log is cut under its reading', async () => {
    let cut = async (): Promise<void> => {}
    await using world = await worldWith(2, 1, (store) => ({
      events: {
        range: async (query) => {
          if (query.room !== undefined) await cut()
          return store.events.range(query)
        },
      },
    }))
    const { roomId } = await released(world)
    await world.adopt(world.at(0), roomId)
    await world.pass(500)
    cut = async () => {
      cut = async () => {}
      await hostOf(world.at(0)).release(roomId)
      const last = await world.store.events.lastOfRoom(roomId)
      await world.store.marks.raiseFloor(last?.seq ?? 0)
      await world.store.events.deleteThrough(last?.seq ?? 0)
    }
    await world.adopt(world.at(1), roomId)
    expect(hostOf(world.at(1)).rooms.get(roomId)?.epoch).toBe(3)
  })

  it('CL4 a room that has ended, or whose type is unknown, is not adopted', async () => {
    await using world = await World.of(2)
    const { roomId } = await released(world)
    const record = await world.record(roomId)
    await world.adopt(world.at(1), roomId)
    const host = hostOf(world.at(0))
    await expect(host.adopt({ ...record, type: 'none' })).rejects.toMatchObject({
      code: 'room_type_not_found',
    })
    faceOf(world.at(1), roomId).end()
    await world.pass(500)
    await expect(world.during(host.adopt(record))).rejects.toMatchObject({ code: 'room_over' })
  })
})
