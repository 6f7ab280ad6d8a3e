/** Counts hits in a sliding window of time, exactly: a ring of the last `limit` times. */
export class HitWindow {
  readonly #limit: number
  readonly #windowMs: number
  /** It is made at the first hit, for most clients never have one. */
  #times: Float64Array | null = null
  #next = 0
  #count = 0

  constructor(limit: number, windowMs: number) {
    this.#limit = limit
    this.#windowMs = windowMs
  }

  /** Records a hit; true when it is the `limit`th within the window. */
  hit(now: number): boolean {
    const times = (this.#times ??= new Float64Array(this.#limit))
    times[this.#next] = now
    this.#next = (this.#next + 1) % this.#limit
    if (this.#count < this.#limit) this.#count++
    if (this.#count < this.#limit) return false
    // After the step, `next` is the oldest of the last `limit` hits.
    return now - (times[this.#next] as number) <= this.#windowMs
  }
}
