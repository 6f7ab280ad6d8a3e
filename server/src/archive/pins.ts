import { RingsideError } from '../process/errors.ts'
import { invalid, shownNumber } from '../process/argument.ts'
import type { LogEvent } from '../outbox/contract/store.ts'
import type { ArchiveReader } from './archive-reader.ts'
import type { Archivist } from './archivist.ts'
import { readChunk } from './chunk-maker.ts'
import type { ArchiveChunk, ArchiveStore, ArchivedMatch } from './contract.ts'

/** A range of a room's events by n, inclusive. */
export interface PinRange {
  readonly from: number
  readonly to: number
}

export interface PinsParts {
  readonly store: ArchiveStore
  readonly reader: Pick<ArchiveReader, 'forget'>
  readonly archivist: Pick<Archivist, 'write'>
  readonly newId: () => string
  /** The log's time in ms. */
  readonly now: () => number
}

const MAX_PINS = 100
/** So often another write of the same match may be first. */
const MAX_ATTEMPTS = 5

/**
 * Keeps ranges of matches beyond their time (FE125), for clips: of a match that is over or goes on. A range that is
 * pinned is there until the pin is taken off, and is read by `events`; the match itself is over with its time.
 */
export class Pins {
  readonly #parts: PinsParts

  constructor(parts: PinsParts) {
    this.#parts = parts
  }

  /**
   * Pins a range; resolves with the id of the pin once that is durable.
   * @throws RingsideError option_invalid for what is no range; past_retention when the archive has not all of it;
   * too_many_requests at 100 pins of a match; whatever the archive or the log fails with.
   */
  async pin(room: string, { from, to }: PinRange): Promise<string> {
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 1 && to >= from))
      throw invalid(`Expected a range from 1 on, got ${shownNumber(from)} to ${shownNumber(to)}`)
    const id = this.#parts.newId()
    await this.#change(room, { from, to }, (match) => {
      if (match.pins.length >= MAX_PINS)
        throw new RingsideError('too_many_requests', `Expected at most ${MAX_PINS} pins of a match`)
      return { ...match, pins: [...match.pins, { id, from, to }] }
    })
    return id
  }

  /** Takes a pin off. False: the match has no such pin. @throws whatever the archive fails with. */
  async unpin(room: string, id: string): Promise<boolean> {
    let isFound = false
    const { now } = this.#parts
    await this.#change(room, null, (match) => {
      const pins = match.pins.filter((pin) => pin.id !== id)
      isFound = pins.length < match.pins.length
      const isOver = match.keepUntil === null && pins.length === 0
      return isFound ? { ...match, pins, keepUntil: isOver ? now() : match.keepUntil } : null
    })
    return isFound
  }

  /**
   * Reads the events of a range that is pinned, or of a match that is still kept.
   * @throws RingsideError past_retention when the archive has not all of it.
   */
  async events(room: string, { from, to }: PinRange): Promise<LogEvent[]> {
    const { store } = this.#parts
    const match = await store.find(room)
    const found: LogEvent[] = []
    for (const [index, chunk] of (match?.chunks ?? []).entries()) {
      if (!match || chunk.to < from || chunk.from > to) continue
      const data = await store.read(match, index)
      const { events } = data ? await readChunk(room, chunk, data) : { events: [] }
      found.push(...events.filter(({ n }) => n >= from && n <= to))
    }
    if (found.length !== to - from + 1) throw notKept(room)
    return found
  }

  /** `change` gives null where nothing is to be changed. */
  async #change(
    room: string,
    range: PinRange | null,
    change: (match: ArchivedMatch) => ArchivedMatch | null,
  ): Promise<void> {
    const { store, archivist, reader } = this.#parts
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      let match = await store.find(room)
      if (range && !hasAll(match?.chunks ?? [], range)) {
        // It goes on, or has ended a moment ago: what the log has of it is written now.
        await archivist.write(room)
        match = await store.find(room)
        if (!hasAll(match?.chunks ?? [], range)) throw notKept(room)
      }
      const next = match && change(match)
      if (!next || (await store.update(next))) return reader.forget(room)
    }
    throw new RingsideError('unavailable', 'The match was written by others all the time')
  }
}

function hasAll(chunks: readonly ArchiveChunk[], { from, to }: PinRange): boolean {
  const first = chunks[0]
  const last = chunks.at(-1)
  return first !== undefined && last !== undefined && first.from <= from && to <= last.to
}

function notKept(room: string): RingsideError {
  return new RingsideError(
    'past_retention',
    `Expected all of that range of room '${room}' in the archive`,
  )
}
