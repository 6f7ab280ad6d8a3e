/** A clock that goes back by more than this was set; by less, an estimate got better. */
export const STEP_MS = 5_000

/** A store's time as it is told: it stands still where its readings go back by a little, and follows a step. */
export class LatestTime {
  #latest = 0

  take(reading: number): number {
    if (reading > this.#latest || this.#latest - reading > STEP_MS) this.#latest = reading
    return this.#latest
  }
}
