/** The estimate gives way by so much of a ms in each ms, so that a clock that drifts is followed. */
const DRIFT = 1e-4

/**
 * Guesses a remote clock from the times that arrive. The quickest delivery counts, for a message can
 * be late but never early.
 */
export class LiveEdge {
  #offsetMs = Number.NaN
  #takenAt = 0

  get isSet(): boolean {
    return !Number.isNaN(this.#offsetMs)
  }

  /** Takes the remote time `at` of a message that has arrived now. */
  take(at: number, nowMs: number): void {
    const offset = at - nowMs
    const known = this.#offsetMs - (nowMs - this.#takenAt) * DRIFT
    if (this.isSet && offset <= known) return
    this.#offsetMs = offset
    this.#takenAt = nowMs
  }

  /** The remote clock now, as far as messages tell; NaN before the first. */
  now(nowMs: number): number {
    return nowMs + this.#offsetMs - (nowMs - this.#takenAt) * DRIFT
  }

  reset(): void {
    this.#offsetMs = Number.NaN
  }
}
