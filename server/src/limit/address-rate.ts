import type { Clock } from '../process/clock.ts'
import { TooManyRequests } from '../process/errors.ts'
import { LOOPBACK_ADDRESS } from '../transport/contract.ts'
import { networkOf } from '../transport/client-address.ts'

const WINDOW_MS = 1_000
/** Addresses remembered at once; an attack from more of them only makes the count forgetful. */
const MAX_ADDRESSES = 100_000

/**
 * Counts the requests of each address in windows of one second (LI2): handshakes, joins, reads, calls over HTTP.
 * It is synchronous, because a handshake is answered in the turn in which it arrives, and keeps no timer for
 * an address. Addresses count by their network (`networkOf`); the server's own connections are not counted.
 */
export class AddressRate {
  readonly #perSecond: number
  readonly #clock: Clock
  readonly #counts = new Map<string, number>()
  #windowStart = 0

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond
    this.#clock = clock
  }

  /** Counts one request, or `cost` of them; false when the address has had all of this second. */
  take(address: string, cost = 1): boolean {
    if (address === LOOPBACK_ADDRESS) return true
    this.#turn()
    const network = networkOf(address)
    const count = (this.#counts.get(network) ?? 0) + cost
    this.#counts.set(network, count)
    return count <= this.#perSecond
  }

  /**
   * Counts one request, or `cost` of them.
   * @throws TooManyRequests (429 with Retry-After: the rest of this second).
   */
  check(address: string, cost = 1): void {
    if (!this.take(address, cost)) throw this.#refusal()
  }

  /**
   * Counts nothing.
   * @throws TooManyRequests when the address has had all of this second.
   */
  checkLeft(address: string): void {
    this.#turn()
    if ((this.#counts.get(networkOf(address)) ?? 0) >= this.#perSecond) throw this.#refusal()
  }

  /** Begins a window when the one before is over. */
  #turn(): void {
    const now = this.#clock.now()
    if (now - this.#windowStart < WINDOW_MS && this.#counts.size < MAX_ADDRESSES) return
    this.#counts.clear()
    this.#windowStart = now
  }

  #refusal(): TooManyRequests {
    return new TooManyRequests(this.#windowStart + WINDOW_MS - this.#clock.now())
  }
}
