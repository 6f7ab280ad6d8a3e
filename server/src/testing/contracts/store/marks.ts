import { describe, expect, it } from 'vitest'
import type { LogStore } from '../../../outbox/contract/store.ts'
import { strange } from './log-event.ts'

/** Every store owes this to the rules above it: numbers that only grow. `make` returns an open store of a log of its own. */
export function describeMarkStore(
  name: string,
  make: () => Promise<Pick<LogStore, 'events' | 'marks' | 'clock'>>,
): void {
  describe(`${name}: marks`, () => {
    const sparse = async (): Promise<{
      store: Pick<LogStore, 'events' | 'marks' | 'clock'>
      first: number
    }> => {
      const store = await make()
      return { store, first: await store.events.allocate(10) }
    }

    it('OB3 allocates ranges that follow each other, from origin + 1', async () => {
      const store = await make()
      const origin = await store.marks.origin()
      expect(await store.marks.counter()).toBe(origin)
      expect(await store.marks.floor()).toBe(origin)
      expect(await store.marks.sealed()).toBe(origin)
      expect(await store.events.allocate(3)).toBe(origin + 1)
      expect(await store.events.allocate(1)).toBe(origin + 4)
      await store.events.insert([strange({ seq: origin + 4, room: 'r', n: 1, epoch: 1 })])
      expect(await store.marks.counter()).toBe(origin + 4)
    })

    it('OB3 begins at its creation time, above every id of an older log', async () => {
      const store = await make()
      const origin = await store.marks.origin()
      expect(Math.abs(origin / 1000 - store.clock.now())).toBeLessThan(600_000)
    })

    it('OB3 OB6 floor and stored watermark only grow', async () => {
      const { store, first } = await sparse()
      await store.marks.raiseFloor(first + 2)
      await store.marks.raiseFloor(first)
      expect(await store.marks.floor()).toBe(first + 2)
      await store.marks.storeSealed(first + 5)
      await store.marks.storeSealed(first + 1)
      expect(await store.marks.sealed()).toBe(first + 5)
    })

    it('OB100 a log has a history, the same for everybody who asks', async () => {
      const store = await make()
      const { id, origin, floor, voids, restoredAt } = await store.marks.history()
      expect(id).not.toBe('')
      expect(await store.marks.history()).toEqual({ id, origin, floor, voids, restoredAt })
      expect([voids, restoredAt]).toEqual([[], 0])
      expect([origin, floor]).toEqual([await store.marks.origin(), await store.marks.floor()])
    })

    it('OB101 OB102 another history begins in one step, and those of the one before get no numbers', async () => {
      const { store, first } = await sparse()
      const { id: from } = await store.marks.history()
      const end = first + 9
      const base = end + 1_000_000_000
      const voids = [{ after: end, upTo: base - 1 }]
      const next = { from, id: 'next', base, voids, restoredAt: 1_700_000_000_000 }
      expect(await store.marks.beginHistory({ ...next, from: 'another' })).toBe(false)
      expect(await store.events.allocate(1, from)).toBe(end + 1)
      expect(await store.marks.beginHistory(next)).toBe(true)
      expect(await store.marks.history()).toMatchObject({
        id: 'next',
        voids,
        restoredAt: next.restoredAt,
      })
      expect([await store.marks.counter(), await store.marks.sealed()]).toEqual([base, base])
      const restored = { code: 'log_restored' }
      await expect(store.events.allocate(1, from)).rejects.toMatchObject(restored)
      await expect(store.marks.floor(from)).rejects.toMatchObject(restored)
      await expect(store.marks.raiseFloor(end, from)).rejects.toMatchObject(restored)
      const makeOne = (seq: number) => [strange({ seq, room: 'r', n: 1, epoch: 1 })]
      const refused = await store.events.insertNext(1, makeOne, from)
      expect(refused).toMatchObject({ kind: 'unknown', cause: restored })
      expect(await store.marks.floor('next')).toBe(await store.marks.origin())
      expect(await store.events.insertNext(1, makeOne, 'next')).toEqual({ kind: 'stored' })
      expect(await store.events.allocate(1, 'next')).toBe(base + 2)
    })

    it('OB104 what lies in a void range is deleted, owner events too', async () => {
      const { store, first } = await sparse()
      const room = { room: 'r', epoch: 1 }
      const kept = strange({ ...room, seq: first, n: 1 })
      const owner = strange({ ...room, seq: first + 1, n: 2, type: 'owner' })
      await store.events.insert([kept, owner, strange({ seq: first + 2 })])
      expect(await store.events.deleteVoid({ after: first, upTo: first + 5 })).toBe(2)
      expect(await store.events.lastOfRoom('r')).toEqual(kept)
      expect(await store.events.byRoomN('r', 2)).toBeNull()
      expect(await store.events.insert([{ ...owner, seq: first + 6 }])).toEqual({ kind: 'stored' })
    })

    it('OB3 OB51 what may be cut is never given again: the floor takes the counter along', async () => {
      const { store } = await sparse()
      const ahead = (await store.marks.counter()) + 500
      await store.marks.raiseFloor(ahead)
      expect(await store.events.allocate(2)).toBe(ahead + 1)
    })
  })
}
