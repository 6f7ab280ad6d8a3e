import { RingsideError } from '../../process/errors.ts'
import type { NewEvent, RoomLog } from '../../outbox/contract/outbox.ts'
import type { PatchHeader, PlayerPatch, StateTracker } from '../../state/contract.ts'

/** Events held while the log is full: one turn's and everybody's leaving fit by far. */
const MAX_WAITING = 10_000

interface Durable {
  readonly flush: () => void
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/**
 * Takes a room's changes to its log (OB7): nothing that the room emitted is lost when the log's
 * buffer is full; the room pauses instead.
 */
export class RoomRecorder {
  readonly tracker: StateTracker
  readonly #log: RoomLog
  /** What came after the buffer filled up: the rest of a turn, then players who left. */
  #waiting: NewEvent[] = []
  #durables: Durable[] = []
  #isSnapshotDue = false
  #closed: Promise<void> | null = null

  constructor(tracker: StateTracker, log: RoomLog) {
    this.tracker = tracker
    this.#log = log
  }

  /** True while the room must not go on. */
  get isBlocked(): boolean {
    return this.#waiting.length > 0 || this.#log.isFull
  }

  /** The room's `end` is in the log for good. */
  get isEndStored(): boolean {
    return this.#log.isEnded
  }

  /**
   * First event of a new room: its full first state (n = 1).
   * @throws RingsideError state_invalid when it is larger than an event may be.
   */
  recordFirstState(): void {
    const { data, hidden } = this.tracker.fullLog()
    if (this.#log.append({ type: 'patch', data, hidden })) return
    const bytes = Buffer.byteLength(data) + Buffer.byteLength(hidden ?? '')
    throw new RingsideError(
      'state_invalid',
      `Expected a first state within maxEventBytes, got ${bytes} bytes`,
    )
  }

  /** @throws RingsideError room_paused when a game goes on emitting while its room is paused. */
  append(event: NewEvent): void {
    if (this.#waiting.length === 0 && this.#log.append(event)) return
    if (this.#waiting.length >= MAX_WAITING) throw new RingsideError('room_paused')
    this.#waiting.push(event)
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

  /**
   * Writes what changed for the last time and hands the log over, with the state of this very point. Resolves
   * when both are stored; nothing may be recorded meanwhile. Right after `flushLog`, while not blocked.
   * @throws RingsideError as RoomLog.handOver.
   */
  handOver(runtime: string): Promise<void> {
    this.#isSnapshotDue = false
    const { data, hidden } = this.tracker.fullLog()
    return this.#log.handOver({ publicState: data, hiddenState: hidden, runtime })
  }

  requestSnapshot(): void {
    this.#isSnapshotDue = true
  }

  /**
   * Resolves when everything up to now is acknowledged; while the log takes nothing, once it has
   * taken what waits; after `close` as that does. `flush` writes what the state has not yet written.
   * @throws RingsideError as RoomLog.durable.
   */
  durable(flush: () => void): Promise<void> {
    if (this.#closed) return this.#closed
    if (!this.isBlocked) flush()
    if (!this.isBlocked) return this.#log.durable()
    const durable = new Promise<void>((resolve, reject) => {
      this.#durables.push({ flush, resolve, reject })
    })
    // A game that does not ask how it went must not end the process by that.
    durable.catch(() => {})
    return durable
  }

  /**
   * Writes what is left, beyond the log's bound if need be, then `end` when the room is over for good,
   * and gives the ownership up. Right after `flushPlayers`. Settles whoever waits for `durable`.
   * @throws RingsideError as RoomLog.close, when not everything was written.
   */
  close(isEnd: boolean): Promise<void> {
    const last = this.#waiting
    this.#waiting = []
    const patch = this.tracker.flushLog()
    if (patch) last.push({ type: 'patch', data: patch.data, hidden: patch.hidden })
    if (isEnd) last.push({ type: 'end', data: '{}' })
    const closed = this.#log.close(last)
    this.#closed = closed
    for (const { resolve, reject } of this.#durables.splice(0)) closed.then(resolve, reject)
    return closed
  }

  /** The log takes events again: hands over what had to wait. */
  resume(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const event of waiting) this.append(event)
    if (this.isBlocked) return
    for (const { flush, resolve, reject } of this.#durables.splice(0))
      this.durable(flush).then(resolve, reject)
  }
}
