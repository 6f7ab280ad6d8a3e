import type {
  Checkpoint,
  CheckpointStore,
  StoreClock,
  StoredCheckpoint,
} from '../../contract/store.ts'
import { checkpointKey } from '../checkpoint-key.ts'
import type { Collections } from './collections.ts'
import { long, toNumber } from './documents.ts'

/** Checkpoints of clients in MongoDB; they expire by the time of the last `save`. */
export class MongoCheckpoints implements CheckpointStore {
  readonly #checkpoints: Collections['checkpoints']
  readonly #clock: StoreClock

  constructor({ checkpoints }: Collections, clock: StoreClock) {
    this.#checkpoints = checkpoints
    this.#clock = clock
  }

  async save(checkpoints: readonly Checkpoint[]): Promise<void> {
    if (checkpoints.length === 0) return
    const at = new Date(this.#clock.now())
    const writes = checkpoints.map(({ clientId, feedName, seq, selection }) => {
      const filter = { _id: checkpointKey(clientId, feedName) }
      // One step, so that the selection is that of the greatest seq whoever else writes. A checkpoint of an older
      // version has none.
      const isNewer = { $gte: [long(seq), { $ifNull: ['$seq', long(0)] }] }
      const update = [
        {
          $set: {
            seq: { $max: ['$seq', long(seq)] },
            selection: {
              $cond: [isNewer, { $literal: selection }, { $ifNull: ['$selection', ''] }],
            },
            at,
          },
        },
      ]
      return { updateOne: { filter, update, upsert: true } }
    })
    // In order: two of one client's feed in a batch are as they were told.
    await this.#checkpoints.bulkWrite(writes, { ordered: true })
  }

  async of(clientId: string, feedName: string): Promise<StoredCheckpoint | null> {
    const found = await this.#checkpoints.findOne({ _id: checkpointKey(clientId, feedName) })
    return found && { seq: toNumber(found.seq), selection: found.selection ?? '' }
  }
}
