import { RingsideError } from '../process/errors.ts'
import type { RoomLogHandlers } from '../outbox/contract/outbox.ts'

/**
 * Ties a room to its log. The log tells its owner from the moment of the claim, before there is a room: what it
 * says until then is kept here. States: `waiting` (no room yet) -> `lost` (the log is no longer ours) or
 * `attached` (the room is told itself).
 */
export class Attachment implements RoomLogHandlers {
  readonly #onFenced: () => void
  #room: RoomLogHandlers | null = null
  #loss: RingsideError | null = null
  #isSnapshotDue = false

  /** `onFenced` is called whenever another owner takes the room, before the room is told. */
  constructor(onFenced: () => void) {
    this.#onFenced = onFenced
  }

  /** @throws RingsideError room_taken, outbox_unreachable or event_refused when the log was lost meanwhile. */
  assertHeld(): void {
    if (this.#loss) throw this.#loss
  }

  /** Tells the room everything from now on, in the turn in which it was made, so that nothing comes between. */
  attach(room: RoomLogHandlers): void {
    this.#room = room
    if (this.#isSnapshotDue) room.onSnapshotDue()
  }

  onFenced(): void {
    this.#onFenced()
    if (this.#room) this.#room.onFenced()
    else this.#loss = new RingsideError('room_taken')
  }

  onGivenUp(): void {
    if (this.#room) this.#room.onGivenUp()
    else this.#loss = new RingsideError('outbox_unreachable')
  }

  onWritable(): void {
    // A room that is made looks for itself whether its log is full.
    this.#room?.onWritable()
  }

  onRefused(cause: unknown): void {
    if (this.#room) this.#room.onRefused(cause)
    else this.#loss = new RingsideError('event_refused', undefined, { cause })
  }

  onSnapshotDue(): void {
    if (this.#room) this.#room.onSnapshotDue()
    else this.#isSnapshotDue = true
  }
}
