import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { Backoff } from './backoff.ts'
import type { LogStore, Snapshot } from './store.ts'

const MAX_ATTEMPTS = 5

/**
 * Stores snapshots in the background, one at a time. Of each room only the newest waits; one that cannot
 * be stored is dropped, for the next will do as well (the log is cut later, then).
 */
export class SnapshotSaver {
  readonly #store: LogStore
  readonly #logger: Logger
  readonly #backoff: Backoff
  readonly #waiting = new Map<string, Snapshot>()
  #saving: Promise<void> | null = null
  #isStopped = false

  constructor(context: {
    readonly store: LogStore
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#store = context.store
    this.#logger = context.logger
    this.#backoff = new Backoff(context.clock)
  }

  save(snapshot: Snapshot): void {
    if (this.#isStopped) return
    this.#waiting.set(snapshot.room, snapshot)
    this.#saving ??= this.#saveAll().finally(() => {
      this.#saving = null
    })
  }

  /** Resolves when none waits. */
  async drain(): Promise<void> {
    await this.#saving
  }

  stop(): void {
    this.#isStopped = true
    this.#waiting.clear()
    this.#backoff.release()
  }

  async #saveAll(): Promise<void> {
    for (const [room, snapshot] of this.#waiting) {
      this.#waiting.delete(room)
      await this.#saveOne(snapshot)
    }
  }

  async #saveOne(snapshot: Snapshot): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !this.#isStopped; attempt++) {
      try {
        await this.#store.saveSnapshot(snapshot)
        return
      } catch (error) {
        this.#logger.warn({ roomId: snapshot.room, err: error }, 'a snapshot could not be stored')
        await this.#backoff.wait(attempt)
      }
    }
  }
}
