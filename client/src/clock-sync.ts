import type { ServerClock } from './client-types.ts'
import type { Timers } from './timers.ts'

/** So many samples outlive a burst of slow round trips and still follow a drifting clock. */
const MAX_SAMPLES = 9

/** Two good clocks do not run apart by more within the samples that are kept. */
const DRIFT_MS = 50

interface Sample {
  readonly rttMs: number
  readonly offsetMs: number
}

/**
 * Estimates the server's clock from PING/PONG. The error of one sample is at most half its round trip,
 * so the offset of the quickest recent one is used, and the median of the round trips as the ping.
 */
export class ClockSync implements ServerClock {
  readonly #timers: Timers
  #samples: Sample[] = []
  #offsetMs = 0
  #rttMs = 0
  /** Twice what the offset may be wrong by. */
  #errorMs = 0

  constructor(timers: Timers) {
    this.#timers = timers
  }

  get offsetMs(): number {
    return this.#offsetMs
  }

  get rttMs(): number {
    return this.#rttMs
  }

  now(): number {
    return this.#timers.now() + this.#offsetMs
  }

  /** A first guess from one server time of unknown age; any sample replaces it. */
  guess(serverTime: number): void {
    if (this.#samples.length === 0) this.#offsetMs = serverTime - this.#timers.now()
  }

  /** Takes a PONG: `clientTime` as it was sent (local ms), `serverTime` in ms. */
  sample(clientTime: number, serverTime: number): void {
    const now = this.#timers.now()
    const rttMs = now - clientTime
    // A server that answers with a time that was never sent must not move the clock.
    if (!(rttMs >= 0 && rttMs < 60_000)) return
    const offsetMs = serverTime - (clientTime + now) / 2
    // No delay of the network explains the difference: one of the two clocks was set, or this machine slept, and earlier
    // samples are of a time that is over (RM73).
    const mostMs = (rttMs + this.#errorMs) / 2 + DRIFT_MS
    if (Math.abs(offsetMs - this.#offsetMs) > mostMs) this.#samples = []
    this.#samples.push({ rttMs, offsetMs })
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift()
    const byRtt = [...this.#samples].sort((a, b) => a.rttMs - b.rttMs)
    this.#offsetMs = byRtt[0]?.offsetMs ?? 0
    this.#errorMs = byRtt[0]?.rttMs ?? 0
    this.#rttMs = byRtt[byRtt.length >> 1]?.rttMs ?? 0
  }

  /** Another node has another clock: earlier samples say nothing about it. */
  reset(): void {
    this.#samples = []
  }
}
