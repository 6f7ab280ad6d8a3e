import type { FeedEntry } from '../read/entry.ts'
import type { FeedSlice } from '../read/ring.ts'
import { joinBytes } from '../sse.ts'

/**
 * One stream's socket is given no more bytes in one turn, unless its first event is larger (FE5).
 */
export const MAX_CHUNK_BYTES = 64 * 1024

/** Decides which entries a chunk takes. */
export interface ChunkFilter {
  /** True for the feed of one room: the chunk ends with the room. */
  readonly isSingle: boolean
  wants(entry: FeedEntry): boolean
}

/** A chunk takes events of this part of the log, and no faster than the pace allows. */
export interface ChunkRange {
  readonly from: number
  readonly target: number
  /** It says in how many ms an event is due; null means that everything is due. */
  readonly pace: { waitFor(at: number, now: number): number } | null
  readonly now: number
}

/**
 * A chunk is a joined run of events, the same for every stream of a group that stands at `from`.
 */
export interface Chunk {
  readonly from: number
  readonly target: number
  readonly bytes: Uint8Array | null
  readonly next: number
  /** It has so many events. */
  readonly count: number
  readonly isEnd: boolean
}

export interface PacedChunk extends Chunk {
  /** With a pace, the next event is due in so many ms; 0 means that nothing is waited for. */
  readonly waitMs: number
}

/**
 * Joins the wanted entries of the slice, up to the target, the chunk's size, or what the pace
 * allows.
 */
export function collectChunk(
  filter: ChunkFilter,
  slice: FeedSlice,
  { from, target, pace, now }: ChunkRange,
): PacedChunk {
  const parts: Uint8Array[] = []
  let size = 0
  let next = from
  let waitMs = 0
  let isEnd = false
  let index = slice.start
  for (; index < slice.end; index++) {
    const entry = slice.entries[index] as FeedEntry
    if (entry.seq > target) break
    if (filter.wants(entry)) {
      if (size > 0 && size + entry.bytes.length > MAX_CHUNK_BYTES) break
      waitMs = pace ? pace.waitFor(entry.at, now) : 0
      if (waitMs > 0) break
      parts.push(entry.bytes)
      size += entry.bytes.length
      isEnd = filter.isSingle && entry.type === 'end'
    }
    next = entry.seq
    if (isEnd) break
  }
  const isThrough = index === slice.end || (slice.entries[index] as FeedEntry).seq > target
  if (isThrough && !isEnd && waitMs === 0) next = Math.max(next, Math.min(slice.next, target))
  const bytes = parts.length > 0 ? joinBytes(parts) : null
  return { from, target, bytes, next, count: parts.length, isEnd, waitMs }
}
