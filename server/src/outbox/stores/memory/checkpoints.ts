import type { Checkpoint, CheckpointStore, StoredCheckpoint } from '../../contract/store.ts'
import { checkpointKey } from '../checkpoint-key.ts'

/** So many checkpoints are kept, and characters of their selections; the oldest go first. */
const MAX_CHECKPOINTS = 100_000
const MAX_CHARACTERS = 32 * 1024 * 1024

/** Checkpoints of clients in memory. */
export class MemoryCheckpoints implements CheckpointStore {
  readonly #kept = new Map<string, StoredCheckpoint>()
  #characters = 0

  async save(checkpoints: readonly Checkpoint[]): Promise<void> {
    for (const { clientId, feedName, seq, selection } of checkpoints) {
      const key = checkpointKey(clientId, feedName)
      const known = this.#take(key)
      this.#put(key, known && known.seq > seq ? known : { seq, selection })
    }
    for (const key of this.#kept.keys()) {
      if (this.#kept.size <= MAX_CHECKPOINTS && this.#characters <= MAX_CHARACTERS) break
      this.#take(key)
    }
  }

  async of(clientId: string, feedName: string): Promise<StoredCheckpoint | null> {
    return this.#kept.get(checkpointKey(clientId, feedName)) ?? null
  }

  #put(key: string, checkpoint: StoredCheckpoint): void {
    this.#kept.set(key, checkpoint)
    this.#characters += checkpoint.selection.length
  }

  #take(key: string): StoredCheckpoint | undefined {
    const known = this.#kept.get(key)
    this.#kept.delete(key)
    this.#characters -= known?.selection.length ?? 0
    return known
  }
}
