import type { Checkpoint, CheckpointStore, StoreClock } from '../../contract/store.ts'
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
    const writes = checkpoints.map(({ clientId, seq }) => {
      const update = { $max: { seq: long(seq) }, $set: { at } }
      return { updateOne: { filter: { _id: clientId }, update, upsert: true } }
    })
    await this.#checkpoints.bulkWrite(writes, { ordered: false })
  }

  async of(clientId: string): Promise<number | null> {
    const found = await this.#checkpoints.findOne({ _id: clientId })
    return found ? toNumber(found.seq) : null
  }
}
