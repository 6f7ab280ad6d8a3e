import type { Clock } from '../../process/clock.ts'
import { briefOf } from '../../process/log-line.ts'
import type { Logger } from '../../process/logger.ts'

/** An outage is told of when it lasts for so long, in ms: a blip that is over sooner is nobody's concern. */
const TOLD_AFTER_MS = 1_000

/** The parts of the log that may fail: the writer's flushes, the tail's reads, the cuts of retention. */
export type LogPart = 'write' | 'read' | 'cut'

export interface OutageContext {
  readonly clock: Clock
  readonly logger: Logger
  /** The address of the log, without secrets. */
  readonly address: string
  /** Events that wait to be written. */
  readonly pendingEvents: () => number
}

/**
 * Tells of an outage in two lines: one when the log is away, one when it is back; every other failure between
 * them is said at debug. States: fine -> failing (a part failed) -> away (still, after 1 s) -> fine (every
 * part that failed has worked again). A cut that fails while the rest works is told of once.
 */
export class Outage {
  readonly #context: OutageContext
  readonly #failing = new Set<LogPart>()
  #since = 0
  #isAway = false
  #isCutFailing = false
  #lastError: unknown = null
  #waitedEvents = 0
  #cancel: (() => void) | null = null
  #isStopped = false

  constructor(context: OutageContext) {
    this.#context = context
  }

  /** It has been failing for a second and more: nobody need wait for it to fail again. */
  isAway(part: LogPart): boolean {
    return this.#isAway && this.#failing.has(part)
  }

  failed(part: LogPart, error: unknown): void {
    if (this.#isStopped) return
    const { clock, logger } = this.#context
    const fields = { part, err: briefOf(error) }
    if (part === 'cut' && this.#failing.size === 0 && !this.#isCutFailing) {
      this.#isCutFailing = true
      logger.warn(fields, 'the log could not be cut, trying again')
      return
    }
    logger.debug(fields, 'the log failed')
    if (part === 'cut') return
    this.#lastError = error
    this.#count()
    if (this.#failing.size === 0) {
      this.#since = clock.now()
      this.#cancel = clock.after(TOLD_AFTER_MS, () => this.#tell())
    }
    this.#failing.add(part)
  }

  /** It is cheap while nothing fails. */
  worked(part: LogPart): void {
    if (part === 'cut') this.#isCutFailing = false
    if (this.#failing.size === 0 || !this.#failing.has(part)) return
    this.#count()
    this.#failing.delete(part)
    if (this.#failing.size > 0) return
    const { clock, logger } = this.#context
    const waitedEvents = this.#waitedEvents
    if (this.#isAway)
      logger.warn({ awayMs: clock.now() - this.#since, waitedEvents }, 'the log is back')
    this.#forget()
  }

  /** Nothing more is told: the closing of the log tells of its own failures. */
  stop(): void {
    this.#isStopped = true
    this.#forget()
  }

  #forget(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#failing.clear()
    this.#isAway = false
    this.#waitedEvents = 0
    this.#lastError = null
  }

  #count(): void {
    this.#waitedEvents = Math.max(this.#waitedEvents, this.#context.pendingEvents())
  }

  #tell(): void {
    const { logger, address } = this.#context
    this.#isAway = true
    const fields = { fails: [...this.#failing], address, err: briefOf(this.#lastError) }
    logger.warn(fields, 'the log is away: events wait in memory')
  }
}
