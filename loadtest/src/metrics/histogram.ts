/** Buckets of one power of two: a value is known to within 1 / (2 x 128) of itself, under 0.4 %. */
const STEPS = 128
/** Powers of two that are told apart, 2^-20 to 2^40; what is smaller or larger counts in the outermost. */
const MIN_POWER = -20
const POWERS = 60
/** Bucket 0 is for zero and what is below it. */
const BUCKETS = 1 + STEPS * POWERS

/** A histogram as it goes from a worker to the process that merges: sparse, for most buckets are empty. */
export interface HistogramRecord {
  readonly indexes: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
  readonly min: number
  readonly max: number
}

/**
 * Counts values in buckets that grow with the value, so that memory is the same for ten values and ten million, and
 * histograms of several processes add up exactly. Count, sum, minimum and maximum are exact, percentiles to within 0.4 %.
 */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS)
  count = 0
  sum = 0
  min = Infinity
  max = -Infinity

  /** A value that is not finite is left out: it would spoil the sum for good. */
  add(value: number): void {
    if (!Number.isFinite(value)) return
    const index = bucketOf(value)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }

  /** The smallest value that `percent` of all values are not above; 0 when there is none. */
  percentile(percent: number): number {
    if (this.count === 0) return 0
    // A product that is a hair above a whole number is that number.
    const rank = Math.max(1, Math.ceil((percent * this.count) / 100 - 1e-9))
    if (rank >= this.count) return this.max
    let seen = 0
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index] ?? 0
      if (seen >= rank) return Math.min(this.max, Math.max(this.min, middleOf(index)))
    }
    return this.max
  }

  record(): HistogramRecord {
    const indexes: number[] = []
    const counts: number[] = []
    this.#counts.forEach((count, index) => {
      if (count === 0) return
      indexes.push(index)
      counts.push(count)
    })
    return { indexes, counts, sum: this.sum, min: this.min, max: this.max }
  }

  merge(record: HistogramRecord): void {
    record.indexes.forEach((index, at) => {
      const count = record.counts[at] ?? 0
      this.#counts[index] = (this.#counts[index] ?? 0) + count
      this.count += count
    })
    this.sum += record.sum
    this.min = Math.min(this.min, record.min)
    this.max = Math.max(this.max, record.max)
  }
}

function bucketOf(value: number): number {
  if (value <= 0) return 0
  const power = Math.floor(Math.log2(value))
  if (power < MIN_POWER) return 1
  if (power >= MIN_POWER + POWERS) return BUCKETS - 1
  // The logarithm may round up to the next power; the fraction is below 0 then.
  const fraction = Math.max(0, value / 2 ** power - 1)
  const step = Math.min(STEPS - 1, Math.floor(fraction * STEPS))
  return 1 + (power - MIN_POWER) * STEPS + step
}

function middleOf(index: number): number {
  if (index === 0) return 0
  const power = MIN_POWER + Math.floor((index - 1) / STEPS)
  const step = (index - 1) % STEPS
  return 2 ** power * (1 + (step + 0.5) / STEPS)
}
