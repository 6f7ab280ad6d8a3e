import type { Clock } from '../../process/clock.ts'
import { Listeners } from '../../process/listeners.ts'
import type { Logger } from '../../process/logger.ts'
import { LoopPace } from '../../process/loop-pace.ts'
import type { Outage } from '../health/outage.ts'
import type { OutboxOptions, SealedListener } from '../contract/outbox.ts'
import { PAGE_BYTES, isFullAnswer } from '../contract/sizes.ts'
import { TOMBSTONE } from '../contract/store.ts'
import type { LogEvent, LogStore } from '../contract/store.ts'
import { writeTombstones } from '../append/tombstones.ts'
import { SealTimes } from './seal-times.ts'

const PAGE = 1_000
const STORE_SEALED_EVERY_MS = 1_000
/** A read that has not answered for this long is not waited for alone any more; each silence doubles it. */
const SILENT_AFTER_MS = 10_000
const LONGEST_SILENCE_MS = 60_000

export interface LogTailContext {
  readonly store: Pick<LogStore, 'events' | 'marks' | 'clock' | 'wake'>
  readonly options: OutboxOptions
  readonly clock: Clock
  readonly logger: Logger
  readonly outage: Pick<Outage, 'failed' | 'worked'>
  readonly own: string
  /** Called with each poll. */
  readonly onPoll: () => void
}

/**
 * Reads the log by cursor and moves W, the sealed watermark (OB3): every seq <= W was read, so nothing can
 * appear there any more. Wake-ups only make it read earlier (OB5); polling goes on underneath.
 */
export class LogTail {
  /** When it has sealed what it has read. */
  readonly ages: SealTimes
  readonly #context: LogTailContext
  readonly #pace: LoopPace
  readonly #listeners = new Listeners<Parameters<SealedListener>>()
  #sealed = 0
  #storedSealed = 0
  #stops: (() => void)[] = []
  #isRunning = false
  #isWakePending = false
  /** The last read brought nothing. */
  #isIdle = false
  /** Counts reads; one that was given up finds that it is not the current one. */
  #generation = 0
  #readSince: number | null = null
  #isReadWanted = false
  /** So many reads in a row have had no answer. */
  #silentCount = 0
  #pollCancel: (() => void) | null = null
  #againCancel: (() => void) | null = null
  /** The hole right after W: how long it was looked at, and how far the log was visible at first. */
  #hole: {
    readonly after: number
    readonly visible: number
    readAt: number
    waitedMs: number
  } | null = null
  #storedAt = 0
  /** The time of the last read that succeeded. */
  #readAt = 0
  tombstoneCount = 0
  lastError: string | null = null

  constructor(context: LogTailContext) {
    this.#context = context
    this.ages = new SealTimes(context.clock)
    this.#pace = new LoopPace(context.clock)
  }

  get sealed(): number {
    return this.#sealed
  }

  /** The time since the last successful read in ms; of a quiet log it is the polling's at most. */
  get lagMs(): number {
    return this.#isRunning ? Math.max(0, this.#context.clock.now() - this.#readAt) : 0
  }

  /** Starts reading after the stored watermark. */
  async start(): Promise<void> {
    const { store } = this.#context
    this.#storedSealed = Math.max(await store.marks.sealed(), await store.marks.floor())
    this.#sealed = this.#storedSealed
    this.ages.begin(this.#sealed)
    this.#readAt = this.#context.clock.now()
    this.#isRunning = true
    this.#stops.push(store.wake.subscribe(() => this.wake()))
    this.#poll()
    this.wake()
  }

  async stop(): Promise<void> {
    if (!this.#isRunning) return
    this.halt()
    await this.#context.store.marks
      .storeSealed(this.#sealed)
      .catch((error: unknown) => this.#note(error))
  }

  /** Stops, and leaves the stored watermark as it is: W is no longer that of the log (OB101). */
  halt(): void {
    this.#isRunning = false
    this.#generation++
    for (const stop of this.#stops.splice(0)) stop()
    this.#pollCancel?.()
    this.#againCancel?.()
    this.#isWakePending = false
  }

  onSealed(listener: SealedListener): () => void {
    return this.#listeners.add(listener)
  }

  /**
   * Something may be there to read. Any number of calls in one turn make one read, and one that follows a read that
   * brought nothing is counted: a store that answers at once, and wakes its reader by that, must not take the event
   * loop (OB31).
   */
  wake(): void {
    if (this.#isWakePending || !this.#isRunning) return
    this.#isWakePending = true
    const { clock } = this.#context
    const waitMs = this.#isIdle ? this.#pace.next() : 0
    if (waitMs === 0) clock.soon(this.#woken)
    else this.#againCancel = clock.after(waitMs, this.#woken)
  }

  readonly #woken = (): void => {
    this.#isWakePending = false
    this.#read()
  }

  #poll(): void {
    const { clock, options, outage, onPoll } = this.#context
    this.#pollCancel = clock.after(options.pollMs, () => {
      if (!this.#isRunning) return
      const silentMs = Math.min(LONGEST_SILENCE_MS, SILENT_AFTER_MS * 2 ** this.#silentCount)
      if (this.#readSince !== null && clock.now() - this.#readSince > silentMs) {
        this.lastError = 'A read of the log did not answer'
        outage.failed('read', new Error(this.lastError))
        this.#silentCount++
        this.#generation++
        this.#readSince = null
        this.#hole = null
      }
      onPoll()
      this.#read()
      this.#poll()
    })
  }

  #read(): void {
    if (!this.#isRunning) return
    if (this.#readSince !== null) {
      this.#isReadWanted = true
      return
    }
    const generation = ++this.#generation
    const before = this.#sealed
    this.#readSince = this.#context.clock.now()
    this.#isReadWanted = false
    void this.#readPage(generation)
      .catch((error: unknown) => {
        if (generation !== this.#generation) return false
        this.#note(error)
        // A hole is waited for in time with successful reads only.
        if (this.#hole) this.#hole.readAt = Number.POSITIVE_INFINITY
        return false
      })
      .then((isMore) => {
        if (generation !== this.#generation) return
        this.#readSince = null
        this.#isIdle = this.#sealed === before
        if (isMore || this.#isReadWanted) this.wake()
      })
  }

  /** Resolves with true when there is more to read at once. */
  async #readPage(generation: number): Promise<boolean> {
    const { store } = this.#context
    // It asks for half as much after each silence: a page that took too long may have been too much.
    const limit = Math.max(1, PAGE >> this.#silentCount)
    const query = {
      after: this.#sealed,
      upTo: Number.MAX_SAFE_INTEGER,
      limit,
      maxBytes: PAGE_BYTES,
    }
    const page = await store.events.range(query)
    const before = this.#sealed
    this.#seal(page)
    // A late answer is as true as any: what it shows is sealed, but it is not the newest look.
    if (generation !== this.#generation) return false
    const now = this.#context.clock.now()
    this.#readAt = now
    this.#silentCount = 0
    this.lastError = null
    this.#context.outage.worked('read')
    const visible = page[page.length - 1]?.seq ?? this.#sealed
    if (visible > this.#sealed && (await this.#skipCut(generation))) return true
    const isFilled = await this.#watchHole(visible, now)
    await this.#storeSealed()
    return isFilled || (isFullAnswer(page, query) && this.#sealed > before)
  }

  /** Moves W over those that follow it without a gap. */
  #seal(page: readonly LogEvent[]): void {
    if (!this.#isRunning) return
    const before = this.#sealed
    const fresh: LogEvent[] = []
    for (const event of page) {
      if (event.seq <= this.#sealed) continue
      if (event.seq !== this.#sealed + 1) break
      this.#sealed = event.seq
      if (event.type !== TOMBSTONE) fresh.push(event)
    }
    if (this.#sealed > before) this.#publish(fresh, before)
  }

  /**
   * Missing events may have been cut (OB67): a process that stood still, or could not read for so long, goes
   * on at the floor. Its readers are told so by `after`.
   */
  async #skipCut(generation: number): Promise<boolean> {
    const floor = await this.#context.store.marks.floor()
    if (generation !== this.#generation || floor <= this.#sealed) return false
    this.#context.logger.warn({ after: this.#sealed, floor }, 'the log was cut beyond its reader')
    this.#sealed = floor
    this.#hole = null
    this.#publish([], floor)
    return true
  }

  /**
   * Waits for the hole after W, then fills the numbers that were missing when it was first seen. It resolves with
   * true when they were filled: they must be read back, for the writer may have been first.
   */
  async #watchHole(visible: number, now: number): Promise<boolean> {
    const { options, store, own, logger } = this.#context
    if (visible <= this.#sealed) {
      this.#hole = null
      return false
    }
    if (this.#hole?.after !== this.#sealed) {
      this.#hole = { after: this.#sealed, visible, readAt: now, waitedMs: 0 }
      return false
    }
    const hole = this.#hole
    // A process that stood still has not looked: no more than two polls count at once.
    hole.waitedMs += Math.min(Math.max(0, now - hole.readAt), options.pollMs * 2)
    hole.readAt = now
    if (hole.waitedMs < options.holeTimeoutMs) return false
    const missing: number[] = []
    const query = { after: hole.after, upTo: hole.visible, limit: PAGE, maxBytes: PAGE_BYTES }
    const found = await store.events.range(query)
    const last = found[found.length - 1]
    // The log was cut meanwhile: those were no holes.
    if (!last || (await store.marks.floor()) > hole.after) return false
    let next = hole.after + 1
    for (const event of found) {
      while (next < event.seq && missing.length < PAGE) missing.push(next++)
      next = event.seq + 1
    }
    const fields = { after: hole.after, upTo: last.seq, missing: missing.length }
    // This happens after each election, or the death of another process: numbers were taken, and nothing came.
    logger.info(fields, 'numbers under which nothing was written are given up')
    this.tombstoneCount += await writeTombstones(store, missing, own)
    return true
  }

  #publish(events: readonly LogEvent[], after: number): void {
    this.ages.note(this.#sealed)
    try {
      this.#listeners.call(events, this.#sealed, after)
    } catch (error) {
      this.#context.logger.error({ err: error }, 'a listener of the log threw')
    }
  }

  async #storeSealed(): Promise<void> {
    const now = this.#context.clock.now()
    if (this.#sealed === this.#storedSealed || now - this.#storedAt < STORE_SEALED_EVERY_MS) return
    const sealed = this.#sealed
    await this.#context.store.marks.storeSealed(sealed)
    this.#storedAt = now
    this.#storedSealed = sealed
  }

  #note(error: unknown): void {
    this.#context.outage.failed('read', error)
    this.lastError = error instanceof Error ? error.message : String(error)
  }
}
