import type { OutboxOptions } from '../contract/outbox.ts'

/** A log that is cut by its size needs a bound on it, so that the size is one within reason. */
const LONGEST_YOUNGEST_MS = 600_000

/**
 * Nothing younger is cut, however much there is, in ms: a write that is on its way must not find the place
 * of what it collides with empty (OB65). A flush gives up at half of it (OB66).
 */
export function youngestCutMs(options: OutboxOptions): number {
  return Math.min(options.retentionMs, LONGEST_YOUNGEST_MS)
}
