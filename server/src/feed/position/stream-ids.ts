import type { FeedEntry } from '../read/entry.ts'
import type { RoomPlace } from './room-id.ts'
import { BEFORE_ALL, roomId } from './room-id.ts'
import { selectionHash } from './sealed-positions.ts'
import type { SealedPositions } from './sealed-positions.ts'

/** Writes the ids of the streams of one group. */
export interface StreamIds {
  /** Hash of what they follow; 0 for one room, whose ids need none. */
  readonly selection: number
  /** The id of an event. */
  of(entry: FeedEntry): string
  /** Adds an event's block, its id in it, to `parts`; an event's own bytes stand there as they are (FE50). Returns its length. */
  add(entry: FeedEntry, parts: Uint8Array[]): number
  /** The id of a block that stands on no event: everything up to `seq` was shown, of one room up to `place`. */
  at(seq: number, place: RoomPlace | null): string
}

/** The ids of the feed of one room are in the bytes that all streams share: nothing is made for a group. */
export const ROOM_IDS: StreamIds = {
  selection: 0,
  of: roomId,
  add(entry, parts) {
    parts.push(entry.bytes)
    return entry.bytes.length
  },
  at: (_seq, place) => roomId(place ?? BEFORE_ALL),
}

/** The ids of a feed of many rooms: sealed for what its streams follow. */
export class SealedIds implements StreamIds {
  readonly selection: number
  readonly #positions: SealedPositions

  /** `key`: equal for equal selections. */
  constructor(positions: SealedPositions, key: string) {
    this.#positions = positions
    this.selection = selectionHash(key)
  }

  of({ seq, check }: FeedEntry): string {
    return this.#positions.tokenOf(seq, check, this.selection)
  }

  add({ seq, check, bytes, bodyAt }: FeedEntry, parts: Uint8Array[]): number {
    const line = this.#positions.lineOf(seq, check, this.selection)
    const body = bytes.subarray(bodyAt)
    parts.push(line, body)
    return line.length + body.length
  }

  at(seq: number): string {
    return this.#positions.quietToken(seq, this.selection)
  }
}
