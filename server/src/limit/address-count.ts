import { LOOPBACK_ADDRESS } from '../transport/contract.ts'
import { networkOf } from '../transport/client-address.ts'

/**
 * Counts the things that each address holds: connections, streams, reserved seats, rooms that it made (LI1).
 * Without such a bound one stranger could hold all that the server has. Addresses count by their network
 * (`networkOf`). Connections that never left the process are not counted: they are the server's own.
 *
 * The map is bounded by the things that are counted: an address is in it only while it holds one.
 */
export class AddressCount {
  readonly #max: number
  readonly #counts = new Map<string, number>()

  /** At most `max` things for each address. */
  constructor(max: number) {
    this.#max = max
  }

  /** True when the address holds as many as it may. */
  isFull(address: string): boolean {
    return (this.#counts.get(networkOf(address)) ?? 0) >= this.#max
  }

  /** Counts one more, also beyond the bound: ask `isFull` before. Each call needs one `release`. */
  add(address: string): void {
    if (address === LOOPBACK_ADDRESS) return
    const network = networkOf(address)
    this.#counts.set(network, (this.#counts.get(network) ?? 0) + 1)
  }

  release(address: string): void {
    const network = networkOf(address)
    const left = (this.#counts.get(network) ?? 0) - 1
    if (left > 0) this.#counts.set(network, left)
    else this.#counts.delete(network)
  }
}
