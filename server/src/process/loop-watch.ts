import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { IntervalHistogram } from 'node:perf_hooks'
import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import type { Part, Reading } from './part.ts'

/** An event loop that is so much late is told of: at 30 ticks a second six are missing. */
export const LATE_MS = 200
const BEAT_MS = 100
/** At most one line in this time; the rest is counted, and told with the next. */
const QUIET_MS = 1_000
/** Delays are told of this long, and as long again while the next window fills. */
const WINDOW_MS = 30_000
const RESOLUTION_MS = 10

/**
 * What of the game began last. Whoever runs game code writes it, which costs a store or two; nobody clears it. A message
 * names its entry alone: the room's own code names the room as well.
 */
export interface Activity {
  roomId: string
  where: string
  /** Null after code of a room. */
  entry: { readonly name: string } | null
}

export function createActivity(): Activity {
  return { roomId: '', where: '', entry: null }
}

/** Fields of the log line. */
interface LateLine {
  readonly lateMs: number
  /** Unknown where nothing of the game had begun: the loop stood in the server, or in code that no hook runs. */
  readonly where?: string
  readonly roomId?: string
}

export interface LoopWatchParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly activity: Activity
}

/**
 * Notices an event loop that stands (ME2): a game that blocks holds up every room of the process, its heartbeats and its
 * log. Code of a room is timed where it runs, so that its room and hook are known. Anything else is noticed by a timer
 * that is late, and what is told then is what began last before it.
 *
 * It watches from `start` to `stop`.
 */
export class LoopWatch implements Part {
  readonly name = 'loop watch'
  readonly #parts: LoopWatchParts
  #cancel: (() => void) | null = null
  #dueAt = 0
  #lateCount = 0
  #quietUntil = Number.NEGATIVE_INFINITY
  #untold = 0
  /** The time up to which lateness has been told of. */
  #toldUntil = Number.NEGATIVE_INFINITY
  #delays: IntervalHistogram | null = null
  #windowEndsAt = 0
  /** Of the window before: 99th percentile and longest, in ms. */
  #before = { p99: 0, max: 0 }

  constructor(parts: LoopWatchParts) {
    this.#parts = parts
  }

  start(): void {
    this.#delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    this.#delays.enable()
    this.#windowEndsAt = this.#parts.clock.now() + WINDOW_MS
    this.#schedule()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#delays?.disable()
  }

  readonly counters: readonly Reading[] = [
    {
      name: 'loop_late_total',
      help: `Times that the event loop was late by more than ${LATE_MS} ms`,
      read: () => this.#lateCount,
    },
  ]

  readonly gauges: readonly Reading[] = [
    {
      name: 'loop_delay_p99_ms',
      help: 'Delay of the event loop, 99th percentile of the last 30 to 60 s',
      read: () => Math.max(this.#before.p99, this.#now().p99),
    },
    {
      name: 'loop_delay_max_ms',
      help: 'Longest delay of the event loop in the last 30 to 60 s',
      read: () => Math.max(this.#before.max, this.#now().max),
    },
  ]

  /** Code of a room begins; the result is the time, for `ran`. */
  enter(roomId: string, where: string): number {
    const { clock, activity } = this.#parts
    const now = clock.now()
    // After a stall a room's own timer may come before the beat: what began before it is to blame.
    this.#check(now)
    activity.roomId = roomId
    activity.where = where
    activity.entry = null
    return now
  }

  /** Code of a room has run from `beganAt` until now. */
  ran(roomId: string, where: string, beganAt: number): void {
    const now = this.#parts.clock.now()
    if (now - beganAt <= LATE_MS) return
    this.#toldUntil = now
    this.#tell(now, { lateMs: now - beganAt, roomId, where })
  }

  #schedule(): void {
    const { clock } = this.#parts
    this.#dueAt = clock.now() + BEAT_MS
    this.#cancel = clock.after(BEAT_MS, this.#beat)
  }

  readonly #beat = (): void => {
    const { clock, activity } = this.#parts
    const now = clock.now()
    this.#check(now)
    // From here on nothing of the game has begun.
    activity.roomId = ''
    activity.where = ''
    activity.entry = null
    if (now >= this.#windowEndsAt) {
      this.#before = this.#now()
      this.#delays?.reset()
      this.#windowEndsAt = now + WINDOW_MS
    }
    this.#schedule()
  }

  /** What was told of since the beat was due explains why it is late. */
  #check(now: number): void {
    const isLate = this.#cancel !== null && now - this.#dueAt > LATE_MS
    if (!isLate || this.#toldUntil >= this.#dueAt) return
    this.#toldUntil = now
    this.#tell(now, { lateMs: now - this.#dueAt, ...placeOf(this.#parts.activity) })
  }

  #tell(now: number, fields: LateLine): void {
    this.#lateCount++
    if (now < this.#quietUntil) {
      this.#untold++
      return
    }
    this.#quietUntil = now + QUIET_MS
    const more = this.#untold
    this.#untold = 0
    // A busy machine, or the garbage collector, is not the game's to mend.
    const level = fields.where === undefined ? 'info' : 'warn'
    this.#parts.logger[level](more > 0 ? { ...fields, more } : fields, 'event loop was late')
  }

  /** Of the window that fills. The histogram counts from the resolution on, in ns. */
  #now(): { p99: number; max: number } {
    const delays = this.#delays
    if (delays === null || delays.count === 0) return { p99: 0, max: 0 }
    const ms = (ns: number): number => Math.max(0, Math.round(ns / 1e6) - RESOLUTION_MS)
    return { p99: ms(delays.percentile(99)), max: ms(delays.max) }
  }
}

function placeOf({ roomId, where, entry }: Activity): Omit<LateLine, 'lateMs'> {
  if (entry !== null) return { where: `command ${entry.name}` }
  if (where === '') return {}
  return roomId === '' ? { where } : { where, roomId }
}
