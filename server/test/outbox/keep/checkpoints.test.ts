import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { silentLogger } from '../../../src/process/logger.ts'
import { Checkpoints } from '../../../src/outbox/keep/checkpoints.ts'
import type {
  Checkpoint,
  CheckpointStore,
  StoredCheckpoint,
} from '../../../src/outbox/contract/store.ts'

/** A store that remembers each write, and fails as long as it is told to. */
class Written implements CheckpointStore {
  readonly calls: (readonly Checkpoint[])[] = []
  isAway = false
  stored: StoredCheckpoint | null = null
  async save(checkpoints: readonly Checkpoint[]): Promise<void> {
    if (this.isAway) throw new Error('away')
    this.calls.push(checkpoints)
  }
  async of(): Promise<StoredCheckpoint | null> {
    return this.stored
  }
}

/** A checkpoint of the feed without a name. */
function told(clientId: string, seq: number, selection = ''): Checkpoint {
  return { clientId, feedName: '', seq, selection }
}

function make(sealed = 1_000) {
  const clock = new ManualClock()
  const store = new Written()
  const parts = { store: { checkpoints: store }, clock, logger: silentLogger, sealed: () => sealed }
  return { clock, store, checkpoints: new Checkpoints(parts) }
}

describe('OB19 checkpoints of clients', () => {
  it('OB19 what a client tells often is written once in 2 s, the greatest of it, and at most W', async () => {
    const { clock, store, checkpoints } = make()
    for (let seq = 1; seq <= 500; seq++) checkpoints.note(told('ada', seq))
    checkpoints.note(told('ada', 7))
    checkpoints.note(told('bob', Number.MAX_SAFE_INTEGER))
    await clock.advanceAsync(1_900, 100)
    expect(store.calls).toEqual([])
    await clock.advanceAsync(200, 100)
    expect(store.calls).toEqual([[told('ada', 500), told('bob', 1_000)]])
    await clock.advanceAsync(10_000, 100)
    expect(store.calls).toHaveLength(1)
    expect(clock.pendingCount).toBe(0)
  })

  it('OB19 what waits is known at once, and what is stored where it is greater', async () => {
    const { store, checkpoints } = make()
    expect(await checkpoints.of('ada', '')).toBeNull()
    checkpoints.note(told('ada', 5, 'a'))
    checkpoints.note({ ...told('ada', 3), feedName: 'board' })
    checkpoints.note(told('ada', 4, 'b'))
    expect(await checkpoints.of('ada', '')).toMatchObject({ seq: 5, selection: 'a' })
    expect(await checkpoints.of('ada', 'board')).toMatchObject({ seq: 3 })
    store.stored = { seq: 9, selection: 'c' }
    expect(await checkpoints.of('ada', '')).toEqual({ seq: 9, selection: 'c' })
  })

  it('OB19 what could not be written is written with the next; a bound of clients wait at most', async () => {
    const { clock, store, checkpoints } = make()
    store.isAway = true
    for (let index = 0; index < 10_000; index++) checkpoints.note(told(`client-${index}`, index))
    expect(() => checkpoints.note(told('one-more', 1))).toThrow(/Too many checkpoints/)
    checkpoints.note(told('client-3', 900))
    await clock.advanceAsync(10_000, 100)
    expect(store.calls).toEqual([])
    store.isAway = false
    await clock.advanceAsync(2_100, 100)
    expect(store.calls.map((batch) => batch.length)).toEqual(Array(10).fill(1_000))
    expect(store.calls[0]?.[3]).toEqual(told('client-3', 900))
    checkpoints.note(told('one-more', 1))
  })

  it('OB19 what is told while it is written is written after it; nothing runs after stop', async () => {
    const { clock, store, checkpoints } = make()
    const save = store.save.bind(store)
    store.save = async (batch) => {
      await save(batch)
      if (store.calls.length === 1) checkpoints.note(told('ada', 20))
    }
    checkpoints.note(told('ada', 10))
    await clock.advanceAsync(5_000, 100)
    expect(store.calls.flat().map(({ seq }) => seq)).toEqual([10, 20])
    checkpoints.note(told('ada', 30))
    checkpoints.stop()
    await clock.advanceAsync(5_000, 100)
    expect(store.calls).toHaveLength(2)
    expect(clock.pendingCount).toBe(0)
  })
})
