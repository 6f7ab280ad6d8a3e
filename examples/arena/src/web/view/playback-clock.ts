/** The clock keeps this far behind the newest state, in ms of the log at speed 1: two log patches of 10 a second. */
const BUFFER_MS = 220
/** A clock that is further off than this, in ms, jumps instead of hurrying. */
const JUMP_MS = 1_500

/**
 * The moment that a spectator's page shows. It runs by itself at `speed` and is drawn gently towards a
 * little behind the newest state that has arrived, so that uneven arrival is not seen.
 */
export class PlaybackClock {
  #time = Number.NaN
  #speed = 1

  get time(): number {
    return this.#time
  }

  get isSet(): boolean {
    return !Number.isNaN(this.#time)
  }

  get speed(): number {
    return this.#speed
  }

  set speed(speed: number) {
    this.#speed = speed
  }

  /** Goes to a moment at once. */
  jump(time: number): void {
    this.#time = time
  }

  /** Moves on by a frame; `newest` = time of the newest state there is. */
  advance(elapsedMs: number, newest: number): number {
    const target = newest - BUFFER_MS * this.#speed
    if (!this.isSet) return (this.#time = target)
    const wanted = this.#time + elapsedMs * this.#speed
    const off = target - wanted
    if (Math.abs(off) > JUMP_MS * this.#speed) this.#time = target
    else this.#time = wanted + clamp(off * Math.min(1, elapsedMs / 800), elapsedMs * this.#speed)
    // The clock never goes past the known states: a pause is better than an invention.
    return (this.#time = Math.min(newest, this.#time))
  }
}

/** The clock runs at most half as fast or slow again, so that time never runs backwards. */
function clamp(correction: number, step: number): number {
  return Math.min(step / 2, Math.max(-step / 2, correction))
}
