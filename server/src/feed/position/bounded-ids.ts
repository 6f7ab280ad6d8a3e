import type { FeedEntry } from '../read/entry.ts'
import type { RoomPlace } from './room-id.ts'
import type { StreamIds } from './stream-ids.ts'

/** What an id says beside its position. */
export interface IdSuffix {
  /** The suffix where the room stands at n; 0 in a feed of many. */
  suffixAt(n: number): string
}

/** FE99: the ids of a bounded stream, which no other has. */
export class BoundedIds implements StreamIds {
  readonly selection: number
  readonly #positions: StreamIds
  readonly #bound: IdSuffix

  constructor(positions: StreamIds, bound: IdSuffix) {
    this.selection = positions.selection
    this.#positions = positions
    this.#bound = bound
  }

  of(entry: FeedEntry): string {
    return this.#positions.of(entry) + this.#bound.suffixAt(entry.n)
  }

  add(entry: FeedEntry, parts: Uint8Array[]): number {
    const line = Buffer.from(`id: ${this.of(entry)}\n`)
    const body = entry.bytes.subarray(entry.bodyAt)
    parts.push(line, body)
    return line.length + body.length
  }

  at(seq: number, place: RoomPlace | null): string {
    return this.#positions.at(seq, place) + this.#bound.suffixAt(place?.n ?? 0)
  }
}
