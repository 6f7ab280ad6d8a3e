// Measured windows of the same length, one after the other, which several processes keep by the machine's clock.

/** The same for every process of the machine, in ms. */
export function now() {
  return performance.timeOrigin + performance.now()
}

/** Gathers times by window. `from` is of `now`, the rest is counted and in ms. */
export class Windows {
  #plan
  #times

  constructor({ from, windowMs, count }) {
    this.#plan = { from, windowMs, count }
    this.#times = Array.from({ length: count }, () => [])
  }

  get end() {
    const { from, windowMs, count } = this.#plan
    return from + windowMs * count
  }

  /** Something that began at `at` took `ms`; what began before or after all windows does not count. */
  add(at, ms) {
    const { from, windowMs } = this.#plan
    this.#times[Math.floor((at - from) / windowMs)]?.push(ms)
  }

  /** Of each window { count, p50, p99, longest }. */
  results() {
    return this.#times.map((times) => {
      times.sort((a, b) => a - b)
      const at = (part) => times[Math.floor(times.length * part)] ?? null
      return { count: times.length, p50: at(0.5), p99: at(0.99), longest: times.at(-1) ?? null }
    })
  }
}
