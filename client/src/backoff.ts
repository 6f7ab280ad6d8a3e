/** Limits of a {@link fullJitter} delay. */
export interface BackoffRange {
  /** Shortest delay in ms. */
  readonly minMs: number
  /** Longest delay in ms. */
  readonly maxMs: number
}

/**
 * Draws the delay before attempt `attempt` (from 0) in ms, anything between `minMs` and a bound that doubles
 * up to `maxMs`, so that clients that lost the same server do not come back together.
 */
export function fullJitter(attempt: number, range: BackoffRange, random: () => number): number {
  // The first bound is 2 * min: with min alone the first retries would all come at the same moment.
  const bound = Math.min(range.maxMs, range.minMs * 2 ** Math.min(attempt + 1, 30))
  return range.minMs + random() * Math.max(0, bound - range.minMs)
}
