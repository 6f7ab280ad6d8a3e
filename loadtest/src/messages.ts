import type { Segment } from './executors.ts'
import type { MetricSetRecord } from './metrics/metric-set.ts'

/** What a worker is told first. */
export interface LoadOrder {
  readonly kind: 'load'
  readonly path: string
  readonly env: Readonly<Record<string, string>>
  readonly segment: Segment
  readonly localAddresses: readonly string[]
}

/** `go` has what `setup` returned, as JSON: each worker has a copy of its own. */
export type Order = LoadOrder | { readonly kind: 'go'; readonly data: string | null }

/** What was thrown in iterations: how often, and the first texts. */
export interface IterationErrors {
  readonly count: number
  readonly texts: readonly string[]
}

/** What a worker tells. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string; readonly exitCode: number }
  | {
      readonly kind: 'done'
      readonly metrics: MetricSetRecord
      readonly errors: IterationErrors
    }
