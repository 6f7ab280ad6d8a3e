import { describe, expect, it } from 'vitest'
import type { LogStore } from '../../../outbox/contract/store.ts'
import { strange } from './log-event.ts'

/** Every store owes this to the tail. `make` returns an open store of a log of its own. */
export function describeWakeSource(
  name: string,
  make: () => Promise<Pick<LogStore, 'events' | 'wake'>>,
): void {
  describe(`${name}: wake`, () => {
    it('OB5 wakes its subscribers until they leave', async () => {
      const store = await make()
      const first = await store.events.allocate(2)
      let wakes = 0
      let resolve = (): void => {}
      const woken = new Promise<void>((done) => (resolve = done))
      const stop = store.wake.subscribe(() => {
        wakes++
        resolve()
      })
      await store.events.insert([strange({ seq: first, room: 'r', n: 1, epoch: 1 })])
      await woken
      stop()
      const before = wakes
      await store.events.insert([strange({ seq: first + 1, room: 'r', n: 2, epoch: 1 })])
      expect(wakes).toBe(before)
    })
  })
}
