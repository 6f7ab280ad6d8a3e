import type { Db } from 'mongodb'
import type { Clock } from '../../clock.ts'

const REFRESH_MS = 30_000
/** How far two machines' clocks may run apart, per ms: what an old estimate may be off by now. */
const DRIFT = 0.0005

/**
 * The database's time, estimated: `hello` answers with the server's clock, read half-way through the
 * round trip. Errs by at most half of the trip, so a slow trip does not replace the estimate of a quick one
 * until clocks may have drifted further apart than it errs. Never goes back.
 */
export class ServerTime {
  readonly #db: Db
  readonly #clock: Clock
  #offsetMs = 0
  #errorMs = Number.POSITIVE_INFINITY
  #measuredAt = 0
  #latest = 0
  #cancel: (() => void) | null = null

  constructor(db: Db, clock: Clock) {
    this.#db = db
    this.#clock = clock
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
    this.#latest = Math.max(this.#latest, Math.floor(this.#clock.now() + this.#offsetMs))
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
    this.#offsetMs = localTime.getTime() - (sent + received) / 2
    this.#errorMs = errorMs
    this.#measuredAt = received
  }
}
