import { Histogram } from './histogram.ts'
import type { HistogramRecord } from './histogram.ts'

/** The kinds of metric that k6 has. */
export type MetricType = 'counter' | 'gauge' | 'rate' | 'trend'

/** Tags of one value. */
export type Tags = Readonly<Record<string, string>>

/** What a metric has gathered, as it goes from a worker to the process that merges. */
export type MetricRecord =
  | { readonly type: 'counter'; readonly count: number }
  | {
      readonly type: 'gauge'
      readonly value: number
      readonly min: number
      readonly max: number
      /** Ms since the Unix epoch of the last value: of two processes the later one counts. 0: there was none. */
      readonly at: number
    }
  | { readonly type: 'rate'; readonly passes: number; readonly fails: number }
  | { readonly type: 'trend'; readonly histogram: HistogramRecord }

/** Gathers the values of one metric, or of those of its values that have some tags. */
export class Metric {
  readonly name: string
  readonly type: MetricType
  readonly isTime: boolean
  readonly histogram: Histogram | null
  /** Sum of a counter, last value of a gauge, non-zero values of a rate. */
  #value = 0
  #fails = 0
  #min = Infinity
  #max = -Infinity
  #at = 0

  constructor(name: string, type: MetricType, isTime: boolean) {
    this.name = name
    this.type = type
    this.isTime = isTime
    this.histogram = type === 'trend' ? new Histogram() : null
  }

  add(value: number): void {
    switch (this.type) {
      case 'trend':
        this.histogram?.add(value)
        break
      case 'counter':
        this.#value += value
        break
      case 'rate':
        if (value === 0) this.#fails++
        else this.#value++
        break
      case 'gauge':
        this.#value = value
        this.#min = Math.min(this.#min, value)
        this.#max = Math.max(this.#max, value)
        this.#at = Date.now()
        break
    }
  }

  record(): MetricRecord {
    switch (this.type) {
      case 'trend':
        return { type: 'trend', histogram: (this.histogram ?? new Histogram()).record() }
      case 'counter':
        return { type: 'counter', count: this.#value }
      case 'rate':
        return { type: 'rate', passes: this.#value, fails: this.#fails }
      case 'gauge':
        return {
          type: 'gauge',
          value: this.#value,
          min: this.#min,
          max: this.#max,
          at: this.#at,
        }
    }
  }

  merge(record: MetricRecord): void {
    switch (record.type) {
      case 'trend':
        this.histogram?.merge(record.histogram)
        break
      case 'counter':
        this.#value += record.count
        break
      case 'rate':
        this.#value += record.passes
        this.#fails += record.fails
        break
      case 'gauge':
        if (record.at >= this.#at) this.#value = record.value
        this.#at = Math.max(this.#at, record.at)
        this.#min = Math.min(this.#min, record.min)
        this.#max = Math.max(this.#max, record.max)
        break
    }
  }

  /** The figures of k6's summary, by its names, and every aggregate that a threshold may name besides percentiles. */
  values(durationMs: number): Record<string, number> {
    switch (this.type) {
      case 'counter':
        return { count: this.#value, rate: durationMs > 0 ? (this.#value * 1000) / durationMs : 0 }
      case 'gauge': {
        const isEmpty = this.#min > this.#max
        return { value: this.#value, min: isEmpty ? 0 : this.#min, max: isEmpty ? 0 : this.#max }
      }
      case 'rate': {
        const total = this.#value + this.#fails
        return {
          rate: total > 0 ? this.#value / total : 0,
          passes: this.#value,
          fails: this.#fails,
        }
      }
      case 'trend': {
        const histogram = this.histogram ?? new Histogram()
        const isEmpty = histogram.count === 0
        return {
          avg: isEmpty ? 0 : histogram.sum / histogram.count,
          min: isEmpty ? 0 : histogram.min,
          med: histogram.percentile(50),
          max: isEmpty ? 0 : histogram.max,
          count: histogram.count,
        }
      }
    }
  }
}
