import { RingsideError } from '../../process/errors.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { LogEvent } from '../../outbox/contract/store.ts'
import type { ReadGate } from './read-gate.ts'

/** The positions of so many seconds are remembered. */
const MAX_KEPT = 4_096
/** A second younger than this may still get events, so it is asked for again. */
const SETTLED_MS = 10_000
const FRESH_MS = 1_000
/** Seqs without an event (tombstones) mostly lie together. */
const VOID_READ = 100

interface Known {
  readonly position: Promise<number>
  /** It holds until then, in ms of the log; Infinity once nothing can change. */
  readonly until: number
}

/**
 * Tells where the log was at a time, to the second. A second of the log is searched for once
 * (FE45).
 */
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
   * Finds the greatest seq whose events all happened in a second before the one of `at`, or right
   * at its beginning; it is never below the floor.
   * @throws RingsideError too_many_requests, or whatever the log fails with.
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

/**
 * Finds the greatest seq whose events all happened at `at` or before, by halving: each step reads
 * one event. It is never below the floor.
 */
export async function positionAt(outbox: Outbox, at: number): Promise<number> {
  let low = Math.max(outbox.floor, outbox.origin)
  let high = outbox.sealed
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    try {
      const event = await firstAfter(outbox, middle, high)
      if (!event || event.at > at) high = middle
      else low = event.seq
    } catch (error) {
      if (!(error instanceof RingsideError) || error.code !== 'past_retention') throw error
      low = Math.max(low + 1, outbox.floor)
    }
  }
  return low
}

/**
 * Reads the first event with after < seq <= upTo, tombstones passed over; null when there is none.
 */
async function firstAfter(outbox: Outbox, after: number, upTo: number): Promise<LogEvent | null> {
  for (let from = after, limit = 1; from < upTo; limit = VOID_READ) {
    const { events, next } = await outbox.read({ after: from, upTo, limit })
    if (events[0]) return events[0]
    from = next
  }
  return null
}
