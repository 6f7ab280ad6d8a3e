import { describe, expect, it } from 'vitest'
import type { LogStore } from '../../../outbox/contract/store.ts'

/** Every store owes this to whatever is dated. `make` returns an open store of a log of its own. */
export function describeStoreClock(
  name: string,
  make: () => Promise<Pick<LogStore, 'clock'>>,
): void {
  describe(`${name}: clock`, () => {
    it('OB16 the time of the store is whole ms, and does not go back', async () => {
      const { clock } = await make()
      let last = clock.now()
      expect(Number.isSafeInteger(last)).toBe(true)
      for (let look = 0; look < 1_000; look++) {
        const now = clock.now()
        expect(now).toBeGreaterThanOrEqual(last)
        last = now
      }
    })
  })
}
