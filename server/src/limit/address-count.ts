import { LOOPBACK_ADDRESS } from '../transport/contract.ts'
import { networkOf } from '../transport/client-address.ts'
import { KeyCount } from './key-count.ts'

/**
 * Counts the things that each address holds: connections, streams, reserved seats, rooms that it made, bytes (LI1).
 * Without such a bound one stranger could hold all that the server has. Addresses count by their network
 * (`networkOf`). Connections that never left the process are not counted: they are the server's own.
 */
export class AddressCount {
  readonly #counts: KeyCount

  /** At most `max` things for each address. */
  constructor(max: number) {
    this.#counts = new KeyCount(max)
  }

  /** True when the address holds as many as it may. */
  isFull(address: string): boolean {
    return !this.hasRoomFor(address, 1)
  }

  /** True when the address may hold so many more. */
  hasRoomFor(address: string, count: number): boolean {
    return this.#counts.hasRoomFor(networkOf(address), count)
  }

  /** Counts so many more, also beyond the bound: ask before. What is added must be released. */
  add(address: string, count = 1): void {
    if (address !== LOOPBACK_ADDRESS) this.#counts.add(networkOf(address), count)
  }

  /** One thing that the address holds now and then; it counts once, however often it is held. */
  thing(address: string): CountedThing {
    return new CountedThing(this, address)
  }

  release(address: string, count = 1): void {
    this.#counts.release(networkOf(address), count)
  }
}

/** See {@link AddressCount.thing}. */
class CountedThing {
  readonly #counts: AddressCount
  readonly #address: string
  #isHeld = false

  constructor(counts: AddressCount, address: string) {
    this.#counts = counts
    this.#address = address
  }

  hold(): void {
    if (this.#isHeld) return
    this.#isHeld = true
    this.#counts.add(this.#address)
  }

  letGo(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#counts.release(this.#address)
  }
}
