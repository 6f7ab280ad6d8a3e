import type { Clock } from '../../process/clock.ts'
import { TooManyRequests } from '../../process/errors.ts'
import type { ServerLimits } from '../../options.ts'
import { IpLimit } from '../../limit/ip-limit.ts'
import { networkOf } from '../../transport/client-address.ts'

export type ReaderLimitNumbers = Pick<
  ServerLimits,
  'maxStreams' | 'maxStreamsPerIp' | 'readsPerSecondPerIp'
>

/**
 * FE15: what one address may ask for in a second (pages, states and new streams together), and how many
 * streams it, and all together, may hold open, those of the lobby included.
 */
export class ReaderLimits {
  readonly #limits: ReaderLimitNumbers
  readonly #clock: Clock
  readonly #reads: IpLimit
  /** Open streams by address; as many entries as there are streams at most. */
  readonly #perIp = new Map<string, number>()
  #streamCount = 0

  constructor(limits: ReaderLimitNumbers, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#reads = new IpLimit(limits.readsPerSecondPerIp)
  }

  /** Counts one read; false when the address has had all of this second. */
  mayRead(address: string): boolean {
    return this.#reads.take(networkOf(address), this.#clock.now())
  }

  /**
   * Counts one read.
   * @throws TooManyRequests (429 with Retry-After).
   */
  checkRead(address: string): void {
    if (!this.mayRead(address)) throw new TooManyRequests(1_000)
  }

  /** Counts a stream that opens; false when there is no room for it. Each true needs one `releaseStream`. */
  takeStream(address: string): boolean {
    const { maxStreams, maxStreamsPerIp } = this.#limits
    const network = networkOf(address)
    const count = this.#perIp.get(network) ?? 0
    if (this.#streamCount >= maxStreams || count >= maxStreamsPerIp) return false
    this.#streamCount++
    this.#perIp.set(network, count + 1)
    return true
  }

  releaseStream(address: string): void {
    this.#streamCount--
    const network = networkOf(address)
    const count = (this.#perIp.get(network) ?? 0) - 1
    if (count > 0) this.#perIp.set(network, count)
    else this.#perIp.delete(network)
  }
}
