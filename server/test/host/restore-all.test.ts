import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../src/index.ts'
import type { RoomRecord } from '../../src/outbox/contract/store.ts'
import { restoreAll } from '../../src/host/restore-all.ts'
import { settle } from '../outbox/support.ts'
import { TestServer } from '../support/test-server.ts'
import { roomRecord } from '../support/room-record.ts'

function records(count: number): RoomRecord[] {
  return Array.from({ length: count }, (_, index) =>
    roomRecord({ room: `room${String(index).padStart(6, '0')}`, createdAt: index }),
  )
}

async function storeOf(all: readonly RoomRecord[]): Promise<MemoryStore> {
  const store = new MemoryStore()
  for (const record of all) await store.rooms.save(record)
  return store
}

describe('CL3 all rooms go on', () => {
  it('CL3 beyond 10,000 too: the records are read in pages', async () => {
    const store = await storeOf(records(12_500))
    const seen = new Set<string>()
    const counts = await restoreAll({
      page: (after, limit) => store.rooms.living(after, limit),
      restore: async ({ room }) => seen.size < seen.add(room).size,
      onLeft: () => {},
      limit: 1e6,
    })
    expect(counts).toEqual({ restored: 12_500, left: 0, beyond: 0 })
    expect(seen.size).toBe(12_500)
  })

  it('CL3 CL25 32 at the same time', async () => {
    const all = records(100)
    const answers: (() => void)[] = []
    const restoring = restoreAll({
      page: async (after) => (after === '' ? all : []),
      restore: () => new Promise((resolve) => answers.push(() => resolve(true))),
      onLeft: () => {},
      limit: 1e6,
    })
    await settle()
    expect(answers).toHaveLength(32)
    for (let done = 0; done < all.length; done++) {
      answers[done]?.()
      await settle()
      expect(answers.length - done - 1).toBeLessThanOrEqual(32)
    }
    expect(await restoring).toMatchObject({ restored: 100 })
  })

  it('CL3 CL25 those that cannot go on, and those beyond the bound, are counted and left', async () => {
    const all = records(50)
    const left: string[] = []
    const counts = await restoreAll({
      page: async (after) => (after === '' ? all : []),
      restore: async ({ createdAt }) => createdAt % 2 === 0,
      onLeft: ({ room }) => void left.push(room),
      limit: 10,
    })
    expect(counts.restored).toBeGreaterThanOrEqual(1)
    expect(counts.restored).toBeLessThanOrEqual(10)
    expect(counts.restored + counts.left + counts.beyond).toBe(50)
    expect(counts.beyond).toBeGreaterThan(0)
    expect(left).toHaveLength(50 - counts.restored)
  })

  it('CL3 what concerns all rooms stops it, once those under way have settled', async () => {
    const all = records(100)
    let openCount = 0
    let triedCount = 0
    const restoring = restoreAll({
      page: async () => all,
      restore: async ({ createdAt }) => {
        triedCount++
        openCount++
        await settle()
        openCount--
        if (createdAt === 3) throw new Error('away')
        return true
      },
      onLeft: () => {},
      limit: 1e6,
    })
    await expect(restoring).rejects.toThrow('away')
    expect(openCount).toBe(0)
    expect(triedCount).toBeLessThan(100)
  })

  it('CL3 CL25 rooms that were running go on beyond maxRooms; none is made until there are fewer', async () => {
    const store = new MemoryStore()
    const first = await TestServer.start({ store })
    for (let count = 0; count < 5; count++) await first.server.createRoom('arena')
    await first[Symbol.asyncDispose]()
    await using second = await TestServer.start({ store, idPrefix: 'b', maxRooms: 2 })
    expect(second.server.rooms).toHaveLength(5)
    await expect(second.server.createRoom('arena')).rejects.toMatchObject({ code: 'room_limit' })
    expect(
      second.logged.some(({ message }) => message === 'more rooms go on than may be made'),
    ).toBe(true)
  })
})
