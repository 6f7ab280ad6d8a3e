import type { RoomBuffer } from '../append/room-buffer.ts'

/** The ownerships of this process, and the accepted events that were given up with some of them. */
export class OwnedRooms implements Iterable<RoomBuffer> {
  readonly #buffers = new Set<RoomBuffer>()
  readonly #lostRooms = new Set<string>()
  #lostCount = 0

  /** Accepted events that are in no log. */
  get lostCount(): number {
    return this.#lostCount
  }

  /** Rooms that those events were of. */
  get lostRoomCount(): number {
    return this.#lostRooms.size
  }

  [Symbol.iterator](): Iterator<RoomBuffer> {
    return this.#buffers.values()
  }

  add(buffer: RoomBuffer): void {
    this.#buffers.add(buffer)
  }

  delete(buffer: RoomBuffer): void {
    this.#buffers.delete(buffer)
  }

  noteLost(room: string, count: number): void {
    this.#lostRooms.add(room)
    this.#lostCount += count
  }

  /** Asks the room for a snapshot; false when this process does not own it, or none will come. */
  askForSnapshot(room: string): boolean {
    const owned = Array.from(this.#buffers).filter((buffer) => buffer.room === room)
    return owned.filter((buffer) => buffer.askForSnapshot()).length > 0
  }
}
