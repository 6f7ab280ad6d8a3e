import type { Json, RoomListing } from '@ringside/protocol'
import type { Clock } from '../../process/clock.ts'
import type { RoomDirectory } from '../audience/directory.ts'
import type { Spectators } from '../audience/spectators.ts'

/** The game told the lobby this of a room at one time. */
interface Sample {
  readonly at: number
  readonly clients: number
  readonly metadata: Json
}

interface SampledRoom {
  readonly delayMs: number
  shown: Sample | null
  /** These are younger than the delay, oldest first: at most `MAX_WAITING`. */
  readonly waiting: Sample[]
  hasChanged: boolean
  /** It changed while the log was behind, and nobody was told. */
  isHeld: boolean
}

export interface ListingParts {
  readonly directory: RoomDirectory
  readonly spectators: Spectators
  readonly clock: Clock
  /** True while the log does not take what rooms do. */
  readonly isBehind: () => boolean
  /** The lobby hears by it that a room's listing became another by the passing of time. */
  readonly onShown: (roomId: string) => void
}

/** Listings are looked at every so many ms, and may be shown so much later than their delay. */
const SAMPLE_MS = 500
/** A longer delay is sampled more rarely, so that no room has more than about this many samples. */
const MAX_WAITING = 64

/**
 * Holds FE32, the delay of the list of rooms: players and metadata of a delayed room are shown as they were
 * `delayMs` ago, and none before that; while the log is behind, those of all rooms are shown as
 * they were before it. That a room is there, and may be joined, is told at once.
 */
export class ListingDelay {
  readonly #parts: ListingParts
  readonly #rooms = new Map<string, SampledRoom>()
  readonly #stop: () => void
  #cancel: (() => void) | null = null

  constructor(parts: ListingParts) {
    this.#parts = parts
    for (const { roomId } of this.#listed()) this.#note(roomId)
    this.#stop = parts.directory.onChange((roomId) => this.#note(roomId))
  }

  /** The living rooms that may be listed, as they may be shown now. */
  list(): RoomListing[] {
    const isHeld = this.#parts.isBehind()
    return this.#listed().map((room) => this.#shownOf(room, isHeld))
  }

  /** Samples kept because they are too young to be shown, over all rooms. */
  get sampleCount(): number {
    let count = 0
    for (const room of this.#rooms.values()) count += room.waiting.length
    return count
  }

  stop(): void {
    this.#stop()
    this.#cancel?.()
  }

  #listed(): RoomListing[] {
    const { directory, spectators } = this.#parts
    return directory.list((roomId) => spectators.of(roomId))
  }

  #shownOf(room: RoomListing, isHeld: boolean): RoomListing {
    if (room.delayMs === 0 && !isHeld) return room
    const sampled = this.#rooms.get(room.roomId)
    // A hold may be too short for any sample to see it: the change that it kept back is told then
    // too.
    if (isHeld && sampled) sampled.isHeld = true
    const shown = sampled?.shown
    return { ...room, clients: shown?.clients ?? 0, metadata: shown?.metadata ?? null }
  }

  #note(roomId: string): void {
    const { directory, clock } = this.#parts
    const facts = directory.find(roomId)
    if (!facts?.isLive) return void this.#rooms.delete(roomId)
    const known = this.#rooms.get(roomId)
    if (known) known.hasChanged = true
    else {
      const { delayMs } = facts
      const nothing = { shown: null, waiting: [], isHeld: false }
      this.#rooms.set(roomId, { delayMs, ...nothing, hasChanged: true })
    }
    this.#cancel ??= clock.after(SAMPLE_MS, () => this.#sample())
  }

  /** One look at the directory for all rooms: games may change their metadata with every tick. */
  #sample(): void {
    const { clock, isBehind, onShown } = this.#parts
    const now = clock.now()
    const isHeld = isBehind()
    const listed = new Map(this.#listed().map((room) => [room.roomId, room]))
    let isBusy = false
    for (const [roomId, room] of this.#rooms) {
      if (room.delayMs > 0 || !isHeld) this.#take(room, listed.get(roomId), now)
      if (isHeld) room.isHeld = true
      else if (show(room, now)) onShown(roomId)
      if (room.hasChanged || room.waiting.length > 0) isBusy = true
    }
    this.#cancel = isBusy ? clock.after(SAMPLE_MS, () => this.#sample()) : null
  }

  #take(room: SampledRoom, listing: RoomListing | undefined, now: number): void {
    if (!room.hasChanged) return
    const newest = room.waiting.at(-1)
    if (newest && now - newest.at < room.delayMs / MAX_WAITING) return
    room.hasChanged = false
    // The room is private now. It is sampled again when it is listed again.
    if (!listing) return
    room.waiting.push({ at: now, clients: listing.clients, metadata: listing.metadata })
  }
}

/** Moves on to the newest sample that is old enough; true when that is to be told. */
function show(room: SampledRoom, now: number): boolean {
  let hasMoved = false
  for (let due = room.waiting[0]; due && due.at + room.delayMs <= now; due = room.waiting[0]) {
    room.shown = due
    room.waiting.shift()
    hasMoved = true
  }
  // Without a delay the directory tells of its changes itself, unless they were held.
  const isNews = room.delayMs > 0 || room.isHeld
  room.isHeld = false
  return hasMoved && isNews
}
