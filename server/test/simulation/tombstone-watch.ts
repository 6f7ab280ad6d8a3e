import type { ServerLimits } from '../../src/process/limits.ts'
import { TOMBSTONE } from '../../src/outbox/contract/store.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import type { Findings } from './findings.ts'
import type { SimClock } from './sim-clock.ts'

export interface TombstoneWatchParts {
  readonly clock: SimClock
  readonly findings: Pick<Findings, 'check'>
  readonly limits: ServerLimits
  readonly name: string
}

/**
 * OB47 as one process sees it: a process that fills a hole that is not its own has looked at it, with reads that
 * succeeded, for `holeTimeoutMs`.
 */
export class TombstoneWatch {
  readonly #parts: TombstoneWatchParts
  /** Time that counts: between two reads that both succeeded. */
  #lookedMs = 0
  #lastLookAt: number | null = null
  readonly #own = new Set<number>()
  /** Seqs missing right after W, and how much had counted when that was first seen. */
  #hole: { readonly after: number; readonly sinceMs: number } | null = null

  constructor(parts: TombstoneWatchParts) {
    this.#parts = parts
  }

  /** A read of the tail was answered, or failed (null). */
  look(events: readonly LogEvent[] | null, sealed: number): void {
    const now = this.#parts.clock.now()
    if (!events) {
      this.#lastLookAt = null
      return
    }
    if (this.#lastLookAt !== null) this.#lookedMs += now - this.#lastLookAt
    this.#lastLookAt = now
    let after = sealed
    for (const event of events) {
      // Of a read that began before a late one was sealed.
      if (event.seq <= sealed) continue
      if (event.seq !== after + 1) break
      after = event.seq
    }
    const isHole = (events.at(-1)?.seq ?? 0) > after
    if (!isHole) this.#hole = null
    else if (this.#hole?.after !== after) this.#hole = { after, sinceMs: this.#lookedMs }
  }

  /** The process took these numbers itself: it may void them at any time. */
  own(first: number, count: number): void {
    for (let seq = first; seq < first + count; seq++) this.#own.add(seq)
  }

  insert(events: readonly LogEvent[]): void {
    const first = events.find((event) => !this.#own.has(event.seq))
    const hole = this.#hole
    if (!first || !hole || first.type !== TOMBSTONE || first.seq <= hole.after) return
    const looked = this.#lookedMs - hole.sinceMs
    this.#parts.findings.check(
      looked >= this.#parts.limits.holeTimeoutMs,
      'OB3',
      () => `${this.#parts.name} filled ${first.seq} after ${looked} ms of looking`,
    )
  }
}
