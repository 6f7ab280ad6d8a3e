import type { Clock } from '../../process/clock.ts'
import type { ServerLimits } from '../../process/limits.ts'
import type { Principal } from '../../auth/principal.ts'
import { AddressCount } from '../../limit/address-count.ts'
import { AddressRate } from '../../limit/address-rate.ts'
import { KeyCount } from '../../limit/key-count.ts'
import { Rate } from '../../limit/rate.ts'

export type ReaderLimitNumbers = Pick<
  ServerLimits,
  | 'maxStreams'
  | 'maxStreamsPerIp'
  | 'maxStreamsPerUser'
  | 'readsPerSecondPerIp'
  | 'readsPerSecondPerUser'
>

/** Who reads, from where. */
export interface ReaderPlace {
  readonly remoteAddress: string
  readonly principal: Pick<Principal, 'id' | 'kind'>
}

/**
 * Bounds the reads of one address (FE15), and of one user or holder of a key (FE156), in a second: pages, states and new
 * streams together; and the streams that each of them, and all together, may hold open, those of the lobby included.
 * Each process counts for itself: a read must not wait for a count elsewhere, and streams end with their process.
 */
export class ReaderLimits {
  readonly #maxStreams: number
  readonly #reads: AddressRate
  readonly #userReads: Rate
  readonly #streams: AddressCount
  readonly #userStreams: KeyCount
  readonly #isFull: () => boolean
  #streamCount = 0

  constructor(limits: ReaderLimitNumbers, clock: Clock, isFull: () => boolean = () => false) {
    this.#isFull = isFull
    this.#maxStreams = limits.maxStreams
    this.#reads = new AddressRate({ points: limits.readsPerSecondPerIp }, clock)
    this.#userReads = new Rate({ points: limits.readsPerSecondPerUser }, clock)
    this.#streams = new AddressCount(limits.maxStreamsPerIp)
    this.#userStreams = new KeyCount(limits.maxStreamsPerUser)
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

  /** Counts one read of who has been found to ask; false when they have had all of this second. */
  mayReadAs({ id, kind }: ReaderPlace['principal']): boolean {
    return kind === 'anonymous' || this.#userReads.take(id)
  }

  /**
   * Counts one read of who has been found to ask.
   * @throws TooManyRequests (429 with Retry-After).
   */
  checkReadAs(principal: ReaderPlace['principal']): void {
    if (principal.kind !== 'anonymous') this.#userReads.check(principal.id)
  }

  /**
   * Counts a stream that opens. Null: it may; each needs one `releaseStream`. Else why not: there is no room for it, or no
   * memory (LI8), or whoever asks holds as many as they may.
   */
  takeStream({
    remoteAddress,
    principal,
  }: ReaderPlace): 'unavailable' | 'too_many_requests' | null {
    const isKnown = principal.kind !== 'anonymous'
    if (this.#streams.isFull(remoteAddress)) return 'too_many_requests'
    if (isKnown && this.#userStreams.isFull(principal.id)) return 'too_many_requests'
    if (this.#isFull() || this.#streamCount >= this.#maxStreams) return 'unavailable'
    this.#streamCount++
    this.#streams.add(remoteAddress)
    if (isKnown) this.#userStreams.add(principal.id)
    return null
  }

  /** One that was taken is over. */
  releaseStream({ remoteAddress, principal }: ReaderPlace): void {
    this.#streamCount--
    this.#streams.release(remoteAddress)
    if (principal.kind !== 'anonymous') this.#userStreams.release(principal.id)
  }
}
