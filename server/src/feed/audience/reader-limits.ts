import type { Clock } from '../../process/clock.ts'
import type { ServerLimits } from '../../process/limits.ts'
import { AddressCount } from '../../limit/address-count.ts'
import { AddressRate } from '../../limit/address-rate.ts'

export type ReaderLimitNumbers = Pick<
  ServerLimits,
  'maxStreams' | 'maxStreamsPerIp' | 'readsPerSecondPerIp'
>

/**
 * FE15: bounds the reads of one address in a second (pages, states and new streams together), and
 * the streams that it, and all together, may hold open, those of the lobby included.
 */
export class ReaderLimits {
  readonly #maxStreams: number
  readonly #reads: AddressRate
  readonly #streams: AddressCount
  readonly #isFull: () => boolean
  #streamCount = 0

  constructor(limits: ReaderLimitNumbers, clock: Clock, isFull: () => boolean = () => false) {
    this.#isFull = isFull
    this.#maxStreams = limits.maxStreams
    this.#reads = new AddressRate(limits.readsPerSecondPerIp, clock)
    this.#streams = new AddressCount(limits.maxStreamsPerIp)
  }

  /** Counts one read; false when the address has had all of this second. */
  mayRead(address: string): boolean {
    return this.#reads.take(address)
  }

  /**
   * Counts one read.
   * @throws TooManyRequests (429 with Retry-After).
   */
  checkRead(address: string): void {
    this.#reads.check(address)
  }

  /**
   * Counts a stream that opens; false when there is no room for it, or no memory (LI8). Each true needs one
   * `releaseStream`.
   */
  takeStream(address: string): boolean {
    if (this.#isFull()) return false
    if (this.#streamCount >= this.#maxStreams || this.#streams.isFull(address)) return false
    this.#streamCount++
    this.#streams.add(address)
    return true
  }

  /** False when the address itself holds as many streams as it may. */
  hasRoomFor(address: string): boolean {
    return !this.#streams.isFull(address)
  }

  releaseStream(address: string): void {
    this.#streamCount--
    this.#streams.release(address)
  }
}
