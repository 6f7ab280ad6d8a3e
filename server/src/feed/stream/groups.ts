import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { HttpRequest } from '../../transport/contract.ts'
import type { FeedAccess, WatchedRoom } from '../audience/access.ts'
import type { TypeFilter } from '../audience/type-filter.ts'
import { ROOM_IDS, SealedIds } from '../position/stream-ids.ts'
import type { SealedPositions } from '../position/sealed-positions.ts'
import type { FeedTail, FeedTails } from '../read/tail.ts'
import { FeedGroup } from './group.ts'
import type { FeedPump } from './pump.ts'
import type { FeedStream, StreamGroup } from './stream.ts'

/** A stream asks to follow this. */
export interface Follow {
  /** null = all public rooms. */
  readonly rooms: readonly string[] | null
  readonly isSingle: boolean
  readonly types: TypeFilter | null
  /** The request of the reader; it matters only where the answer depends on it. */
  readonly request: HttpRequest | null
  readonly streamId: string
  /** It is in ms. Default: the largest delay among the rooms. */
  readonly delayMs?: number
}

export interface GroupsContext {
  readonly outbox: Outbox
  readonly tails: FeedTails
  readonly access: FeedAccess
  readonly pump: FeedPump
  readonly positions: SealedPositions
  /** All streams that are open. */
  readonly streams: ReadonlySet<FeedStream>
}

/**
 * Keeps the groups in use, by what they follow, and tells their streams when rooms or tails change.
 */
export class FeedGroups {
  readonly #context: GroupsContext
  readonly #groups = new Map<string, StreamGroup>()

  constructor(context: GroupsContext) {
    this.#context = context
  }

  /** A room was added, changed or forgotten. */
  onRoomChange(id: string): void {
    const { access, outbox } = this.#context
    const change = access.refresh(id, outbox.sealed)
    // Most changes are of players and metadata, which no stream depends on.
    if (change === 'none') return
    const room = access.find(id)
    for (const group of this.#groups.values()) {
      const follows = group.rooms ? group.rooms.has(id) : room?.isPrivate === false
      if (!follows) continue
      if (room && room.delayMs > group.tail.delayMs) this.#slowDown(group, room)
      else if (group.isSingle && !group.allows(id))
        for (const stream of this.#streamsOf(group)) stream.body.end()
    }
    if (change === 'revealed') this.#reveal(id)
  }

  /** FE40: streams that go on with a room they were not shown get its snapshot first. */
  #reveal(id: string): void {
    const { pump, streams } = this.#context
    for (const stream of streams) {
      const { group } = stream
      if (group.isSingle || (group.rooms && !group.rooms.has(id))) continue
      // With nothing pending they have seen all up to the tail.
      const seen = group.pending.length === 0 ? group.tail.position : group.flushed
      if (stream.state.kind === 'live') pump.demote(stream, seen)
      stream.reveal(id)
    }
    pump.schedule()
  }

  /** FE3: a room with a larger delay belongs to these streams now, so all of them run at it. */
  #slowDown(group: StreamGroup, { delayMs }: WatchedRoom): void {
    const { pump } = this.#context
    const { isSingle, types } = group
    const rooms = group.rooms ? [...group.rooms] : null
    for (const stream of this.#streamsOf(group)) {
      if (stream.state.kind === 'live') pump.demote(stream, group.flushed)
      const { id: streamId, request } = stream
      this.leave(stream)
      stream.follow(this.enter({ rooms, isSingle, types, request, streamId, delayMs }))
    }
    pump.schedule()
  }

  #streamsOf(group: StreamGroup): FeedStream[] {
    return [...this.#context.streams].filter((stream) => stream.group === group)
  }

  /**
   * The log was cut beyond the tail's position: its live streams go on by themselves, to be told so
   * (FE1).
   */
  onCut(tail: FeedTail): void {
    const { pump } = this.#context
    for (const group of this.#groups.values())
      if (group.tail === tail)
        for (const stream of group.live.slice()) pump.demote(stream, group.flushed)
  }

  /** The tail will never move: its readers come back, and get another. */
  onDead(tail: FeedTail): void {
    for (const group of this.#groups.values())
      if (group.tail === tail) for (const stream of this.#streamsOf(group)) stream.body.end()
  }

  /**
   * Finds the group that follows the same, or makes it. It counts one stream more: `leave` undoes
   * that.
   */
  enter(follow: Follow): StreamGroup {
    const { rooms, isSingle, types, request, streamId } = follow
    const { access, pump, tails, positions } = this.#context
    const delayMs = follow.delayMs ?? access.delayOf(rooms)
    const owner = access.isPersonal ? streamId : ''
    // What is followed, whoever does and however late: a position goes on wherever this is the same.
    const selection = `${rooms?.join(',') ?? '*'}|${types?.key ?? ''}`
    const key = [isSingle, selection, delayMs, owner].join('|')
    let group = this.#groups.get(key)
    if (!group) {
      const allows = access.checkFor(request, { all: rooms === null, delayMs })
      const tail = tails.of(delayMs)
      const ids = isSingle ? ROOM_IDS : new SealedIds(positions, selection)
      group = new FeedGroup(key, { rooms, types, tail, isSingle, ids, allows }, pump.onDirty)
      this.#groups.set(key, group)
      tail.add(group)
    }
    group.streamCount++
    return group
  }

  /** The stream leaves its group, which is forgotten when it was the last. */
  leave({ group }: FeedStream): void {
    if (--group.streamCount > 0) return
    group.cancelHeartbeat?.()
    group.tail.remove(group)
    this.#groups.delete(group.key)
  }
}
