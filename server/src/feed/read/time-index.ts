import type { Outbox } from '../../outbox/contract/outbox.ts'
import { positionAt } from './tail.ts'
import type { ReadGate } from './read-gate.ts'

/** Seconds whose positions are remembered. */
const MAX_KEPT = 4_096
/** What is younger may still get events: it is asked for again. */
const SETTLED_MS = 10_000
const FRESH_MS = 1_000

interface Known {
  readonly position: Promise<number>
  /** In ms of the log; Infinity once nothing can change. */
  readonly until: number
}

/** Where the log was at a time, to the second: found once a second of the log, whoever asks (FE15). */
export class TimeIndex {
  readonly #outbox: Outbox
  readonly #gate: ReadGate
  readonly #now: () => number
  readonly #bySecond = new Map<number, Known>()

  /** `now`: the log's time in ms. */
  constructor(outbox: Outbox, gate: ReadGate, now: () => number) {
    this.#outbox = outbox
    this.#gate = gate
    this.#now = now
  }

  /**
   * The greatest seq whose events all happened in a second before the one of `at`, or right at its beginning;
   * never below the floor. @throws RingsideError too_many_requests, or whatever the log fails with.
   */
  async positionAt(at: number, who: string): Promise<number> {
    const second = Math.floor(at / 1_000)
    const now = this.#now()
    let known = this.#bySecond.get(second)
    if (!known || now >= known.until) {
      const search = (): Promise<number> => positionAt(this.#outbox, second * 1_000)
      const isSettled = second * 1_000 < now - SETTLED_MS
      known = {
        position: this.#gate.run(who, search),
        until: isSettled ? Infinity : now + FRESH_MS,
      }
      this.#keep(second, known)
    }
    const { floor, origin } = this.#outbox
    try {
      return Math.max(await known.position, floor, origin)
    } catch (error) {
      if (this.#bySecond.get(second) === known) this.#bySecond.delete(second)
      throw error
    }
  }

  #keep(second: number, known: Known): void {
    this.#bySecond.delete(second)
    this.#bySecond.set(second, known)
    const oldest = this.#bySecond.keys().next()
    if (this.#bySecond.size > MAX_KEPT && !oldest.done) this.#bySecond.delete(oldest.value)
  }
}
