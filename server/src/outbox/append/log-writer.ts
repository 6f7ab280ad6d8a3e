import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import type { Logger } from '../../process/logger.ts'
import { LoopPace } from '../../process/loop-pace.ts'
import { Flush } from './flush.ts'
import { Numbers } from './numbers.ts'
import type { Outage } from '../health/outage.ts'
import type { OutboxOptions } from '../contract/outbox.ts'
import type { Pending } from './pending-events.ts'
import type { LogEvent, LogStore } from '../contract/store.ts'

const MAX_BATCH_EVENTS = 1_000
const MAX_BATCH_BYTES = 8 * 1024 * 1024

export interface WriterContext {
  readonly store: Pick<LogStore, 'events' | 'clock'>
  readonly options: OutboxOptions
  readonly clock: Clock
  readonly logger: Logger
  readonly outage: Pick<Outage, 'failed' | 'worked'>
  /** The `own` of tombstones, random per boot. */
  readonly own: string
  /** W of OB3, as far as this process knows. */
  readonly sealed: () => number
  /** False, or a rejection: this must not be taken for the log that the process writes (OB105). */
  readonly isOurs: () => Promise<boolean>
  readonly onAcknowledged: (event: LogEvent) => void
  /** Called after each flush: something may be there to be sealed. */
  readonly onFlushed: () => void
  /** The log is given up, and every owner was told. */
  readonly onAbandoned: (cause: unknown) => void
}

/**
 * Group commit (OB42): one ordered insert of all that has gathered over all rooms; numbers are bound when
 * it is sent, sent events never change, and the next flush starts only when every event of this one is
 * known to be stored, or dropped with its ownership.
 */
export class LogWriter {
  readonly #context: WriterContext
  readonly #pace: LoopPace
  readonly #numbers: Numbers
  #queue: Pending[] = []
  #inFlight: readonly Pending[] = []
  #isScheduled = false
  #flush: Promise<void> | null = null
  #isAbandoned = false
  #lastError: string | null = null
  /** Events that were taken so far. */
  appendedCount = 0

  constructor(context: WriterContext) {
    this.#context = context
    this.#pace = new LoopPace(context.clock)
    this.#numbers = new Numbers(context, this.#pace)
  }

  get pendingEvents(): number {
    return this.#queue.length + this.#inFlight.length
  }

  get pendingBytes(): number {
    let bytes = 0
    for (const pending of this.#inFlight) bytes += pending.bytes
    for (const pending of this.#queue) bytes += pending.bytes
    return bytes
  }

  /** The age of the oldest unacknowledged event in ms. */
  get lagMs(): number {
    const oldest = this.#inFlight[0] ?? this.#queue[0]
    return oldest ? Math.max(0, this.#context.clock.now() - oldest.since) : 0
  }

  /** Nothing more is written, for good. */
  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  get lastError(): string | null {
    return this.#lastError ?? this.#numbers.lastError
  }

  get tombstoneCount(): number {
    return this.#numbers.tombstoneCount
  }

  /** Takes an event; it is sent with the next flush. Synchronous and cheap. */
  enqueue(pending: Pending): void {
    this.appendedCount++
    if (this.#isAbandoned) {
      this.#context.clock.soon(() => pending.owner.abandon(this.#abandonedError()))
      return
    }
    this.#queue.push(pending)
    this.#schedule(this.#context.options.flushDelayMs)
  }

  /** Resolves when everything accepted so far is resolved and numbers not used are voided. */
  async drain(): Promise<void> {
    while (!this.#isAbandoned && (this.#queue.length > 0 || this.#flush)) {
      if (!this.#flush) this.#start()
      await this.#flush
    }
    await this.#numbers.voided()
  }

  /** Gives up the events that are not stored yet: nothing is written after the write under way. */
  abandon(cause: unknown): void {
    if (this.#isAbandoned) return
    this.#isAbandoned = true
    this.#pace.release()
    this.#numbers.stop()
    const owners = new Set([...this.#inFlight, ...this.#queue].map((pending) => pending.owner))
    this.#queue = []
    if (owners.size === 0) return
    this.#lastError = cause instanceof Error ? cause.message : String(cause)
    for (const owner of owners) owner.abandon(this.#abandonedError())
    this.#context.onAbandoned(cause)
  }

  #schedule(delayMs: number): void {
    if (this.#isScheduled || this.#flush) return
    this.#isScheduled = true
    const start = (): void => {
      this.#isScheduled = false
      this.#start()
    }
    if (delayMs === 0) this.#context.clock.soon(start)
    else this.#context.clock.after(delayMs, start)
  }

  #start(): void {
    if (this.#flush || this.#queue.length === 0 || this.#isAbandoned) return
    this.#inFlight = this.#takeBatch()
    this.#flush = this.#send(this.#inFlight)
      .catch((error: unknown) => this.abandon(error))
      .finally(() => {
        this.#flush = null
        this.#inFlight = []
        this.#context.onFlushed()
        if (this.#queue.length > 0) this.#schedule(0)
      })
  }

  #takeBatch(): Pending[] {
    let count = 0
    let bytes = 0
    for (const pending of this.#queue) {
      bytes += pending.bytes
      if (count > 0 && (count === MAX_BATCH_EVENTS || bytes > MAX_BATCH_BYTES)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  #send(batch: readonly Pending[]): Promise<void> {
    return new Flush({
      ...this.#context,
      pace: this.#pace,
      numbers: this.#numbers,
      isAbandoned: () => this.#isAbandoned,
      drop: (owner) => (this.#queue = this.#queue.filter((pending) => pending.owner !== owner)),
      note: (cause) => this.#note(cause),
      onAcknowledged: (event) => {
        this.#lastError = null
        this.#context.onAcknowledged(event)
      },
    }).send(batch)
  }

  #note(cause: unknown): void {
    this.#lastError = cause instanceof Error ? cause.message : String(cause)
    this.#context.outage.failed('write', cause)
  }

  #abandonedError(): RingsideError {
    return new RingsideError('outbox_unreachable', this.#lastError ?? 'The log was stopped')
  }
}
