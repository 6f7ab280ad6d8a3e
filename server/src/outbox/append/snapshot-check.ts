import { RingsideError } from '../../process/errors.ts'
import type { Logger } from '../../process/logger.ts'
import type { SnapshotInput } from '../contract/outbox.ts'
import { MAX_SNAPSHOT_BYTES, snapshotBytes } from '../contract/sizes.ts'

/** Looks at each snapshot of a room; one that is half of what can be stored is told of once. */
export class SnapshotCheck {
  readonly #room: string
  readonly #logger: Logger
  #hasWarned = false

  constructor(room: string, logger: Logger) {
    this.#room = room
    this.#logger = logger
  }

  /**
   * Says why a snapshot can never be stored, or null. Without one the room could not be restored, nor the log
   * be cut.
   */
  faultOf(state: SnapshotInput): RingsideError | null {
    const bytes = snapshotBytes(state)
    if (bytes > MAX_SNAPSHOT_BYTES)
      return new RingsideError(
        'state_invalid',
        `Expected a state of at most ${MAX_SNAPSHOT_BYTES} bytes, got ${bytes}`,
      )
    if (bytes * 2 > MAX_SNAPSHOT_BYTES && !this.#hasWarned) {
      this.#hasWarned = true
      const fields = { roomId: this.#room, bytes, maxBytes: MAX_SNAPSHOT_BYTES }
      this.#logger.warn(fields, 'the state of a room is more than half of what can be stored')
    }
    return null
  }
}
