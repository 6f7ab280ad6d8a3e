import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import { briefOf } from '../../process/log-line.ts'
import type { Logger } from '../../process/logger.ts'
import type { ClientCheckpoints } from '../contract/outbox.ts'
import type { Checkpoint, LogStore, StoredCheckpoint } from '../contract/store.ts'

const WRITE_EVERY_MS = 2_000
/** So many checkpoints wait to be written; further ones are refused until they are. */
const MAX_WAITING = 10_000
const MAX_BATCH = 1_000

export interface CheckpointsContext {
  readonly store: Pick<LogStore, 'checkpoints'>
  readonly clock: Clock
  readonly logger: Logger
  /** W of OB3. */
  readonly sealed: () => number
}

/**
 * Gathers how far clients have read (OB19), the greatest position of each, and writes all together every 2 s:
 * a client that tells it with each event costs no more than one that seldom does. A batch that the store
 * refuses is written with the next.
 */
export class Checkpoints implements ClientCheckpoints {
  readonly #context: CheckpointsContext
  readonly #waiting = new Map<string, Checkpoint>()
  #cancel: (() => void) | null = null

  constructor(context: CheckpointsContext) {
    this.#context = context
  }

  note(checkpoint: Checkpoint): void {
    const key = keyOf(checkpoint)
    const known = this.#waiting.get(key)
    if (known === undefined && this.#waiting.size >= MAX_WAITING)
      throw new RingsideError('too_many_requests', 'Too many checkpoints wait to be written')
    const seq = Math.min(checkpoint.seq, this.#context.sealed())
    if (!known || seq >= known.seq) this.#waiting.set(key, { ...checkpoint, seq })
    this.#schedule()
  }

  async of(clientId: string, feedName: string): Promise<StoredCheckpoint | null> {
    const stored = await this.#context.store.checkpoints.of(clientId, feedName)
    const waiting = this.#waiting.get(keyOf({ clientId, feedName }))
    return waiting && (!stored || waiting.seq >= stored.seq) ? waiting : stored
  }

  /** Writes all that waits. It rejects as the store does; checkpoints that were not written still wait. */
  async flush(): Promise<void> {
    const all = [...this.#waiting]
    for (let from = 0; from < all.length; from += MAX_BATCH) {
      const batch = all.slice(from, from + MAX_BATCH)
      await this.#context.store.checkpoints.save(batch.map(([, checkpoint]) => checkpoint))
      // A client may have told more meanwhile.
      for (const [key, checkpoint] of batch)
        if (this.#waiting.get(key) === checkpoint) this.#waiting.delete(key)
    }
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #schedule(): void {
    this.#cancel ??= this.#context.clock.after(WRITE_EVERY_MS, () => void this.#write())
  }

  /** The timer stands until it has ended: one write at a time. */
  async #write(): Promise<void> {
    try {
      await this.flush()
    } catch (error) {
      this.#context.logger.debug({ err: briefOf(error) }, 'checkpoints were not written')
    }
    if (!this.#cancel) return
    this.#cancel = null
    if (this.#waiting.size > 0) this.#schedule()
  }
}

/** No id of a client has a blank. */
function keyOf({ clientId, feedName }: Pick<Checkpoint, 'clientId' | 'feedName'>): string {
  return `${clientId} ${feedName}`
}
