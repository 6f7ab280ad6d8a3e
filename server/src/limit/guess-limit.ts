import type { Clock } from '../process/clock.ts'
import { TooManyRequests } from '../process/errors.ts'
import { networkOf } from '../transport/client-address.ts'
import { LOOPBACK_ADDRESS } from '../transport/contract.ts'
import type { AddressRate } from './address-rate.ts'
import type { SharedRate } from './shared-rate.ts'

/** Addresses that are kept out at once; an attack from more of them meets the limit of each process alone. */
const MAX_KEPT_OUT = 10_000

export interface GuessLimitParts {
  /** Of this process; it is synchronous. */
  readonly perSecond: AddressRate
  /** Of all processes; null: there is one. */
  readonly shared: SharedRate | null
  readonly clock: Clock
}

/**
 * Counts wrong keys and tokens by address. A request is never held up by it: whoever is over the limit of all processes is
 * kept out from the moment on at which this one hears of it (LI11).
 */
export class GuessLimit {
  readonly #parts: GuessLimitParts
  /** By network, until when, in ms. */
  readonly #keptOut = new Map<string, number>()

  constructor(parts: GuessLimitParts) {
    this.#parts = parts
  }

  /** @throws TooManyRequests once the address has had all of its guesses. */
  checkLeft(address: string): void {
    const { perSecond, clock } = this.#parts
    perSecond.checkLeft(address)
    if (this.#keptOut.size === 0) return
    const network = networkOf(address)
    const leftMs = (this.#keptOut.get(network) ?? 0) - clock.now()
    if (leftMs > 0) throw new TooManyRequests(leftMs)
    this.#keptOut.delete(network)
  }

  /** Counts one. */
  take(address: string): void {
    const { perSecond, shared, clock } = this.#parts
    perSecond.take(address)
    if (!shared || address === LOOPBACK_ADDRESS) return
    const network = networkOf(address)
    shared.take(network).catch((error: unknown) => {
      if (!(error instanceof TooManyRequests)) return
      if (this.#keptOut.size >= MAX_KEPT_OUT) this.#keptOut.clear()
      this.#keptOut.set(network, clock.now() + error.retryAfterSeconds * 1_000)
    })
  }
}
