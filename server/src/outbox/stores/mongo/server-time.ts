import type { Db } from 'mongodb'
import type { Clock } from '../../../process/clock.ts'
import type { Logger } from '../../../process/logger.ts'
import type { StoreClock } from '../../contract/store.ts'

const REFRESH_MS = 30_000
/** Two machines' clocks may run so far apart in each ms; an old estimate may be off by as much. */
const DRIFT = 0.0005
/** A reading that is further off than this is a clock that was set, or one that is wrong. */
const STEP_MS = 5_000

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
  #latest = 0
  /** The offset of a reading that was a step off is kept until the next one. */
  #doubtedMs: number | null = null
  #cancel: (() => void) | null = null

  constructor(db: Pick<Db, 'command'>, clock: Clock, logger: Logger) {
    this.#db = db
    this.#clock = clock
    this.#logger = logger
  }

  async start(): Promise<void> {
    await this.#measure()
    this.#schedule()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  now(): number {
    const now = Math.floor(this.#clock.now() + this.#offsetMs)
    // It stands still for a better estimate, but not for a day.
    if (now > this.#latest || this.#latest - now > STEP_MS) this.#latest = now
    return this.#latest
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
    if (!(localTime instanceof Date) || errorMs > oldErrorMs) return
    const offsetMs = localTime.getTime() - (sent + received) / 2
    if (this.#isDoubted(offsetMs)) return
    this.#offsetMs = offsetMs
    this.#errorMs = errorMs
    this.#measuredAt = received
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
