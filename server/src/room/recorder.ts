import type { NewEvent, RoomLog } from '../outbox/outbox.ts'
import type { PatchHeader, PlayerPatch, StateTracker } from '../state/state.ts'

/**
 * Takes a room's changes to its log (OB7): nothing that the room emitted is lost when the log's
 * buffer is full; the room pauses instead.
 */
export class RoomRecorder {
  readonly tracker: StateTracker
  readonly #log: RoomLog
  /** What one turn produced after the buffer filled up; the room pauses, so it cannot grow further. */
  #waiting: NewEvent[] = []
  #onUnblocked: (() => void)[] = []
  #isSnapshotDue = false

  constructor(tracker: StateTracker, log: RoomLog) {
    this.tracker = tracker
    this.#log = log
  }

  get log(): RoomLog {
    return this.#log
  }

  /** True while the room must not go on. */
  get isBlocked(): boolean {
    return this.#waiting.length > 0 || this.#log.isFull
  }

  /** First event of a new room: its full first state (n = 1). */
  recordFirstState(): void {
    const { data, hidden } = this.tracker.fullLog()
    this.append({ type: 'patch', data, hidden })
  }

  append(event: NewEvent): void {
    if (this.#waiting.length > 0 || !this.#log.append(event)) this.#waiting.push(event)
  }

  /** Encodes what changed for the players; null when nothing did. */
  flushPlayers(header: PatchHeader): PlayerPatch | null {
    return this.tracker.flushPlayers(header)
  }

  /** Writes what changed to the log. Right after `flushPlayers`. */
  flushLog(runtime: () => string): void {
    if (this.isBlocked) return
    const patch = this.tracker.flushLog()
    if (patch) this.append({ type: 'patch', data: patch.data, hidden: patch.hidden })
    if (this.#isSnapshotDue && !this.isBlocked) this.snapshot(runtime())
  }

  /** Captures the state as it is now. Right after `flushLog`. */
  snapshot(runtime: string): void {
    this.#isSnapshotDue = false
    const { data, hidden } = this.tracker.fullLog()
    this.#log.snapshot({ publicState: data, hiddenState: hidden, runtime })
  }

  requestSnapshot(): void {
    this.#isSnapshotDue = true
  }

  /**
   * Resolves when everything up to now is acknowledged; while the log takes nothing, once it has
   * taken what waits. `flush` writes what the state has not yet written.
   */
  durable(flush: () => void): Promise<void> {
    if (!this.isBlocked) flush()
    if (!this.isBlocked) return this.#log.durable()
    return new Promise((resolve, reject) => {
      this.#onUnblocked.push(() => {
        this.durable(flush).then(resolve, reject)
      })
    })
  }

  /**
   * Writes what is left, beyond the log's bound if need be, then `end` when the room is over for good,
   * and gives the ownership up. Right after `flushPlayers`.
   */
  close(isEnd: boolean): Promise<void> {
    const last = this.#waiting
    this.#waiting = []
    const patch = this.tracker.flushLog()
    if (patch) last.push({ type: 'patch', data: patch.data, hidden: patch.hidden })
    if (isEnd) last.push({ type: 'end', data: '{}' })
    return this.#log.close(last)
  }

  /** The log takes events again: hands over what had to wait. */
  resume(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const event of waiting) this.append(event)
    if (this.isBlocked) return
    const callbacks = this.#onUnblocked
    this.#onUnblocked = []
    for (const callback of callbacks) callback()
  }
}
