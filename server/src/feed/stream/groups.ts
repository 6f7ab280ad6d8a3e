import type { Clock } from '../../process/clock.ts'
import { warnOf } from '../../process/failure.ts'
import type { Logger } from '../../process/logger.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { HttpRequest } from '../../transport/contract.ts'
import type { FeedAccess, WatchedRoom } from '../audience/access.ts'
import { FeedGroup } from './group.ts'
import type { FeedPump } from './pump.ts'
import type { FeedSource } from '../read/source.ts'
import type { FeedStream } from './stream.ts'
import { FeedTail } from '../read/tail.ts'
import type { TypeFilter } from '../audience/type-filter.ts'

/** What a stream asks to follow. */
export interface Follow {
  /** null = all public rooms. */
  readonly rooms: readonly string[] | null
  readonly isSingle: boolean
  readonly types: TypeFilter | null
  /** Who asks; matters only where the answer depends on it. */
  readonly request: HttpRequest | null
  readonly streamId: string
  /** Default: the largest delay among the rooms, in ms. */
  readonly delayMs?: number
}

export interface GroupsContext {
  readonly outbox: Outbox
  readonly source: FeedSource
  readonly access: FeedAccess
  readonly pump: FeedPump
  readonly clock: Clock
  readonly logger: Logger
  readonly now: () => number
  /** All streams that are open. */
  readonly streams: ReadonlySet<FeedStream>
}

/** The groups in use, by what they follow, and the tails, by delay. */
export class FeedGroups {
  readonly #context: GroupsContext
  readonly #tails = new Map<number, FeedTail>()
  readonly #groups = new Map<string, FeedGroup>()

  constructor(context: GroupsContext) {
    this.#context = context
    this.tailOf(0)
  }

  [Symbol.iterator](): Iterator<FeedGroup> {
    return this.#groups.values()
  }

  /** More of the log was sealed. */
  advance(): void {
    for (const tail of this.#tails.values()) tail.advance()
  }

  /** A room was added, changed or forgotten. */
  onRoomChange(id: string): void {
    const { access, outbox } = this.#context
    const change = access.refresh(id, outbox.sealed)
    // Most changes are of players and metadata, which no stream depends on.
    if (change === 'none') return
    const room = access.find(id)
    for (const group of this) {
      const follows = group.rooms ? group.rooms.has(id) : room?.isPrivate === false
      if (!follows) continue
      if (room && room.delayMs > group.tail.delayMs) this.#slowDown(group, room)
      else if (group.isSingle && !group.allows(id))
        for (const stream of this.#streamsOf(group)) stream.body.end()
    }
    if (change === 'revealed') this.#reveal(id)
  }

  /** FE11: streams that go on with a room they were not shown get its snapshot first. */
  #reveal(id: string): void {
    const { pump, streams } = this.#context
    for (const stream of streams) {
      const { group } = stream
      if (group.isSingle || (group.rooms && !group.rooms.has(id))) continue
      stream.revealed ??= new Set()
      stream.revealed.add(id)
      // With nothing pending they have seen all up to the tail.
      const seen = group.pending.length === 0 ? group.tail.position : group.flushed
      if (stream.state === 'live') pump.demote(stream, seen)
    }
    pump.schedule()
  }

  /** FE3: a room with a larger delay belongs to these streams now, so all of them run at it. */
  #slowDown(group: FeedGroup, { delayMs }: WatchedRoom): void {
    const { pump } = this.#context
    const { isSingle, types } = group
    const rooms = group.rooms ? [...group.rooms] : null
    for (const stream of this.#streamsOf(group)) {
      if (stream.state === 'live') pump.demote(stream, group.flushed)
      const { id: streamId, request } = stream
      this.leave(stream)
      stream.group = this.enter({ rooms, isSingle, types, request, streamId, delayMs })
    }
    pump.schedule()
  }

  #streamsOf(group: FeedGroup): FeedStream[] {
    return [...this.#context.streams].filter((stream) => stream.group === group)
  }

  stop(): void {
    for (const tail of this.#tails.values()) tail.stop()
  }

  /** The tail with this delay in ms. There are as many as room types have delays. */
  tailOf(delayMs: number): FeedTail {
    const known = this.#tails.get(delayMs)
    if (known) return known
    const { outbox, source, clock, now, pump, logger } = this.#context
    const onMoved = (): void => {
      if (pump.apartCount > 0) pump.schedule()
    }
    const onCut = (tail: FeedTail): void => {
      for (const group of this.#groups.values())
        if (group.tail === tail)
          for (const stream of group.live.slice()) pump.demote(stream, group.flushed)
    }
    const tail = new FeedTail(delayMs, { outbox, source, clock, now, onMoved, onCut })
    tail.ready.catch((error: unknown) => {
      warnOf(logger, error, [{ delayMs }, 'feed tail failed to start'])
      this.#tails.delete(delayMs)
      // It will never move: their readers come back, and get another.
      for (const group of this.#groups.values())
        if (group.tail === tail) for (const stream of this.#streamsOf(group)) stream.body.end()
    })
    this.#tails.set(delayMs, tail)
    return tail
  }

  /** Puts the stream's next membership into the group that follows the same, made when it is the first. */
  enter(follow: Follow): FeedGroup {
    const { rooms, isSingle, types, request, streamId } = follow
    const { access, pump } = this.#context
    const delayMs = follow.delayMs ?? access.delayOf(rooms)
    const owner = access.isPersonal ? streamId : ''
    const key = [isSingle, rooms?.join(',') ?? '*', types?.key ?? '', delayMs, owner].join('|')
    let group = this.#groups.get(key)
    if (!group) {
      const allows = access.checkFor(request, { all: rooms === null, delayMs })
      const tail = this.tailOf(delayMs)
      group = new FeedGroup(key, { rooms, types, tail, isSingle, allows }, pump.onDirty)
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
