import { fullJitter } from './backoff.ts'
import type { ClientContext } from './client-context.ts'
import { Wakes } from './wake.ts'
import { WakefulWait } from './wakeful-wait.ts'

const RANGE = { minMs: 250, maxMs: 10_000 } as const
/** After a connection that stood for this long the next break begins at the shortest delay. */
const STABLE_MS = 10_000

/** Delays between the attempts to come back, over all breaks of one room. */
export class RedialSchedule {
  readonly #context: ClientContext
  readonly #wait: WakefulWait
  #attempt = 0
  #deadline = Infinity
  #connectedAt = 0

  constructor(context: ClientContext) {
    this.#context = context
    this.#wait = new WakefulWait(context.timers, new Wakes(context.timers))
  }

  get attempt(): number {
    return this.#attempt
  }

  connected(): void {
    this.#connectedAt = this.#context.timers.now()
  }

  /** Begins the time for coming back, at a break. */
  broke(): void {
    const now = this.#context.timers.now()
    if (now - this.#connectedAt >= STABLE_MS) this.#attempt = 0
    this.#deadline = now + this.#context.reconnectForMs
  }

  /** Ms until the next attempt, at least `atLeastMs`; null when the time is up. */
  nextDelayMs(atLeastMs: number): number | null {
    const left = this.#deadline - this.#context.timers.now()
    if (left <= 0) return null
    const delay = atLeastMs + fullJitter(this.#attempt++, RANGE, this.#context.random)
    // The last attempt is made at the deadline, not given up because its delay is too long.
    return Math.min(delay, left)
  }

  /** Resolves after `ms`, or at once when the network or the page comes back, or on `cancel`. */
  wait(ms: number): Promise<void> {
    return this.#wait.for(ms, () => {
      this.#attempt = 0
    })
  }

  cancel(): void {
    this.#wait.cancel()
  }
}
