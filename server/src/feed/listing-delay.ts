import type { Json, RoomListing } from '@ringside/protocol'
import type { Clock } from '../clock.ts'
import type { RoomDirectory } from './room-directory.ts'

/** What the game tells the lobby of a room, at one time. */
interface Sample {
  readonly at: number
  readonly clients: number
  readonly metadata: Json
}

interface DelayedRoom {
  readonly delayMs: number
  shown: Sample | null
  /** Younger than the delay, oldest first: at most `MAX_WAITING`. */
  readonly waiting: Sample[]
  hasChanged: boolean
}

/** How often listings are looked at, in ms: so much later than their delay they may be shown. */
const SAMPLE_MS = 500
/** A longer delay is sampled more rarely, so that no room has more than about this many samples. */
const MAX_WAITING = 64

/**
 * FE3 for the list of rooms: players and metadata of a delayed room are shown as they were `delayMs` ago, none
 * before that. That the room is there, and may be joined, is told at once.
 */
export class ListingDelay {
  readonly #directory: RoomDirectory
  readonly #clock: Clock
  readonly #onShown: (roomId: string) => void
  readonly #rooms = new Map<string, DelayedRoom>()
  readonly #stop: () => void
  #cancel: (() => void) | null = null

  /** `onShown` is called when a room's listing became another by the passing of time. */
  constructor(directory: RoomDirectory, clock: Clock, onShown: (roomId: string) => void) {
    this.#directory = directory
    this.#clock = clock
    this.#onShown = onShown
    for (const { roomId } of directory.list()) this.#note(roomId)
    this.#stop = directory.onChange((roomId) => this.#note(roomId))
  }

  /** The living rooms that may be listed, as they may be shown now. */
  list(): RoomListing[] {
    return this.#directory.list().map((room) => this.#shownOf(room))
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

  #shownOf(room: RoomListing): RoomListing {
    if (room.delayMs === 0) return room
    const shown = this.#rooms.get(room.roomId)?.shown
    return { ...room, clients: shown?.clients ?? 0, metadata: shown?.metadata ?? null }
  }

  #note(roomId: string): void {
    const facts = this.#directory.find(roomId)
    if (!facts?.isLive) return void this.#rooms.delete(roomId)
    if (facts.delayMs === 0) return
    const known = this.#rooms.get(roomId)
    if (known) known.hasChanged = true
    else {
      const { delayMs } = facts
      this.#rooms.set(roomId, { delayMs, shown: null, waiting: [], hasChanged: true })
    }
    this.#cancel ??= this.#clock.after(SAMPLE_MS, () => this.#sample())
  }

  /** One look at the directory for all rooms: games may change their metadata with every tick. */
  #sample(): void {
    const now = this.#clock.now()
    const listed = new Map(this.#directory.list().map((room) => [room.roomId, room]))
    let isBusy = false
    for (const [roomId, room] of this.#rooms) {
      this.#take(room, listed.get(roomId), now)
      let hasMoved = false
      for (let due = room.waiting[0]; due && due.at + room.delayMs <= now; due = room.waiting[0]) {
        room.shown = due
        room.waiting.shift()
        hasMoved = true
      }
      if (hasMoved) this.#onShown(roomId)
      if (room.hasChanged || room.waiting.length > 0) isBusy = true
    }
    this.#cancel = isBusy ? this.#clock.after(SAMPLE_MS, () => this.#sample()) : null
  }

  #take(room: DelayedRoom, listing: RoomListing | undefined, now: number): void {
    if (!room.hasChanged) return
    const newest = room.waiting.at(-1)
    if (newest && now - newest.at < room.delayMs / MAX_WAITING) return
    room.hasChanged = false
    // Private now: what it shows then is sampled when it is listed again.
    if (!listing) return
    room.waiting.push({ at: now, clients: listing.clients, metadata: listing.metadata })
  }
}
