import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { Asking, FactsChange, FeedAccess, WatchedRoom } from '../audience/access.ts'
import type { Selection } from '../audience/selection.ts'
import type { Spectators } from '../audience/spectators.ts'
import { ROOM_IDS, SealedIds } from '../position/stream-ids.ts'
import type { SealedPositions } from '../position/sealed-positions.ts'
import type { FeedTail, FeedTails } from '../read/tail.ts'
import { BoundedIds } from '../position/bounded-ids.ts'
import type { Bound } from './bound.ts'
import type { FeedFormat, FeedNote } from './format.ts'
import { FeedGroup } from './group.ts'
import type { FeedPump } from './pump.ts'
import type { FeedStream, StreamGroup } from './stream.ts'
import type { StreamTable } from './stream-table.ts'

/** A stream follows this. */
export interface Follow {
  readonly selection: Selection
  /** Who reads it; it matters only where the answer depends on it. */
  readonly asking: Asking
  readonly streamId: string
  readonly format: FeedFormat
  /** The stream ends by itself there, so that it is a group of its own; null: it does not. */
  readonly bound: Bound | null
  /** It is in ms. Default: the largest delay among the rooms. */
  readonly delayMs?: number
}

/** What comes first when a stream follows something else from now on. */
export interface Arrival {
  /** Their snapshots are due where it stands. */
  readonly rooms: Iterable<string>
  /** Events without an id, each of which stands in for an older one of its name. */
  readonly notes: ReadonlyMap<string, FeedNote>
}

export interface GroupsContext {
  readonly outbox: Outbox
  readonly tails: FeedTails
  readonly access: FeedAccess
  readonly pump: FeedPump
  readonly positions: SealedPositions
  readonly spectators: Spectators
  /** All streams that are open. */
  readonly streams: StreamTable
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

  /** A room was added, changed or forgotten, at this seq of the log. */
  onRoomChange(id: string, at = this.#context.outbox.sealed): FactsChange {
    const { access } = this.#context
    const change = access.refresh(id, at)
    // Most changes are of players and metadata, which no stream depends on.
    if (change === 'none') return change
    const room = access.find(id)
    for (const group of this.#groups.values()) {
      const follows = group.rooms ? group.rooms.has(id) : room?.isPrivate === false
      if (!follows) continue
      if (room && room.delayMs > group.tail.delayMs) this.#slowDown(group, room)
      else if (group.isSingle && !group.allows(id))
        for (const stream of this.#streamsOf(group)) stream.body.end()
    }
    if (change === 'revealed') this.#reveal(id)
    return change
  }

  /**
   * FE40: streams that go on with a room they were not shown get its snapshot first. Where the log says that it was
   * private where they stand they get none, and come upon the event that reveals it.
   */
  #reveal(id: string): void {
    const { pump, streams } = this.#context
    for (const stream of streams) {
      const { group } = stream
      if (group.isSingle || (group.rooms && !group.rooms.has(id))) continue
      this.#takeOut(stream)
      stream.reveal(id)
    }
    pump.schedule()
  }

  /** FE3: a room with a larger delay belongs to these streams now, so all of them run at it. */
  #slowDown(group: StreamGroup, { delayMs }: WatchedRoom): void {
    for (const stream of this.#streamsOf(group)) {
      this.#takeOut(stream, group.flushed)
      this.#move(stream, group.selection, delayMs)
    }
    this.#context.pump.schedule()
  }

  /**
   * FE74: the stream follows this from where it stands: what stays goes on without a gap and without doubles, rooms
   * that are new to it begin with their snapshots there.
   */
  change(stream: FeedStream, selection: Selection, { rooms, notes }: Arrival): void {
    const { pump, spectators, streams } = this.#context
    if (!streams.has(stream)) return
    spectators.count(stream.group.rooms, -1)
    if (selection.key === stream.group.selection.key) this.#takeOut(stream)
    else this.#move(stream, selection)
    spectators.count(stream.group.rooms, 1)
    for (const room of rooms) stream.reveal(room)
    for (const [name, note] of notes) stream.note(name, note)
    pump.schedule()
  }

  /** What its reader may see is another thing from here on. */
  reassign(stream: FeedStream): void {
    this.#move(stream, stream.group.selection)
    this.#context.pump.schedule()
  }

  #move(stream: FeedStream, selection: Selection, delayMs?: number): void {
    this.#takeOut(stream)
    const { id: streamId, asking, group } = stream
    const follow = { selection, asking, streamId, format: group.format, bound: group.bound }
    this.leave(stream)
    stream.follow(this.enter(delayMs === undefined ? follow : { ...follow, delayMs }))
  }

  /** A live stream goes on by itself from here. */
  #takeOut(stream: FeedStream, seen = stream.group.seen): void {
    if (stream.state.kind === 'live') this.#context.pump.demote(stream, seen)
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
    pump.schedule()
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
    const { selection, asking, streamId, format, bound } = follow
    const { access, pump, tails, positions } = this.#context
    const delayMs = follow.delayMs ?? access.delayOf(selection.rooms)
    // Everybody who is nobody known sees the same, unless the game itself is asked.
    const isShared = bound === null && !access.isPersonal && asking.principal.kind === 'anonymous'
    const owner = isShared ? '' : streamId
    const key = `${selection.key} ${delayMs} ${format.name} ${owner}`
    let group = this.#groups.get(key)
    if (!group) {
      const allowsRoom = access.checkFor(asking, { all: selection.rooms === null, delayMs })
      const { principal } = asking
      const allowsTopic = (topic: string, type: string): boolean =>
        principal.mayReadTopic(topic, type)
      const tail = tails.of(delayMs)
      const rights = { allowsRoom, allowsTopic }
      // What is followed, whoever does and however late: a position goes on wherever this is the same.
      const positionIds = selection.isSingle ? ROOM_IDS : new SealedIds(positions, selection.key)
      const ids = bound ? new BoundedIds(positionIds, bound) : positionIds
      group = new FeedGroup(key, { selection, tail, ids, rights, format, bound }, pump)
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
