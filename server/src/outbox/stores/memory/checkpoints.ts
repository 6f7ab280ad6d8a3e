import type { Checkpoint, CheckpointStore } from '../../contract/store.ts'

/** So many checkpoints are kept; the oldest go first. */
const MAX_CHECKPOINTS = 100_000

/** Checkpoints of clients in memory. */
export class MemoryCheckpoints implements CheckpointStore {
  readonly #seqs = new Map<string, number>()

  async save(checkpoints: readonly Checkpoint[]): Promise<void> {
    for (const { clientId, seq } of checkpoints) {
      const known = this.#seqs.get(clientId) ?? 0
      this.#seqs.delete(clientId)
      this.#seqs.set(clientId, Math.max(known, seq))
    }
    for (const clientId of this.#seqs.keys()) {
      if (this.#seqs.size <= MAX_CHECKPOINTS) break
      this.#seqs.delete(clientId)
    }
  }

  async of(clientId: string): Promise<number | null> {
    return this.#seqs.get(clientId) ?? null
  }
}
