/** Addresses remembered at once; an attack from more of them only makes the count forgetful. */
const MAX_ADDRESSES = 100_000

/**
 * Counts events per address in windows of one second. Synchronous, because a WebSocket handshake is
 * answered in the turn in which it arrives.
 */
export class IpLimit {
  readonly #perSecond: number
  readonly #counts = new Map<string, number>()
  #windowStart = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Counts one event; false when the address has had all of this second. */
  take(address: string, now: number): boolean {
    if (now - this.#windowStart >= 1000 || this.#counts.size >= MAX_ADDRESSES) {
      this.#counts.clear()
      this.#windowStart = now
    }
    const count = (this.#counts.get(address) ?? 0) + 1
    this.#counts.set(address, count)
    return count <= this.#perSecond
  }
}
