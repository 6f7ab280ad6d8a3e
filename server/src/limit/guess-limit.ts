import type { AddressRate } from './address-rate.ts'

/**
 * Counts wrong keys and tokens by address, for a moment in this process and for longer in all of them. A request is never
 * held up by it: whoever is over the limit of all processes is kept out from the moment on at which this one hears of it
 * (LI11).
 */
export class GuessLimit {
  readonly #rates: readonly AddressRate[]

  constructor(rates: readonly AddressRate[]) {
    this.#rates = rates
  }

  /** @throws TooManyRequests once the address has had all of its guesses. */
  checkLeft(address: string): void {
    for (const rate of this.#rates) rate.checkLeft(address)
  }

  /** Counts one. */
  take(address: string): void {
    for (const rate of this.#rates) rate.take(address)
  }
}
