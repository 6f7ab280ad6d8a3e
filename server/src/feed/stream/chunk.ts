import type { FeedEntry } from '../read/entry.ts'
import type { Chunk, FeedGroup } from './group.ts'
import type { FeedSlice } from '../read/ring.ts'
import type { Pace } from './stream.ts'
import { joinBytes } from '../sse.ts'

/** Most bytes given to one stream's socket in one turn, if its first event is not larger (FE5). */
export const MAX_CHUNK_BYTES = 64 * 1024

/** From where to where a stream reads, and how fast. */
export interface ChunkRange {
  readonly from: number
  readonly target: number
  readonly pace: Pace | null
  readonly now: number
}

export interface PacedChunk extends Chunk {
  /** With a pace: in how many ms the next event is due; 0 = nothing is waited for. */
  readonly waitMs: number
}

/** Joins what `group` must see of the slice, up to the target, the chunk's size, or what the pace allows. */
export function collectChunk(group: FeedGroup, slice: FeedSlice, range: ChunkRange): PacedChunk {
  const { from, target, pace, now } = range
  const parts: Uint8Array[] = []
  let size = 0
  let next = from
  let waitMs = 0
  let isEnd = false
  let index = slice.start
  for (; index < slice.end; index++) {
    const entry = slice.entries[index] as FeedEntry
    if (entry.seq > target) break
    if (group.wants(entry)) {
      if (size > 0 && size + entry.bytes.length > MAX_CHUNK_BYTES) break
      waitMs = pace ? waitFor(pace, entry.at, now) : 0
      if (waitMs > 0) break
      parts.push(entry.bytes)
      size += entry.bytes.length
      isEnd = group.isSingle && entry.type === 'end'
    }
    next = entry.seq
    if (isEnd) break
  }
  const isThrough = index === slice.end || (slice.entries[index] as FeedEntry).seq > target
  if (isThrough && !isEnd && waitMs === 0) next = Math.max(next, Math.min(slice.next, target))
  const bytes = parts.length > 0 ? joinBytes(parts) : null
  return { from, target, bytes, next, count: parts.length, isEnd, waitMs }
}

/** Ms until an event of the time `at` is due. The first event asked for is due at once. */
function waitFor(pace: Pace, at: number, now: number): number {
  if (pace.logStart === 0) {
    pace.logStart = at
    pace.shownAt = now
  }
  const dueAt = pace.shownAt + (at - pace.logStart) / pace.speed
  return Math.max(0, Math.ceil(dueAt - now))
}
