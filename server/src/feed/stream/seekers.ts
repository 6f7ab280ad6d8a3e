import type { Clock } from '../../process/clock.ts'
import type { Asking } from '../audience/access.ts'
import type { AliasIndex, RoomFinder, Resolved } from '../audience/room-finder.ts'
import { Selection } from '../audience/selection.ts'
import type { TopicFilter } from '../audience/topic-filter.ts'
import type { Wish } from '../audience/wish.ts'
import type { FeedNote } from './format.ts'
import type { FeedGroups } from './groups.ts'
import type { FeedStream } from './stream.ts'

export interface SeekersContext {
  readonly clock: Clock
  readonly finder: RoomFinder
  readonly groups: FeedGroups
  readonly publicTopics: TopicFilter
  /** The one room of the stream has come, and its group follows it. */
  readonly onArrived: (stream: FeedStream) => void
}

/** What there is of what was asked for. */
export interface Found {
  readonly selection: Selection
  readonly aliases: Resolved
  /** Ids of rooms that are not there, or not for this reader. */
  readonly unknown: readonly string[]
}

/** A stream that waits for rooms, or follows aliases. */
interface Seek {
  waiting: ReadonlySet<string>
  readonly waitMs: number
  aliases: Resolved
  cancel: (() => void) | null
}

/** Aliases are looked up so long after a room changed: rooms change in bursts, and each look goes over all of them. */
const LOOK_MS = 50

/**
 * Keeps the streams whose rooms are not all there: those that wait for rooms (FE76), and those that follow an alias
 * from match to match (FE75). Each is bounded by what one `rooms=` may name.
 */
export class Seekers {
  readonly #context: SeekersContext
  readonly #seeks = new Map<FeedStream, Seek>()
  readonly #byRoom = new Map<string, Set<FeedStream>>()
  /** So many follow aliases. */
  #aliasCount = 0
  #cancelLook: (() => void) | null = null

  constructor(context: SeekersContext) {
    this.#context = context
  }

  /** Finds what there is of what was asked for; `client` is the one whose messages the stream gets. */
  find(wish: Wish, who: { asking: Asking; client: string | null }, before?: Resolved): Found {
    const { finder, publicTopics } = this.#context
    const { asking, client } = who
    const { rooms, types, topics } = wish
    const aliases = finder.resolve(wish.aliases, asking, { before })
    const known = rooms?.filter((id) => finder.has(id, asking)) ?? null
    const current = [...aliases.values()].filter((id) => id !== null)
    const selection = new Selection({
      rooms: known && [...new Set([...known, ...current])].sort(),
      topics: topics ?? publicTopics,
      types,
      clientId: client,
      isSingle: false,
    })
    const unknown = rooms?.filter((id) => !known?.includes(id)) ?? []
    return { selection, aliases, unknown }
  }

  /** The aliases of a stream as they are now. */
  aliasesOf(stream: FeedStream): Resolved | undefined {
    return this.#seeks.get(stream)?.aliases
  }

  /** What the stream lacks was waited for so long when it began to; 0: not at all. */
  waitMsOf(stream: FeedStream): number {
    return this.#seeks.get(stream)?.waitMs ?? 0
  }

  /** The stream waits so long for what was not found, and follows its aliases from here on. */
  add(
    stream: FeedStream,
    { unknown, aliases }: Pick<Found, 'unknown' | 'aliases'>,
    waitMs: number,
  ): void {
    this.remove(stream)
    const waiting = new Set(waitMs > 0 ? unknown : [])
    if (waiting.size === 0 && aliases.size === 0) return
    const give = (): void => this.#giveUp(stream)
    const cancel = waiting.size > 0 ? this.#context.clock.after(waitMs, give) : null
    this.#seeks.set(stream, { waiting, waitMs, aliases, cancel })
    if (aliases.size > 0) this.#aliasCount++
    for (const room of waiting) {
      const streams = this.#byRoom.get(room)
      if (streams) streams.add(stream)
      else this.#byRoom.set(room, new Set([stream]))
    }
  }

  /** The stream waits for nothing any more. */
  remove(stream: FeedStream): void {
    const seek = this.#seeks.get(stream)
    if (!seek) return
    this.#seeks.delete(stream)
    seek.cancel?.()
    if (seek.aliases.size > 0) this.#aliasCount--
    for (const room of seek.waiting) this.#drop(room, stream)
  }

  stop(): void {
    for (const stream of this.#seeks.keys()) this.remove(stream)
    this.#cancelLook?.()
  }

  /** An event of the room was sealed: by now it has a state that a stream can begin with. */
  onSealed(room: string): void {
    // Most rooms are waited for by nobody.
    const streams = this.#byRoom.get(room)
    if (streams) for (const stream of streams) this.#arrive(stream, room)
  }

  /** A room was made, changed or forgotten. */
  onRoomChange(room: string, isRevealed: boolean): void {
    if (isRevealed) this.onSealed(room)
    if (this.#aliasCount > 0) this.#cancelLook ??= this.#context.clock.after(LOOK_MS, this.#look)
  }

  #arrive(stream: FeedStream, room: string): void {
    const { finder, groups, onArrived } = this.#context
    const seek = this.#seeks.get(stream)
    if (!seek || !finder.has(room, stream.asking)) return
    const { selection } = stream.group
    const waiting = new Set(seek.waiting)
    waiting.delete(room)
    seek.waiting = waiting
    this.#drop(room, stream)
    if (waiting.size === 0) {
      seek.cancel?.()
      seek.cancel = null
    }
    const rooms = [...(selection.rooms ?? []), room].sort()
    const isWaiting = selection.isSingle
    const added = isWaiting ? [] : [room]
    groups.change(stream, selection.withRooms(rooms), { rooms: added, notes: NOTHING })
    if (isWaiting) onArrived(stream)
  }

  /** What has not come by now is not waited for any more. */
  #giveUp(stream: FeedStream): void {
    const seek = this.#seeks.get(stream)
    if (!seek) return
    const notes = unknownNotes([...seek.waiting], 0)
    for (const room of seek.waiting) this.#drop(room, stream)
    seek.waiting = new Set()
    seek.cancel = null
    const { selection } = stream.group
    // Nothing will ever come: the reader comes back, and waits again.
    if (selection.isEmpty && seek.aliases.size === 0) return stream.body.end()
    this.#context.groups.change(stream, selection, { rooms: [], notes })
  }

  readonly #look = (): void => {
    this.#cancelLook = null
    const index = this.#context.finder.index()
    for (const [stream, seek] of this.#seeks)
      if (seek.aliases.size > 0 && this.#hasMoved(stream, seek, index))
        this.#follow(stream, seek, index)
  }

  /** Does an alias of the stream stand for another room now? Mostly none does, and nothing is made to say so. */
  #hasMoved({ asking }: FeedStream, { aliases }: Seek, index: AliasIndex): boolean {
    const { finder } = this.#context
    for (const [alias, before] of aliases)
      if (finder.current(alias, asking, { before, index }) !== before) return true
    return false
  }

  /** The stream goes on with the rooms that its aliases stand for now. */
  #follow(stream: FeedStream, seek: Seek, index: AliasIndex): void {
    const { finder, groups } = this.#context
    const { asking, wish } = stream
    const aliases = finder.resolve(wish.aliases, asking, { before: seek.aliases, index })
    const notes = new Map<string, FeedNote>()
    const rooms = new Set(stream.group.selection.rooms)
    const added: string[] = []
    const left: string[] = []
    for (const [alias, room] of aliases) {
      const before = seek.aliases.get(alias) ?? null
      if (before === room) continue
      notes.set(alias, { type: 'room-alias', json: JSON.stringify({ alias, room }) })
      if (before !== null) left.push(before)
      if (room !== null && !rooms.has(room)) added.push(room)
    }
    if (notes.size === 0) return
    seek.aliases = aliases
    for (const room of added) rooms.add(room)
    // A room stays until its end was shown: until the next one comes, or the one after it.
    const standing = new Set<string | null>([...aliases.values(), ...left])
    for (const room of rooms)
      if (!standing.has(room) && !wish.rooms?.includes(room)) rooms.delete(room)
    const selection = stream.group.selection.withRooms([...rooms].sort())
    groups.change(stream, selection, { rooms: added, notes })
  }

  #drop(room: string, stream: FeedStream): void {
    const streams = this.#byRoom.get(room)
    streams?.delete(stream)
    if (streams?.size === 0) this.#byRoom.delete(room)
  }
}

const NOTHING: ReadonlyMap<string, FeedNote> = new Map()

/** FE76: says in band which rooms are not there (yet), and how long they are waited for. */
export function unknownNotes(
  rooms: readonly string[],
  waitMs: number,
): ReadonlyMap<string, FeedNote> {
  return new Map(
    rooms.map((room) => [room, { type: 'room-unknown', json: JSON.stringify({ room, waitMs }) }]),
  )
}
