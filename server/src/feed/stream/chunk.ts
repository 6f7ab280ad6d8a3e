import type { RoomPlace } from '../position/room-id.ts'
import type { StreamIds } from '../position/stream-ids.ts'
import type { FeedEntry } from '../read/entry.ts'
import type { FeedSlice } from '../read/ring.ts'
import { joinBytes } from '../sse.ts'
import type { Bound } from './bound.ts'
import type { FeedFormat } from './format.ts'

/**
 * One stream's socket is given no more bytes in one turn, unless its first event is larger (FE5).
 */
export const MAX_CHUNK_BYTES = 64 * 1024

/** Decides which entries a chunk takes. */
export interface ChunkFilter {
  /** True for the feed of one room: the chunk ends with the room. */
  readonly isSingle: boolean
  /** The one room that is read; undefined when there are more. */
  readonly readRoom: string | undefined
  readonly ids: StreamIds
  readonly format: FeedFormat
  /** Where its one stream ends by itself; null: it does not. */
  readonly bound: Bound | null
  wants(entry: FeedEntry): boolean
  /** Its readers were not shown what the room did before this event, and may see it from here on (FE40). */
  isRevealedBy(entry: FeedEntry): boolean
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
  /** They go before and after `bytes`, which are those of one large event, and shared (FE50). Most often null. */
  readonly head: Uint8Array | null
  readonly bytes: Uint8Array | null
  readonly end: Uint8Array | null
  readonly next: number
  /** For the feed of one room: the place of its last event up to `next`; null when it has none here. */
  readonly place: RoomPlace | null
  /** It has so many events. */
  readonly count: number
  readonly isEnd: boolean
  /** Nothing more may be shown than this. */
  readonly isBoundMet: boolean
  /** A room that is revealed by the event at `next`: its snapshot there is due, in place of the event. */
  readonly revealed: string | null
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
  const { bound } = filter
  let isEnd = false
  let isBoundMet = false
  let count = 0
  let revealed: string | null = null
  let last: FeedEntry | null = null
  let index = slice.start
  for (; index < slice.end; index++) {
    const entry = slice.entries[index] as FeedEntry
    if (entry.seq > target) break
    if (filter.isRevealedBy(entry)) revealed = entry.room
    else if (filter.wants(entry)) {
      if (size > 0 && size + entry.bytes.length > MAX_CHUNK_BYTES) break
      waitMs = pace ? pace.waitFor(entry.at, now) : 0
      if (waitMs > 0) break
      bound?.take()
      size += filter.format.addEntry(entry, filter.ids, parts)
      count++
      isEnd = filter.isSingle && entry.type === 'end'
    }
    next = entry.seq
    if (filter.isSingle && entry.room === filter.readRoom) last = entry
    // A snapshot that is due here comes first.
    isBoundMet = bound !== null && revealed === null && bound.isMetAt(last)
    if (isEnd || isBoundMet || revealed !== null) break
  }
  const isThrough = index === slice.end || (slice.entries[index] as FeedEntry).seq > target
  if (isThrough && !isEnd && !isBoundMet && revealed === null && waitMs === 0)
    next = Math.max(next, Math.min(slice.next, target))
  const place = last && { n: last.n, check: last.check }
  return { from, target, ...join(parts), next, place, count, isEnd, isBoundMet, revealed, waitMs }
}

/** A large event's bytes are not copied: what stands around them is written by itself. Nothing else is in its chunk. */
function join(parts: readonly Uint8Array[]): Pick<Chunk, 'head' | 'bytes' | 'end'> {
  const [first = null, second, third = null] = parts
  if (parts.length <= 3 && second && second.length > MAX_CHUNK_BYTES)
    return { head: first, bytes: second, end: third }
  return { head: null, bytes: first && joinBytes(parts), end: null }
}
