import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import type { LogEvent, LogStore } from '../contract/store.ts'

/** The log is looked at so often, in ms; what is missing twice in such a time is gone. */
const LOOK_MS = 1_000

export interface HistoryWatchContext {
  readonly store: Pick<LogStore, 'events' | 'marks'>
  readonly clock: Clock
  /** The history that this process started with. */
  readonly historyId: () => string
  readonly onRestored: (cause: RingsideError) => void
}

/**
 * Finds out that the log was restored under this process (OB105): it has another history, or the last event that
 * was acknowledged to this process is gone, and was not cut. Each look is two reads by key. A log that does not
 * answer says nothing.
 */
export class HistoryWatch {
  readonly #context: HistoryWatchContext
  #last: Pick<LogEvent, 'seq' | 'own'> | null = null
  #missingSince: number | null = null
  #lookedAt = 0
  #isLooking = false
  #isStopped = false

  constructor(context: HistoryWatchContext) {
    this.#context = context
  }

  /** An event was acknowledged. */
  note({ seq, own }: LogEvent): void {
    if (seq > (this.#last?.seq ?? 0)) this.#last = { seq, own }
  }

  /** Nothing more is looked at. */
  stop(): void {
    this.#isStopped = true
  }

  /** Looks in the background, once a second however often it is called: with each poll of the log. */
  look(): void {
    const now = this.#context.clock.now()
    if (this.#isStopped || this.#isLooking || now - this.#lookedAt < LOOK_MS) return
    this.#isLooking = true
    this.#lookedAt = now
    const done = (): void => {
      this.#isLooking = false
    }
    this.isOurs().then(done, done)
  }

  /**
   * Says whether the log is still the one that this process writes. It is told once for all when it is not; while
   * an event is missing for less than a second the answer is no, and nobody is told. It rejects as the store does.
   */
  async isOurs(): Promise<boolean> {
    const { store, clock, historyId } = this.#context
    const last = this.#last
    const found = last && (await store.events.bySeq(last.seq))
    // The floor is read after the event, which may have been cut meanwhile.
    const { id, floor } = await store.marks.history()
    if (id !== historyId()) return this.#restored('has another history')
    if (!last || found?.own === last.own || last.seq <= floor) {
      this.#missingSince = null
      return true
    }
    const now = clock.now()
    this.#missingSince ??= now
    if (now - this.#missingSince < LOOK_MS) return false
    return this.#restored('lacks an event that was acknowledged to this process')
  }

  #restored(what: string): false {
    this.#context.onRestored(new RingsideError('log_restored', `The log ${what}`))
    return false
  }
}
