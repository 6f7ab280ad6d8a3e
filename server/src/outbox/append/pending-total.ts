import type { Clock } from '../../process/clock.ts'
import { Listeners } from '../../process/listeners.ts'

/**
 * Counts the bytes that all rooms of a process have accepted and know of no acknowledgement for (OB72). Once
 * they reach the bound every room is full, until half of it is acknowledged.
 */
export class PendingTotal {
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #listeners = new Listeners<[]>()
  #bytes = 0
  #isFull = false
  /** Patches that were folded into the one before them, over all rooms. */
  coalescedCount = 0

  constructor(maxBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes
    this.#clock = clock
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** @param bytes - negative where some were acknowledged, or dropped. */
  change(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes >= this.#maxBytes) this.#isFull = true
    if (!this.#isFull || this.#bytes * 2 > this.#maxBytes) return
    this.#isFull = false
    // They are told in a turn of their own: a room is in the middle of an acknowledgement.
    this.#clock.soon(() => this.#listeners.call())
  }

  /** Calls when rooms may go on. The result stops it. */
  onRelief(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }
}
