import { RunFailure } from '../failure.ts'
import type { Metric, MetricType } from './metric.ts'

const OPERATORS = {
  '<': (left: number, right: number) => left < right,
  '<=': (left: number, right: number) => left <= right,
  '>': (left: number, right: number) => left > right,
  '>=': (left: number, right: number) => left >= right,
  '==': (left: number, right: number) => left === right,
  '===': (left: number, right: number) => left === right,
  '!=': (left: number, right: number) => left !== right,
}

/** What a threshold may say of each kind, as in k6. */
const AGGREGATES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: ['count', 'rate'],
  gauge: ['value'],
  rate: ['rate'],
  trend: ['avg', 'min', 'max', 'med', 'p'],
}

const PATTERN =
  /^\s*(?:(p)\(\s*(\d+(?:\.\d+)?)\s*\)|([a-z]+))\s*(<=|>=|===|==|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/

/** One condition of a metric, like `p(95)<200`. */
export class Threshold {
  readonly source: string
  readonly #aggregate: string
  readonly #percent: number
  readonly #operator: keyof typeof OPERATORS
  readonly #limit: number

  /** @throws RunFailure when it is none, or none of this kind of metric. */
  constructor(source: string, { name, type }: Metric) {
    const match = PATTERN.exec(source)
    const aggregate = match?.[1] ?? match?.[3] ?? ''
    const percent = Number(match?.[2] ?? 0)
    if (!match || !AGGREGATES[type].includes(aggregate) || percent > 100)
      throw new RunFailure(
        `Expected a threshold of the ${type} '${name}' with ${AGGREGATES[type].join(', ')}, like '${
          type === 'trend' ? 'p(95)<200' : `${AGGREGATES[type][0]}<10`
        }', got '${source}'`,
      )
    this.source = source
    this.#aggregate = aggregate
    this.#percent = percent
    this.#operator = match[4] as keyof typeof OPERATORS
    this.#limit = Number(match[5])
  }

  /** A metric without values has 0 in all its figures, as in k6: `count>0` fails then, and `p(95)<200` holds. */
  holds(metric: Metric, durationMs: number): boolean {
    const value =
      this.#aggregate === 'p'
        ? (metric.histogram?.percentile(this.#percent) ?? 0)
        : (metric.values(durationMs)[this.#aggregate] ?? 0)
    return OPERATORS[this.#operator](value, this.#limit)
  }
}
