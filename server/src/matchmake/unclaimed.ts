import { RingsideError } from '../process/errors.ts'

/**
 * Counts the seats that each address holds reserved without having taken them (MM5): without it one
 * stranger could keep every room full, or open rooms without end.
 */
export class UnclaimedSeats {
  readonly #maxPerAddress: number
  /** Bounded by the seats of all rooms: an address is here only while it holds one. */
  readonly #counts = new Map<string, number>()

  constructor(maxPerAddress: number) {
    this.#maxPerAddress = maxPerAddress
  }

  /** @throws RingsideError too_many_requests when the address holds as many as it may. */
  check(address: string): void {
    if ((this.#counts.get(address) ?? 0) >= this.#maxPerAddress)
      throw new RingsideError('too_many_requests', 'Too many seats are reserved and not taken')
  }

  /** Counts one; call the result once it was taken or given back. */
  add(address: string): () => void {
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1)
    return () => {
      const left = (this.#counts.get(address) ?? 0) - 1
      if (left > 0) this.#counts.set(address, left)
      else this.#counts.delete(address)
    }
  }
}
