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

    it('OB3 OB51 what may be cut is never given again: the floor takes the counter along', async () => {
      const { store } = await sparse()
      const ahead = (await store.marks.counter()) + 500
      await store.marks.raiseFloor(ahead)
      expect(await store.events.allocate(2)).toBe(ahead + 1)
    })
  })
}
