import { RingsideError } from '../../process/errors.ts'
import { firstOf } from '../../archive/archive-reader.ts'
import type { ArchiveReader, EndedMatch } from '../../archive/archive-reader.ts'
import type { Outbox, OutboxPage, OutboxQuery } from '../../outbox/contract/outbox.ts'
import type { LogEvent, RoomEnd, Snapshot } from '../../outbox/contract/store.ts'

/**
 * The log as spectators read it: of a room that is over, what has left the log comes from the archive, under the same
 * seqs and with the same answers (FE122). Everything that reads for spectators reads here.
 */
export class FeedLog {
  readonly #outbox: Outbox
  readonly #archive: ArchiveReader | null

  constructor(outbox: Outbox, archive: ArchiveReader | null) {
    this.#outbox = outbox
    this.#archive = archive
  }

  get sealed(): number {
    return this.#outbox.sealed
  }

  /** Nothing at or below it is of this log. */
  get origin(): number {
    return this.#outbox.origin
  }

  /** Nothing at or below it is in the log any more. */
  get first(): number {
    return Math.max(this.#outbox.floor, this.#outbox.origin)
  }

  /** Nothing of the room at or below it can be read, in the archive either; `prepare` is to be called before. */
  firstOf(room: string): number {
    const match = this.#archive?.known(room)
    return match ? Math.min(this.first, firstOf(match)) : this.first
  }

  /** The archive has the room: no restore of the log makes anything of it void. */
  isArchived(room: string): boolean {
    return this.#archive?.known(room) != null
  }

  isVoid(room: string, seq: number): boolean {
    return !this.isArchived(room) && this.#outbox.isVoid(seq)
  }

  /**
   * Looks for a room that is over in the archive; nothing is done where there is none.
   * @throws RingsideError unavailable while the archive does not answer, unless the log still has the end of the room.
   */
  async prepare(room: string, end: RoomEnd | null): Promise<void> {
    try {
      await this.#archive?.find(room)
    } catch (error) {
      if (end && end.seq <= this.first) throw error
    }
  }

  /** @throws as Outbox.read. */
  async read(query: OutboxQuery): Promise<OutboxPage> {
    if (query.room !== undefined && query.after < this.first) {
      const page = await this.#readArchived(query.room, query)
      if (page) return page
    }
    try {
      return await this.#outbox.read(query)
    } catch (error) {
      // The log was cut while it was read.
      const page =
        query.room !== undefined && isCutOff(error)
          ? await this.#readArchived(query.room, query)
          : null
      if (page) return page
      throw error
    }
  }

  /** @throws as Outbox.snapshotAt. */
  async snapshotAt(room: string, seq: number): Promise<Snapshot | null> {
    const match = this.#archive?.known(room)
    const kept = await this.#outbox.snapshotAt(room, seq)
    if (!match || !this.#archive) return kept
    const archived = await this.#archive.snapshotAt(match, seq)
    return archived && archived.seq > (kept?.seq ?? -1) ? archived : kept
  }

  /** @throws as Outbox.eventOf. */
  async eventOf(room: string, n: number): Promise<LogEvent | null> {
    const found = await this.#outbox.eventOf(room, n)
    const match = found ? null : this.#archive?.known(room)
    return match && this.#archive ? this.#archive.eventOf(match, n) : found
  }

  async #readArchived(room: string, query: OutboxQuery): Promise<OutboxPage | null> {
    const match: EndedMatch | null = (await this.#archive?.find(room)) ?? null
    if (!match || !this.#archive || query.after < firstOf(match)) return null
    const upTo = Math.min(query.upTo ?? this.sealed, this.sealed)
    return this.#archive.read(match, { ...query, upTo })
  }
}

/** The log, or the archive, does not reach back so far. */
export function isCutOff(error: unknown): boolean {
  return error instanceof RingsideError && error.code === 'past_retention'
}
