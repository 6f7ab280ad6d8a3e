/** Rooms remembered; more than the rooms' host does. */
const MAX_KEPT = 20_000

/**
 * Up to where rooms have nothing to show: they begin later, or what they wrote is gone. It never changes, so the
 * log is asked once for it, however many readers want the rooms' snapshots at old positions (FE15).
 */
export class RoomSpans {
  readonly #nothingUpTo = new Map<string, number>()

  /** The room has no snapshot at `seq`, nor at any position below. */
  noteNothing(room: string, seq: number): void {
    const known = this.#nothingUpTo.get(room) ?? -1
    this.#nothingUpTo.delete(room)
    this.#nothingUpTo.set(room, Math.max(known, seq))
    const oldest = this.#nothingUpTo.keys().next()
    if (this.#nothingUpTo.size > MAX_KEPT && !oldest.done) this.#nothingUpTo.delete(oldest.value)
  }

  /** True when the log need not be asked for the room at `seq`. */
  hasNothingAt(room: string, seq: number): boolean {
    return seq <= (this.#nothingUpTo.get(room) ?? -1)
  }
}
