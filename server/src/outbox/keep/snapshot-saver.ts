import type { Clock } from '../../process/clock.ts'
import { briefOf } from '../../process/log-line.ts'
import type { Logger } from '../../process/logger.ts'
import { LoopPace } from '../../process/loop-pace.ts'
import type { LogStore, Snapshot, SnapshotStore } from '../contract/store.ts'

const MAX_ATTEMPTS = 5
/**
 * So many are stored at once: a close hands over a snapshot of every room, and one after the other takes
 * too long.
 */
const MAX_SAVING = 16

interface Waiting {
  readonly snapshot: Snapshot
  readonly tell: (isStored: boolean | Promise<boolean>) => void
}

/**
 * Stores snapshots in the background, several at once but of each room one. Only the newest of each room
 * waits; one that cannot be stored is dropped, for the next will do as well (the log is cut later, then).
 */
export class SnapshotSaver {
  readonly #snapshots: SnapshotStore
  readonly #logger: Logger
  readonly #pace: LoopPace
  readonly #waiting = new Map<string, Waiting>()
  readonly #saving = new Map<string, Promise<boolean>>()
  #isStopped = false

  constructor(context: {
    readonly store: Pick<LogStore, 'snapshots'>
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#snapshots = context.store.snapshots
    this.#logger = context.logger
    this.#pace = new LoopPace(context.clock)
  }

  /** Resolves with false when it was dropped; one that a newer one has replaced is as that is. */
  save(snapshot: Snapshot): Promise<boolean> {
    if (this.#isStopped) return Promise.resolve(false)
    const { room } = snapshot
    const replaced = this.#waiting.get(room)
    const saved = new Promise<boolean>((tell) => this.#waiting.set(room, { snapshot, tell }))
    replaced?.tell(saved)
    this.#saveSome()
    return saved
  }

  /** Resolves when none waits. */
  async drain(): Promise<void> {
    while (this.#saving.size > 0) await Promise.race(this.#saving.values())
  }

  /** Drops the snapshots that are not stored yet, and says how many those were. */
  stop(): void {
    this.#isStopped = true
    const rooms = new Set([...this.#waiting.keys(), ...this.#saving.keys()])
    for (const { tell } of this.#waiting.values()) tell(false)
    this.#waiting.clear()
    this.#pace.release()
    if (rooms.size > 0)
      this.#logger.error({ rooms: rooms.size }, 'snapshots were dropped: these rooms replay more')
  }

  #saveSome(): void {
    for (const [room, { snapshot, tell }] of this.#waiting) {
      if (this.#saving.size === MAX_SAVING) return
      // A newer one must not be overtaken by the older at the same n.
      if (this.#saving.has(room)) continue
      this.#waiting.delete(room)
      const saved = this.#saveOne(snapshot).finally(() => {
        this.#saving.delete(room)
        this.#saveSome()
      })
      this.#saving.set(room, saved)
      tell(saved)
    }
  }

  async #saveOne(snapshot: Snapshot): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !this.#isStopped; attempt++) {
      try {
        await this.#snapshots.save(snapshot)
        return true
      } catch (error) {
        this.#logger.warn(
          { roomId: snapshot.room, err: briefOf(error) },
          'a snapshot could not be stored',
        )
        await this.#pace.backOff(attempt)
      }
    }
    return false
  }
}
