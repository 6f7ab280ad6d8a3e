import { AddressCount } from '../limit/address-count.ts'
import { RingsideError } from '../process/errors.ts'
import type { Host } from '../host/host.ts'
import type { LiveRoom } from '../room/room.ts'

/**
 * Counts the living rooms that were made by requests of each address (MM7): without it one stranger could
 * hold all rooms of the server. Rooms that go on after a restart are nobody's.
 */
export class MadeRooms {
  readonly #counts: AddressCount
  /** Living rooms and the addresses that made them. */
  readonly #makers = new Map<string, string>()

  /** It follows the host's rooms for as long as there are any. */
  constructor(host: Pick<Host, 'onChange' | 'rooms'>, maxPerAddress: number) {
    this.#counts = new AddressCount(maxPerAddress)
    host.onChange((roomId) => {
      if (!host.rooms.has(roomId)) this.#forget(roomId)
    })
  }

  /**
   * Makes a room that counts for the address until the host has it no longer.
   * @throws RingsideError too_many_requests when it has as many as it may; whatever `make` throws.
   */
  async make(address: string, make: () => Promise<LiveRoom>): Promise<LiveRoom> {
    if (this.#counts.isFull(address))
      throw new RingsideError('too_many_requests', 'Too many rooms of one address are open')
    this.#counts.add(address)
    try {
      const room = await make()
      if (room.isOver) this.#counts.release(address)
      else this.#makers.set(room.id, address)
      return room
    } catch (error) {
      this.#counts.release(address)
      throw error
    }
  }

  #forget(roomId: string): void {
    const address = this.#makers.get(roomId)
    if (address === undefined) return
    this.#makers.delete(roomId)
    this.#counts.release(address)
  }
}
