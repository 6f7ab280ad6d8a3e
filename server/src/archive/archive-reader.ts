import { RingsideError } from '../process/errors.ts'
import { briefOf } from '../process/log-line.ts'
import type { Logger } from '../process/logger.ts'
import type { OutboxPage, OutboxQuery } from '../outbox/contract/outbox.ts'
import { eventBytes } from '../outbox/contract/sizes.ts'
import type { LogEvent, Snapshot } from '../outbox/contract/store.ts'
import { readChunk } from './chunk-maker.ts'
import type { ArchiveChunk, ArchiveStore, ArchivedMatch } from './contract.ts'
import type { ChunkContent } from './lines.ts'

/** A match that is over, as the archive has it. */
export type EndedMatch = ArchivedMatch & { readonly end: NonNullable<ArchivedMatch['end']> }

export interface ArchiveReaderParts {
  readonly store: ArchiveStore
  readonly logger: Logger
  /** The log's time in ms. */
  readonly now: () => number
}

/** So many matches are remembered, the one unused for longest out first; a long match has a hundred chunks. */
const MAX_MATCHES = 1_000
/** The text of the chunks that are kept, in characters; one that is being read comes on top. */
const MAX_CHARACTERS = 32 * 1024 * 1024

interface ReadChunk extends ChunkContent {
  readonly characters: number
}

/**
 * Reads matches that are over from the archive, as the log had them: events by seq within what may be seen, states
 * and single events (FE122). A match is shown once its end is as old as its delay, whatever clock the log then had.
 */
export class ArchiveReader {
  readonly #parts: ArchiveReaderParts
  readonly #matches = new Map<string, EndedMatch>()
  readonly #chunks = new Map<string, ReadChunk>()
  /** Matches that could not be read, by room and version. */
  readonly #damaged = new Set<string>()
  readonly #underway = new Map<string, Promise<ReadChunk | null>>()
  #characters = 0
  /** So many chunks could not be read: damaged, cut short, or foreign. */
  brokenCount = 0

  constructor(parts: ArchiveReaderParts) {
    this.#parts = parts
  }

  /**
   * Finds a match that is over and may be shown; null for any other room, and for one that is damaged.
   * @throws RingsideError unavailable while the archive does not answer.
   */
  async find(room: string): Promise<EndedMatch | null> {
    const known = this.#matches.get(room)
    const match = known ?? (await this.#ask(room))
    const now = this.#parts.now()
    // What is pinned of a match that is over is no match any more.
    if (!match || match.keepUntil === null || match.keepUntil <= now) return null
    if (now - match.delayMs < match.end.at) return null
    this.#matches.delete(room)
    this.#matches.set(room, match)
    const oldest = this.#matches.keys().next()
    if (this.#matches.size > MAX_MATCHES && !oldest.done) this.#matches.delete(oldest.value)
    return match
  }

  /** The same of those that `find` has found lately. */
  known(room: string): EndedMatch | null {
    return this.#matches.get(room) ?? null
  }

  /** The match of the room is another one now, or gone. */
  forget(room: string): void {
    this.#matches.delete(room)
  }

  /**
   * Gives events of a match as `Outbox.read` gives those of the log.
   * @throws RingsideError past_retention when the match does not reach back so far, is gone, or is damaged.
   */
  async read(
    match: EndedMatch,
    { after, upTo = Infinity, limit, maxBytes = Infinity }: OutboxQuery,
  ): Promise<OutboxPage> {
    if (after < firstOf(match)) throw gone(match)
    const events: LogEvent[] = []
    let bytes = 0
    const last = Math.min(upTo, match.end.seq)
    for (let index = chunkAfter(match, after); index < match.chunks.length; index++) {
      const chunk = match.chunks[index] as ArchiveChunk
      if (chunk.after >= last) break
      const content = await this.#chunk(match, index)
      for (const event of content.events) {
        if (event.seq <= after) continue
        if (event.seq > last) break
        events.push(event)
        bytes += eventBytes(event)
        if (events.length >= limit || bytes >= maxBytes) return { events, next: event.seq }
      }
    }
    return { events, next: Math.max(after, upTo === Infinity ? match.end.seq : upTo) }
  }

  /** Gives the newest state of the match at or below `seq` that is written as such, or null. @throws as `read`. */
  async snapshotAt(match: EndedMatch, seq: number): Promise<Snapshot | null> {
    const index = match.chunks.findLastIndex(({ hasState, after }) => hasState && after <= seq)
    if (index < 0) return null
    const { state } = await this.#chunk(match, index)
    return state && { room: match.room, ...state, hiddenState: null, runtime: '{}' }
  }

  /** Gives the event n of the match, or null. @throws as `read`. */
  async eventOf(match: EndedMatch, n: number): Promise<LogEvent | null> {
    const index = match.chunks.findIndex(({ from, to }) => from <= n && n <= to)
    if (index < 0) return null
    const { events } = await this.#chunk(match, index)
    return events.find((event) => event.n === n) ?? null
  }

  async #ask(room: string): Promise<EndedMatch | null> {
    const found = await this.#reached(() => this.#parts.store.find(room))
    if (!found?.end || this.#damaged.has(`${room} ${found.version}`)) return null
    return found as EndedMatch
  }

  async #reached<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      throw new RingsideError('unavailable', 'The archive does not answer', { cause })
    }
  }

  async #chunk(match: EndedMatch, index: number): Promise<ReadChunk> {
    const key = `${match.room} ${match.version} ${index}`
    const known = this.#chunks.get(key)
    if (known) {
      this.#chunks.delete(key)
      this.#chunks.set(key, known)
      return known
    }
    let underway = this.#underway.get(key)
    if (!underway) {
      underway = this.#load(match, index).finally(() => this.#underway.delete(key))
      this.#underway.set(key, underway)
    }
    const chunk = await underway
    if (chunk) return chunk
    this.forget(match.room)
    // It was replaced meanwhile, or is damaged: then there is no such match.
    const now = await this.#reached(() => this.#parts.store.find(match.room))
    if (now?.version === match.version) this.#noteDamaged(`${match.room} ${match.version}`)
    throw gone(match)
  }

  #noteDamaged(key: string): void {
    this.#damaged.add(key)
    const oldest = this.#damaged.values().next()
    if (this.#damaged.size > MAX_MATCHES && !oldest.done) this.#damaged.delete(oldest.value)
  }

  /** Resolves with null for a chunk that is not there, or is none. */
  async #load(match: EndedMatch, index: number): Promise<ReadChunk | null> {
    const { store, logger } = this.#parts
    const { room, version, chunks } = match
    const data = await this.#reached(() => store.read(match, index))
    if (!data) return null
    try {
      const chunk = await readChunk(room, chunks[index] as ArchiveChunk, data)
      this.#keep(`${room} ${version} ${index}`, chunk)
      return chunk
    } catch (error) {
      if (this.brokenCount++ === 0)
        logger.error({ roomId: room, err: briefOf(error) }, 'a match of the archive is damaged')
      return null
    }
  }

  #keep(key: string, chunk: ReadChunk): void {
    this.#chunks.set(key, chunk)
    this.#characters += chunk.characters
    for (const [oldest, { characters }] of this.#chunks) {
      if (this.#characters <= MAX_CHARACTERS || this.#chunks.size === 1) break
      this.#chunks.delete(oldest)
      this.#characters -= characters
    }
  }
}

/** The seq after which a match begins, as far as it is kept. */
export function firstOf({ chunks }: Pick<ArchivedMatch, 'chunks'>): number {
  return chunks[0]?.after ?? Infinity
}

/** The index of the chunk that has what follows `after`. */
function chunkAfter({ chunks }: ArchivedMatch, after: number): number {
  let low = 0
  let high = chunks.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((chunks[middle] as ArchiveChunk).upTo <= after) low = middle + 1
    else high = middle
  }
  return low
}

function gone({ room }: ArchivedMatch): RingsideError {
  return new RingsideError(
    'past_retention',
    `The archive of room '${room}' does not have that part`,
  )
}
