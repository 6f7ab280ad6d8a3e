import { describe, expect, it } from 'vitest'
import type { LogStore } from '../../../outbox/contract/store.ts'

/** Every store owes this to clients that come back. `make` returns an open store of a log of its own. */
export function describeCheckpointStore(
  name: string,
  make: () => Promise<Pick<LogStore, 'checkpoints'>>,
): void {
  describe(`${name}: checkpoints`, () => {
    it('OB12 a checkpoint only grows, and each feed of a client has its own', async () => {
      const { checkpoints } = await make()
      expect(await checkpoints.of('x', '')).toBeNull()
      const seq = 1_795_274_835_886_010
      const plain = { feedName: '', selection: '*' }
      await checkpoints.save([])
      await checkpoints.save([
        { clientId: 'x', seq, ...plain },
        { clientId: 'x', seq: 9, feedName: 'board', selection: '' },
        { clientId: 'z', seq: 7, ...plain },
      ])
      await checkpoints.save([{ clientId: 'x', seq: 5, ...plain }])
      expect(await checkpoints.of('z', '')).toEqual({ seq: 7, selection: '*' })
      expect(await checkpoints.of('x', '')).toEqual({
        seq: 1_795_274_835_886_010,
        selection: '*',
      })
      expect(await checkpoints.of('x', 'board')).toEqual({ seq: 9, selection: '' })
      expect(await checkpoints.of('z', 'board')).toBeNull()
      expect(await checkpoints.of('y', '')).toBeNull()
    })

    it('OB12 the selection is that of the greatest seq, of equal ones the last', async () => {
      const { checkpoints } = await make()
      const told = { clientId: 'a|b@c.d', feedName: 'f' }
      // It is text of the feed's own, and nothing that a database may read as its language.
      await checkpoints.save([{ ...told, seq: 10, selection: '$seq' }])
      await checkpoints.save([{ ...told, seq: 9, selection: 'older' }])
      expect(await checkpoints.of('a|b@c.d', 'f')).toEqual({ seq: 10, selection: '$seq' })
      await checkpoints.save([{ ...told, seq: 10, selection: 'again' }])
      expect(await checkpoints.of('a|b@c.d', 'f')).toEqual({ seq: 10, selection: 'again' })
      const selection = '='.padEnd(1_024, 'x')
      await checkpoints.save([
        { ...told, seq: 11, selection: 'first' },
        { ...told, seq: 12, selection },
      ])
      expect(await checkpoints.of('a|b@c.d', 'f')).toEqual({ seq: 12, selection })
    })
  })
}
