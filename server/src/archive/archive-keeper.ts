import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { Archivist } from './archivist.ts'
import type { ArchiveReader } from './archive-reader.ts'
import { matchBytes } from './contract.ts'
import type { ArchiveChunk, ArchiveStats, ArchiveStore, ArchivedMatch } from './contract.ts'

export interface ArchiveKeeperParts {
  readonly store: ArchiveStore
  readonly reader: ArchiveReader
  readonly archivist: Pick<Archivist, 'noteFailure' | 'noteSuccess'>
  readonly clock: Clock
  readonly logger: Logger
  /** The log's time in ms. */
  readonly now: () => number
}

const ROUND_MS = 60_000
/** So many matches are looked at in one round; the next follows at once when there are more. */
const AT_ONCE = 100
/** More matches than these are too many to be listed, whatever their size. */
const MAX_MATCHES = 100_000

/**
 * Lets go of matches whose time is over, and of the oldest where there is too much (FE124). What is pinned of a match
 * stays, the rest of it goes.
 */
export class ArchiveKeeper {
  readonly #parts: ArchiveKeeperParts
  #cancel: (() => void) | null = null
  #round: Promise<void> = Promise.resolve()
  #isStopped = false
  stats: ArchiveStats = { matches: 0, bytes: 0 }
  /** Matches that went before their time, because there was too much. */
  droppedCount = 0

  constructor(parts: ArchiveKeeperParts) {
    this.#parts = parts
  }

  begin(): void {
    this.#schedule(0)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel?.()
    await this.#round
  }

  #schedule(ms: number): void {
    if (this.#isStopped) return
    this.#cancel = this.#parts.clock.after(ms, () => {
      this.#round = this.run().then(
        (isMore) => this.#schedule(isMore ? 1 : ROUND_MS),
        (error: unknown) => {
          this.#parts.archivist.noteFailure(error, 'what it keeps was not looked through')
          this.#schedule(ROUND_MS)
        },
      )
    })
  }

  /** One round. Resolves with true when more is left to do. */
  async run(): Promise<boolean> {
    const { store, now } = this.#parts
    const expired = await store.expired(now(), AT_ONCE)
    for (const match of expired) {
      if (this.#isStopped) return false
      if (match.pins.length > 0) await this.#keepPinned(match)
      else await this.#delete(match)
    }
    this.stats = await store.stats()
    const isOver = await this.#makeRoom()
    return isOver || expired.length === AT_ONCE
  }

  async #makeRoom(): Promise<boolean> {
    const { store, logger } = this.#parts
    let { bytes, matches } = this.stats
    const isTooMuch = (): boolean => bytes > store.maxBytes || matches > MAX_MATCHES
    if (!isTooMuch()) return false
    let dropped = 0
    for (const match of await store.oldest(AT_ONCE)) {
      if (this.#isStopped || !isTooMuch()) break
      if (match.pins.length > 0) await this.#keepPinned(match)
      else await this.#delete(match)
      dropped++
      bytes -= matchBytes(match)
      matches--
    }
    this.droppedCount += dropped
    this.stats = await store.stats()
    if (dropped > 0) {
      const fields = { dropped, maxBytes: store.maxBytes }
      logger.warn(fields, 'the archive is full: its oldest matches were let go before their time')
    }
    return dropped > 0 && isTooMuch()
  }

  async #delete({ room }: ArchivedMatch): Promise<void> {
    await this.#parts.store.delete(room)
    this.#parts.reader.forget(room)
  }

  /** Cuts a match down to the chunks that have what is pinned. */
  async #keepPinned(match: ArchivedMatch): Promise<void> {
    const { store, reader } = this.#parts
    const { room } = match
    const { first, last } = pinnedPart(match)
    const chunks: ArchiveChunk[] = []
    const draft = await store.begin(room)
    try {
      for (let index = first; index <= last; index++) {
        const data = await store.read(match, index)
        // Another commit was first, or it is damaged: the next round sees.
        if (!data) break
        await draft.append(data)
        chunks.push(match.chunks[index] as ArchiveChunk)
      }
      if (chunks.length === last - first + 1)
        await draft.commit({ ...match, chunks, keepUntil: null })
      else await draft.abandon()
    } catch (error) {
      await draft.abandon().catch(() => {})
      throw error
    }
    reader.forget(room)
  }
}

/** The chunks from the last state at or before what is pinned, to the end of that. */
function pinnedPart({ chunks, pins }: ArchivedMatch): {
  readonly first: number
  readonly last: number
} {
  const from = Math.min(...pins.map((pin) => pin.from))
  const to = Math.max(...pins.map((pin) => pin.to))
  const first = chunks.findLastIndex(
    (chunk) => chunk.from <= from && (chunk.hasState || chunk.from === 1),
  )
  const last = chunks.findIndex((chunk) => chunk.to >= to)
  return { first: Math.max(0, first), last: last < 0 ? chunks.length - 1 : last }
}
