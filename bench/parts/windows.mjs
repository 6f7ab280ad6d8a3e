// Measured windows of the same length, one after the other, which several processes keep by the machine's clock.

/** Ms on a clock that is the same for every process of the machine. */
export function now() {
  return performance.timeOrigin + performance.now()
}

/** Gathers times by window. `from` is a time of `now`, the rest is counted and in ms. */
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

  /** Notes that something which began at `at` took `ms`; beginnings before or after all windows do not count. */
  add(at, ms) {
    const { from, windowMs } = this.#plan
    this.#times[Math.floor((at - from) / windowMs)]?.push(ms)
  }

  /** Gives { count, p50, p95, p99, longest } of each window. */
  results() {
    return this.#times.map((times) => {
      times.sort((a, b) => a - b)
      const at = (part) => times[Math.floor(times.length * part)] ?? null
      const longest = times.at(-1) ?? null
      return { count: times.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), longest }
    })
  }
}
