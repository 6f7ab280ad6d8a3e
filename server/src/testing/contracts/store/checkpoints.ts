import { describe, expect, it } from 'vitest'
import type { LogStore } from '../../../outbox/contract/store.ts'

/** Every store owes this to clients that come back. `make` returns an open store of a log of its own. */
export function describeCheckpointStore(
  name: string,
  make: () => Promise<Pick<LogStore, 'checkpoints'>>,
): void {
  describe(`${name}: checkpoints`, () => {
    it('OB12 a checkpoint only grows', async () => {
      const store = await make()
      expect(await store.checkpoints.of('x')).toBeNull()
      const seq = 1_795_274_835_886_010
      await store.checkpoints.save([])
      await store.checkpoints.save([
        { clientId: 'x', seq },
        { clientId: 'z', seq: 7 },
      ])
      await store.checkpoints.save([{ clientId: 'x', seq: 5 }])
      expect(await store.checkpoints.of('z')).toBe(7)
      expect(await store.checkpoints.of('x')).toBe(1_795_274_835_886_010)
      expect(await store.checkpoints.of('y')).toBeNull()
    })
  })
}
