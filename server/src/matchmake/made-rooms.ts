import { RingsideError } from '../process/errors.ts'
import type { LiveRoom } from '../room/room.ts'

/**
 * Counts the living rooms that were made by requests of each address (MM7): without it one stranger could
 * hold all rooms of the server. Rooms that go on after a restart are nobody's.
 */
export class MadeRooms {
  readonly #maxPerAddress: number
  /** Rooms living or being made; both maps hold no more than there are rooms. */
  readonly #counts = new Map<string, number>()
  readonly #makers = new Map<string, string>()

  constructor(maxPerAddress: number) {
    this.#maxPerAddress = maxPerAddress
  }

  /**
   * Makes a room that counts for the address until `forget`.
   * @throws RingsideError too_many_requests when it has as many as it may; whatever `make` throws.
   */
  async make(address: string, make: () => Promise<LiveRoom>): Promise<LiveRoom> {
    const count = this.#counts.get(address) ?? 0
    if (count >= this.#maxPerAddress)
      throw new RingsideError('too_many_requests', 'Too many rooms of one address are open')
    this.#counts.set(address, count + 1)
    try {
      const room = await make()
      if (room.isOver) this.#release(address)
      else this.#makers.set(room.id, address)
      return room
    } catch (error) {
      this.#release(address)
      throw error
    }
  }

  /** The room is over. */
  forget(roomId: string): void {
    const address = this.#makers.get(roomId)
    if (address === undefined) return
    this.#makers.delete(roomId)
    this.#release(address)
  }

  #release(address: string): void {
    const left = (this.#counts.get(address) ?? 0) - 1
    if (left > 0) this.#counts.set(address, left)
    else this.#counts.delete(address)
  }
}
