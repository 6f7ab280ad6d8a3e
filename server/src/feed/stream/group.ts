import type { RoomWho } from '../../outbox/contract/room-who.ts'
import type { ByteStream } from '../../transport/contract.ts'
import { BEFORE_ALL } from '../position/room-id.ts'
import type { RoomPlace } from '../position/room-id.ts'
import type { StreamIds } from '../position/stream-ids.ts'
import type { Selection } from '../audience/selection.ts'
import type { FeedEntry } from '../read/entry.ts'
import type { FeedTail, TailFollower } from '../read/tail.ts'
import type { Bound } from './bound.ts'
import type { Chunk, ChunkFilter } from './chunk.ts'
import type { FeedFormat } from './format.ts'

/** A room's state is shown to those who may see events of this type. */
const SNAPSHOT = 'snapshot'

/** FE4: what the readers of a group may see now. Each is asked for every event. */
export interface GroupRights {
  /** `who` is what the log says of the room where the event is; default: now. */
  readonly allowsRoom: (room: string, type: string, who?: RoomWho | null) => boolean
  readonly allowsTopic: (topic: string, type: string) => boolean
}

/** The streams of a group have these in common. */
export interface GroupParts {
  readonly selection: Selection
  readonly rights: GroupRights
  /** They run at its delay. */
  readonly tail: FeedTail
  readonly ids: StreamIds
  readonly format: FeedFormat
  /** Its one stream ends by itself there; null: it does not. */
  readonly bound: Bound | null
}

/** What a group tells of itself. */
export interface GroupListener<Member extends GroupMember> {
  /** It has its first pending entry, or its bound is met. */
  readonly onDirty: (group: FeedGroup<Member>) => void
  /** A room is revealed to its live streams where they stand: each has to be shown its snapshot. */
  readonly onRevealing: (group: FeedGroup<Member>) => void
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
  readonly selection: Selection
  readonly rooms: ReadonlySet<string> | null
  readonly isSingle: boolean
  readonly format: FeedFormat
  /** null for what most streams follow, which does not end by itself. */
  readonly bound: Bound | null
  /** It is the one room whose events alone are read from the log; undefined when there is more. */
  readonly readRoom: string | undefined
  readonly ids: StreamIds
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
  /** The place at `flushed`. */
  #flushedPlace: RoomPlace = BEFORE_ALL
  lastWriteAt = 0
  /** So many bytes were written to a stream that is live all the time. */
  writtenBytes = 0
  streamCount = 0
  /** It was joined for streams that catch up, and the others at its place take it too. */
  chunk: Chunk | null = null
  cancelHeartbeat: (() => void) | null = null
  readonly #rights: GroupRights
  readonly #listener: GroupListener<Member>

  constructor(key: string, parts: GroupParts, listener: GroupListener<Member>) {
    const { selection, tail, ids, rights, format, bound } = parts
    this.key = key
    this.tail = tail
    this.selection = selection
    this.rooms = selection.roomSet
    this.isSingle = selection.isSingle
    this.format = format
    this.bound = bound
    this.readRoom = selection.readRoom
    this.flushed = tail.position
    this.#rights = rights
    this.ids = ids
    this.#listener = listener
  }

  isRevealedBy({ room, isRevealing, type, who }: FeedEntry): boolean {
    if (!isRevealing || room === null || !who || (this.rooms && !this.rooms.has(room))) return false
    const { allowsRoom } = this.#rights
    return allowsRoom(room, type, who) && !allowsRoom(room, type, { ...who, isPrivate: true })
  }

  /** Of one room: the place up to which the tail has passed its events. */
  get passed(): RoomPlace {
    return { n: this.passedN, check: this.passedCheck }
  }

  /** Live streams were shown everything up to it: with nothing pending all up to the tail. */
  get seen(): number {
    return this.pending.length === 0 ? this.tail.position : this.flushed
  }

  /** Everything that the tail has passed was written to its live streams. */
  markFlushed(): void {
    this.flushed = this.tail.position
    if (this.isSingle) this.#flushedPlace = this.passed
  }

  /** Of one room: the place of its last event up to where a live stream has stood. */
  placeAt(cursor: number): RoomPlace | null {
    if (!this.isSingle) return null
    return cursor === this.flushed ? this.#flushedPlace : this.passed
  }

  /** Live streams may be shown nothing beyond what is pending. */
  get isBoundMet(): boolean {
    return this.bound !== null && this.bound.isMetAt(this.passed, this.pending.length)
  }

  /** FE4: is the event one of those that its streams follow, and that their readers may see now? */
  wants(entry: FeedEntry): boolean {
    if (!this.selection.wants(entry)) return false
    const { room, topic, type, who } = entry
    const { allowsRoom, allowsTopic } = this.#rights
    if (room !== null) return allowsRoom(room, type, who)
    return topic !== null && allowsTopic(topic, type)
  }

  /** Its first live stream stands at this place. */
  beginAt({ n, check }: RoomPlace): void {
    this.passedN = n
    this.passedCheck = check
  }

  /** FE4: may its readers see this room now, and its state where the log says `who`? */
  allows(room: string, who: RoomWho | null = null): boolean {
    return this.#rights.allowsRoom(room, SNAPSHOT, who)
  }

  /** The tail passed this entry. Without live streams nothing is kept: the others read it later. */
  take(entry: FeedEntry): void {
    if (this.live.length === 0 || this.isBoundMet) return
    if (this.isRevealedBy(entry)) return this.#listener.onRevealing(this)
    if (this.isSingle) {
      this.passedN = entry.n
      this.passedCheck = entry.check
    }
    const isWanted = this.wants(entry)
    if (isWanted) this.pending.push(entry)
    const isFirst = isWanted
      ? this.pending.length === 1
      : this.pending.length === 0 && this.isBoundMet
    if (isFirst) this.#listener.onDirty(this)
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
