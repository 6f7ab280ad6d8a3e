import type { ByteStream } from '../../transport/contract.ts'
import type { FeedEntry } from '../read/entry.ts'
import type { FeedStream } from './stream.ts'
import type { FeedTail } from '../read/tail.ts'
import type { TypeFilter } from '../audience/type-filter.ts'

/** What a stream follows: rooms (null = all public ones), types (null = all), and from how far behind. */
export interface FeedSelection {
  readonly rooms: readonly string[] | null
  readonly types: TypeFilter | null
  readonly tail: FeedTail
  /** True for the feed of one room: it ends with the room. */
  readonly isSingle: boolean
  /** FE4: may this group see the room's events now? Asked for every event. */
  readonly allows: (room: string) => boolean
}

/** A joined run of events, shared by all streams of the group at the same position. */
export interface Chunk {
  readonly from: number
  readonly target: number
  readonly bytes: Uint8Array | null
  readonly next: number
  /** Number of events in it. */
  readonly count: number
  readonly isEnd: boolean
}

/**
 * All streams that follow the same: what one of them must see, all of them must, so it is chosen and joined
 * once for all. `live` streams stand at `flushed`.
 */
export class FeedGroup {
  readonly key: string
  readonly tail: FeedTail
  readonly rooms: ReadonlySet<string> | null
  readonly isSingle: boolean
  readonly types: TypeFilter | null
  /** The one room, so that its events alone are read from the log. */
  readonly readRoom: string | undefined
  /** FE4, asked for every event. */
  readonly allows: (room: string) => boolean
  readonly live: FeedStream[] = []
  /** Their bodies, in the same order: all that a write touches of a stream. */
  readonly bodies: ByteStream[] = []
  /** Entries passed by the tail and not yet written to the live streams. */
  pending: FeedEntry[] = []
  /** Live streams have seen everything up to it. */
  flushed: number
  /** Greatest id written to the live streams. */
  lastId = 0
  lastWriteAt = 0
  streamCount = 0
  chunk: Chunk | null = null
  cancelHeartbeat: (() => void) | null = null
  readonly #onDirty: (group: FeedGroup) => void

  constructor(key: string, selection: FeedSelection, onDirty: (group: FeedGroup) => void) {
    this.key = key
    this.tail = selection.tail
    this.rooms = selection.rooms ? new Set(selection.rooms) : null
    this.isSingle = selection.isSingle
    this.types = selection.types
    this.readRoom = selection.rooms?.length === 1 ? selection.rooms[0] : undefined
    this.flushed = selection.tail.position
    this.allows = selection.allows
    this.#onDirty = onDirty
  }

  wants(entry: FeedEntry): boolean {
    if (this.rooms && !this.rooms.has(entry.room)) return false
    if (this.types && !this.types.allows(entry.type)) return false
    return this.allows(entry.room)
  }

  /** The tail passed this entry. Without live streams nothing is kept: the others read it later. */
  take(entry: FeedEntry): void {
    if (this.live.length === 0 || !this.wants(entry)) return
    this.pending.push(entry)
    if (this.pending.length === 1) this.#onDirty(this)
  }

  join(stream: FeedStream): void {
    stream.state = 'live'
    stream.liveIndex = this.live.length
    this.live.push(stream)
    this.bodies.push(stream.body)
  }

  /** Takes the stream out of the live ones; the last one takes its place. */
  leave(stream: FeedStream): void {
    const last = this.live.pop()
    this.bodies.pop()
    if (last && last !== stream) {
      this.live[stream.liveIndex] = last
      this.bodies[stream.liveIndex] = last.body
      last.liveIndex = stream.liveIndex
    }
    stream.liveIndex = -1
    if (this.live.length === 0) this.pending = []
  }
}
