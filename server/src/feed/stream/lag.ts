import type { FeedSource } from '../read/source.ts'
import type { FeedStream } from './stream.ts'

export interface LagContext {
  readonly source: FeedSource
  /** The log's time in ms. */
  readonly now: () => number
}

/**
 * How long ago the oldest event happened that the stream may see and has not got, in ms; 0: it has all; null: that is no
 * longer in memory.
 */
export function lagOf(stream: FeedStream, { source, now }: LagContext): number | null {
  const { group, state } = stream
  const from = stream.shownTo
  if (state.kind === 'live' || from >= group.tail.position) return 0
  const slice = source.window(from, group.readRoom)
  if (!slice) return null
  for (let index = slice.start; index < slice.end; index++) {
    const entry = slice.entries[index]
    if (entry && entry.seq <= group.tail.position && group.wants(entry))
      return Math.max(0, now() - entry.at)
  }
  return 0
}
