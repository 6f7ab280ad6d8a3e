import { describe, expect, it } from 'vitest'
import type { LogStore } from '../../../outbox/contract/store.ts'
import { describeCheckpointStore } from './checkpoints.ts'
import { describeEventStore } from './events.ts'
import { describeMarkStore } from './marks.ts'
import { describeRecordStore } from './records.ts'
import { describeRoomStore } from './rooms.ts'
import { describeSnapshotStore } from './snapshots.ts'
import { describeStoreClock } from './clock.ts'
import { describeWakeSource } from './wake.ts'

/** All contracts of a store, one suite after the other. `make` returns an open store of a log of its own. */
export function describeLogStore(name: string, make: () => Promise<LogStore>): void {
  describeEventStore(name, make)
  describeMarkStore(name, make)
  describeSnapshotStore(name, make)
  describeRoomStore(name, make)
  describeCheckpointStore(name, make)
  describeRecordStore(name, make)
  describeStoreClock(name, make)
  describeWakeSource(name, make)

  describe(`${name} as a whole`, () => {
    it('open may be called by several processes at once', async () => {
      const store = await make()
      await expect(Promise.all([store.open(), store.open()])).resolves.toBeDefined()
    })
  })
}
