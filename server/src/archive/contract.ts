import type { RoomEnd } from '../outbox/contract/store.ts'

/**
 * What keeps the matches of an archive: `folderArchive` as files, `mongoArchive` as documents. A match is one series
 * of chunks, each of them NDJSON in a gzip member of its own, so that all of them in a row are one gzip file. The
 * rules of the archive (docs/spec.md) are kept above it, once for all stores. It has a suite, `describeArchiveStore`,
 * that every store runs.
 */
export interface ArchiveStore {
  /** Names the place of the store, without secrets, for the log of the process. */
  readonly address: string
  /** All matches together take no more bytes: beyond it the oldest go first, pinned ones last. */
  readonly maxBytes: number
  /** Creates what is missing; may be called again after it failed. */
  open(): Promise<void>
  /** Ends everything that runs; what is called after it may reject. */
  close(): Promise<void>
  /** The match of a room as it was committed last, or null; what is damaged or foreign is not there. */
  find(room: string): Promise<ArchivedMatch | null>
  /** One chunk of the match; null when it is not there any more, as after a newer commit. */
  read(match: ArchivedMatch, index: number): Promise<Uint8Array | null>
  /** Begins to write a match anew. Nobody sees any of it before the commit. */
  begin(room: string): Promise<ArchiveDraft>
  /** Replaces the facts of a match, its chunks as they are; false when another commit was first (`version`). */
  update(match: ArchivedMatch): Promise<boolean>
  /** Deletes a match, whatever is left of it; no error when it is not there. */
  delete(room: string): Promise<void>
  /** Matches that are kept no longer than until `time`, the oldest first; at most `limit`. */
  expired(time: number, limit: number): Promise<ArchivedMatch[]>
  /** Matches that may go first when there are too many bytes: those that nothing is pinned of, the oldest first. */
  oldest(limit: number): Promise<ArchivedMatch[]>
  /** Counts what is kept. */
  stats(): Promise<ArchiveStats>
}

export interface ArchiveStats {
  readonly matches: number
  readonly bytes: number
}

/** A match while it is written. One of `commit` and `abandon` ends it. */
export interface ArchiveDraft {
  append(chunk: Uint8Array): Promise<void>
  /**
   * Makes it the match of its room, durably and all at once. `match.version` is the version that it replaces, 0 for
   * none. False: another commit was first, and nothing has changed.
   */
  commit(match: ArchivedMatch): Promise<boolean>
  /** Leaves nothing behind. */
  abandon(): Promise<void>
}

/** The facts of one match in the archive. */
export interface ArchivedMatch {
  readonly room: string
  readonly type: string
  readonly delayMs: number
  readonly isPrivate: boolean
  readonly createdAt: number
  /** null while the match goes on: what there is of it is kept from retention, and not shown. */
  readonly end: RoomEnd | null
  /** Store time in ms up to which it is kept; null: for as long as something of it is pinned. */
  readonly keepUntil: number | null
  readonly pins: readonly ArchivePin[]
  readonly chunks: readonly ArchiveChunk[]
  /** Grows with each commit and update of the room. */
  readonly version: number
}

/** One chunk of a match: a run of events without a gap. */
export interface ArchiveChunk {
  readonly bytes: number
  /** The run is all of the match with after < seq <= upTo. */
  readonly after: number
  readonly upTo: number
  /** First and last n. */
  readonly from: number
  readonly to: number
  /** It begins with the public state right before its first event. */
  readonly hasState: boolean
}

/** A range of a match, by n and inclusive, that outlives the match's own time. */
export interface ArchivePin {
  readonly id: string
  readonly from: number
  readonly to: number
}

/** Gives how many bytes the chunks of a match have. */
export function matchBytes({ chunks }: Pick<ArchivedMatch, 'chunks'>): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Reads what a store has kept as a match; null for anything else. */
export function readMatch(value: unknown): ArchivedMatch | null {
  const match = value as Partial<ArchivedMatch> | null
  if (typeof match !== 'object' || match === null) return null
  const { room, type, delayMs, isPrivate, createdAt, end, keepUntil, pins, chunks, version } = match
  const isMatch =
    typeof room === 'string' &&
    typeof type === 'string' &&
    typeof isPrivate === 'boolean' &&
    areWhole(delayMs, createdAt, version, keepUntil ?? 0) &&
    (end === null || isEnd(end)) &&
    Array.isArray(pins) &&
    pins.every(
      (pin: Partial<ArchivePin>) => typeof pin.id === 'string' && areWhole(pin.from, pin.to),
    ) &&
    Array.isArray(chunks) &&
    chunks.length > 0 &&
    chunks.every(isChunk)
  if (!isMatch) return null
  return {
    room,
    type,
    delayMs: delayMs as number,
    isPrivate,
    createdAt: createdAt as number,
    end,
    keepUntil: keepUntil ?? null,
    pins,
    chunks,
    version: version as number,
  }
}

function isEnd(end: unknown): end is RoomEnd {
  const { n, seq, at, own } = (end ?? {}) as Partial<RoomEnd>
  return areWhole(n, seq, at) && typeof own === 'string'
}

function isChunk(chunk: unknown): chunk is ArchiveChunk {
  const { bytes, after, upTo, from, to, hasState } = (chunk ?? {}) as Partial<ArchiveChunk>
  return areWhole(bytes, after, upTo, from, to) && typeof hasState === 'boolean'
}

function areWhole(...values: readonly unknown[]): boolean {
  return values.every((value) => Number.isSafeInteger(value) && (value as number) >= 0)
}
