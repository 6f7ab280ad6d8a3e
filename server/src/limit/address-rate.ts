import type { Clock } from '../process/clock.ts'
import { LOOPBACK_ADDRESS } from '../transport/contract.ts'
import { networkOf } from '../transport/client-address.ts'
import { Rate } from './rate.ts'
import type { RateRule } from './rate.ts'

/**
 * A rate of addresses (LI2): handshakes, joins, reads, calls over HTTP. It is synchronous where a handshake is answered in the
 * turn in which it arrives. Addresses count by their network (`networkOf`); the server's own connections are not counted.
 */
export class AddressRate {
  readonly #rate: Rate

  /** @throws RingsideError as Rate. */
  constructor(rule: RateRule, clock: Clock) {
    this.#rate = new Rate(rule, clock)
  }

  /** Counts one request, or `cost` of them; false when the address has had all of this window. */
  take(address: string, cost = 1): boolean {
    return address === LOOPBACK_ADDRESS || this.#rate.take(networkOf(address), cost)
  }

  /**
   * Counts one request, or `cost` of them.
   * @throws TooManyRequests (429 with Retry-After: the rest of the window).
   */
  check(address: string, cost = 1): void {
    if (address !== LOOPBACK_ADDRESS) this.#rate.check(networkOf(address), cost)
  }

  /**
   * Counts nothing.
   * @throws TooManyRequests when the address has had all of this window.
   */
  checkLeft(address: string): void {
    if (address !== LOOPBACK_ADDRESS) this.#rate.checkLeft(networkOf(address))
  }

  /** Counts one request in all processes; see Rate.takeInAll. */
  async takeInAll(address: string): Promise<void> {
    if (address !== LOOPBACK_ADDRESS) await this.#rate.takeInAll(networkOf(address))
  }
}
