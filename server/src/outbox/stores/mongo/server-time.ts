import type { Db } from 'mongodb'
import { wallNow } from '../../../process/clock.ts'
import type { Clock } from '../../../process/clock.ts'
import type { Logger } from '../../../process/logger.ts'
import type { StoreClock } from '../../contract/store.ts'
import { LatestTime, STEP_MS } from '../latest-time.ts'

const REFRESH_MS = 30_000
/** Two machines' clocks may run so far apart in each ms; an old estimate may be off by as much. */
const DRIFT = 0.0005

/**
 * The database's time, estimated: `hello` answers with the server's clock, read half-way through the
 * round trip. It errs by at most half of the trip, so a slow trip does not replace the estimate of a quick one
 * until clocks may have drifted further apart than it errs. A step of the database's clock, ahead or back, is
 * followed once the next reading has confirmed it. It goes back by such a step only.
 */
export class ServerTime implements StoreClock {
  readonly #db: Pick<Db, 'command'>
  readonly #clock: Clock
  readonly #logger: Logger
  #offsetMs = 0
  #errorMs = Number.POSITIVE_INFINITY
  #measuredAt = 0
  readonly #latest = new LatestTime()
  /** The offset of a reading that was a step off is kept until the next one. */
  #doubtedMs: number | null = null
  #cancel: (() => void) | null = null
  /** The time of day is so far ahead of the process's own time. */
  #wallAheadMs = 0
  /** By so much it has gone ahead since the last reading: the machine may have slept so long. */
  #sleptMs = 0

  constructor(db: Pick<Db, 'command'>, clock: Clock, logger: Logger) {
    this.#db = db
    this.#clock = clock
    this.#logger = logger
  }

  async start(): Promise<void> {
    this.#wallAheadMs = wallNow(this.#clock) - this.#clock.now()
    await this.#measure()
    this.#schedule()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  now(): number {
    if (this.#cancel) this.#lookForSleep()
    return this.#latest.take(Math.floor(this.#clock.now() + this.#offsetMs))
  }

  /**
   * While a machine sleeps, the process's own time stands still and the database's goes on. It shows by the time of day,
   * which may also have been set; so the database is asked at once.
   */
  #lookForSleep(): void {
    const aheadMs = wallNow(this.#clock) - this.#clock.now()
    const steppedMs = aheadMs - this.#wallAheadMs
    if (Math.abs(steppedMs) <= STEP_MS) return
    this.#wallAheadMs = aheadMs
    this.#sleptMs += steppedMs
    this.#measure().catch(() => {})
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(REFRESH_MS, () => {
      // A server that is away keeps the last estimate.
      this.#measure()
        .catch(() => {})
        .finally(() => {
          if (this.#cancel) this.#schedule()
        })
    })
  }

  async #measure(): Promise<void> {
    const sent = this.#clock.now()
    const { localTime } = await this.#db.command({ hello: 1 })
    const received = this.#clock.now()
    const errorMs = (received - sent) / 2
    const oldErrorMs = this.#errorMs + (received - this.#measuredAt) * DRIFT
    if (!(localTime instanceof Date)) return
    const offsetMs = localTime.getTime() - (sent + received) / 2
    const hasSlept = this.#isAsAfterSleep(offsetMs)
    if (!hasSlept && (errorMs > oldErrorMs || this.#isDoubted(offsetMs))) return
    this.#doubtedMs = null
    this.#sleptMs = 0
    this.#offsetMs = offsetMs
    this.#errorMs = errorMs
    this.#measuredAt = received
  }

  /** The database has gone ahead by as much as the time of day here: two clocks agree, and there is nothing to doubt. */
  #isAsAfterSleep(offsetMs: number): boolean {
    const steppedMs = offsetMs - this.#offsetMs
    return this.#sleptMs > STEP_MS && Math.abs(steppedMs - this.#sleptMs) <= STEP_MS
  }

  /**
   * The first reading is all there is; a later one that is a step off is taken if the one before it was
   * too.
   */
  #isDoubted(offsetMs: number): boolean {
    const stepMs = offsetMs - this.#offsetMs
    const isStep = Number.isFinite(this.#errorMs) && Math.abs(stepMs) > STEP_MS
    const before = this.#doubtedMs
    const isDoubted = isStep && (before === null || Math.abs(offsetMs - before) > STEP_MS)
    this.#doubtedMs = isDoubted ? offsetMs : null
    if (isStep)
      this.#logger.warn(
        { stepMs: Math.round(stepMs), isFollowed: !isDoubted },
        "the database's clock has jumped",
      )
    return isDoubted
  }
}
