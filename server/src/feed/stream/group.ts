import type { ByteStream } from '../../transport/contract.ts'
import type { TypeFilter } from '../audience/type-filter.ts'
import type { RoomPlace } from '../position/room-id.ts'
import type { StreamIds } from '../position/stream-ids.ts'
import type { FeedEntry } from '../read/entry.ts'
import type { FeedTail, TailFollower } from '../read/tail.ts'
import type { Chunk, ChunkFilter } from './chunk.ts'

/**
 * A stream follows rooms (null = all public ones) and types (null = all), at the delay of a tail.
 */
export interface FeedSelection {
  readonly rooms: readonly string[] | null
  readonly types: TypeFilter | null
  readonly tail: FeedTail
  /** True for the feed of one room: it ends with the room. */
  readonly isSingle: boolean
  readonly ids: StreamIds
  /** FE4: may this group see the room's events now? It is asked for every event. */
  readonly allows: (room: string) => boolean
}

/** A group sees its live streams as members. */
export interface GroupMember {
  readonly body: ByteStream
  /** The member has another place among the live ones now. */
  placeAt(index: number): void
}

/**
 * A group is all streams that follow the same. All of them must see the same events, which are
 * chosen and joined once for all. Its `live` streams stand at `flushed`.
 */
export class FeedGroup<Member extends GroupMember> implements TailFollower, ChunkFilter {
  readonly key: string
  readonly tail: FeedTail
  readonly rooms: ReadonlySet<string> | null
  readonly isSingle: boolean
  readonly types: TypeFilter | null
  /** It is the one room whose events alone are read from the log; undefined when there are more. */
  readonly readRoom: string | undefined
  readonly ids: StreamIds
  /** FE4: it is asked for every event. */
  readonly allows: (room: string) => boolean
  readonly live: Member[] = []
  /** Their bodies are in the same order, so that a write touches nothing else of a stream. */
  readonly bodies: ByteStream[] = []
  /** The tail has passed these entries, and they are not yet written to the live streams. */
  pending: FeedEntry[] = []
  /** Live streams have seen everything up to it. */
  flushed: number
  /** Of one room: the place of the last event that the tail has passed while there are live streams. */
  passedN = 0
  passedCheck = 0
  lastWriteAt = 0
  streamCount = 0
  /** It was joined for streams that catch up, and the others at its place take it too. */
  chunk: Chunk | null = null
  cancelHeartbeat: (() => void) | null = null
  readonly #onDirty: (group: FeedGroup<Member>) => void

  constructor(key: string, selection: FeedSelection, onDirty: (group: FeedGroup<Member>) => void) {
    this.key = key
    this.tail = selection.tail
    this.rooms = selection.rooms ? new Set(selection.rooms) : null
    this.isSingle = selection.isSingle
    this.types = selection.types
    this.readRoom = selection.rooms?.length === 1 ? selection.rooms[0] : undefined
    this.flushed = selection.tail.position
    this.ids = selection.ids
    this.allows = selection.allows
    this.#onDirty = onDirty
  }

  wants({ room, type }: FeedEntry): boolean {
    if (room === null || (this.rooms && !this.rooms.has(room))) return false
    if (this.types && !this.types.allows(type)) return false
    return this.allows(room)
  }

  /** Of one room: the place up to which the tail has passed its events. */
  get passed(): RoomPlace {
    return { n: this.passedN, check: this.passedCheck }
  }

  /** Its first live stream stands at this place. */
  beginAt({ n, check }: RoomPlace): void {
    this.passedN = n
    this.passedCheck = check
  }

  /** The tail passed this entry. Without live streams nothing is kept: the others read it later. */
  take(entry: FeedEntry): void {
    if (this.live.length === 0) return
    if (this.isSingle) {
      this.passedN = entry.n
      this.passedCheck = entry.check
    }
    if (!this.wants(entry)) return
    this.pending.push(entry)
    if (this.pending.length === 1) this.#onDirty(this)
  }

  /**
   * Takes the stream in as a live one. Returns its place among them. Called by the stream alone.
   */
  join(member: Member): number {
    this.bodies.push(member.body)
    return this.live.push(member) - 1
  }

  /**
   * Takes the stream at this place out; the last one takes its place. Called by the stream alone.
   */
  leave(index: number): void {
    const last = this.live.pop()
    const body = this.bodies.pop()
    if (last && body && index < this.live.length) {
      this.live[index] = last
      this.bodies[index] = body
      last.placeAt(index)
    }
    if (this.live.length === 0) this.pending = []
  }
}
