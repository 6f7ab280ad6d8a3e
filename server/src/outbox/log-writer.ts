import type { Clock } from '../clock.ts'
import { RingsideError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { Backoff } from './backoff.ts'
import { isPlaceOf, isSame, renumbered, withoutRivals } from './bound-events.ts'
import { Numbers } from './numbers.ts'
import type { Outage } from './outage.ts'
import type { OutboxOptions } from './outbox.ts'
import type { Bound, Pending } from './pending.ts'
import { youngestCutMs } from './retention.ts'
import { OWNER } from './store.ts'
import type { InsertOutcome, LogEvent, LogStore } from './store.ts'

const MAX_BATCH_EVENTS = 1_000
const MAX_BATCH_BYTES = 8 * 1024 * 1024
/** After so many lost numbers a batch is written in one transaction with its numbers (OB3). */
const LOSSES_BEFORE_TRANSACTION = 2

export interface WriterContext {
  readonly store: LogStore
  readonly options: OutboxOptions
  readonly clock: Clock
  readonly logger: Logger
  readonly outage: Pick<Outage, 'failed' | 'worked'>
  /** Random per boot: the `own` of tombstones. */
  readonly own: string
  /** W of OB3, as far as this process knows. */
  readonly sealed: () => number
  /** After each flush: something may be there to be sealed. */
  readonly onFlushed: () => void
  /** The log is given up, and every owner was told. */
  readonly onAbandoned: (cause: unknown) => void
}

/**
 * Group commit (OB2): one ordered insert of all that has gathered over all rooms; numbers are bound when
 * it is sent, sent events never change, and the next flush starts only when every event of this one is
 * known to be stored, or dropped with its ownership.
 */
export class LogWriter {
  readonly #context: WriterContext
  readonly #backoff: Backoff
  readonly #numbers: Numbers
  #queue: Pending[] = []
  #inFlight: readonly Pending[] = []
  #isScheduled = false
  #flush: Promise<void> | null = null
  #isAbandoned = false
  #lastError: string | null = null

  constructor(context: WriterContext) {
    this.#context = context
    this.#backoff = new Backoff(context.clock)
    this.#numbers = new Numbers(context, this.#backoff)
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

  /** Age of the oldest unacknowledged event in ms. */
  get lagMs(): number {
    const oldest = this.#inFlight[0] ?? this.#queue[0]
    return oldest ? Math.max(0, this.#context.clock.now() - oldest.since) : 0
  }

  /** For good: nothing more is written. */
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

  /** Gives up what is not stored yet: nothing is written after the write under way. */
  abandon(cause: unknown): void {
    if (this.#isAbandoned) return
    this.#isAbandoned = true
    this.#backoff.release()
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

  async #send(batch: readonly Pending[]): Promise<void> {
    const { clock, options, store } = this.#context
    const giveUpAfterMs = youngestCutMs(options) / 2
    let rest = await this.#bind(batch, giveUpAfterMs / 2)
    // From here on: while the numbers were waited for, nothing was on its way that could land late (OB6).
    const startedAt = clock.now()
    let losses = 0
    let failures = 0
    let isNumbered = true
    while (rest.length > 0 && !this.#isAbandoned) {
      // Later what was sent might be cut before its outcome is known (OB6).
      if (clock.now() - startedAt > giveUpAfterMs)
        throw new RingsideError('outbox_unreachable', 'A flush was older than half of what is kept')
      let outcome: InsertOutcome
      let storedCount = 0
      if (!isNumbered && losses >= LOSSES_BEFORE_TRANSACTION) {
        const attempt = await this.#insertNext(rest)
        rest = attempt.bound
        outcome = attempt.outcome
        isNumbered = outcome.kind === 'unknown' || outcome.kind === 'stored'
        if (outcome.kind === 'stored') storedCount = withoutRivals(rest).length
      } else {
        if (!isNumbered) rest = await this.#renumber(rest)
        isNumbered = true
        outcome = await attempted(() => store.insert(rest.map((bound) => bound.event)))
        if (outcome.kind === 'stored') storedCount = rest.length
        else if (outcome.kind !== 'unknown') storedCount = outcome.index
      }
      if (this.#isAbandoned) return
      // The store has answered, whatever it was.
      if (outcome.kind !== 'unknown') this.#context.outage.worked('write')
      for (const bound of rest.slice(0, storedCount)) this.#acknowledge(bound, bound.event)
      if (outcome.kind === 'stored') {
        rest = rest.slice(storedCount)
        continue
      }
      if (outcome.kind === 'unknown') {
        this.#note(outcome.cause)
        await this.#backoff.wait(failures++)
        continue
      }
      const culprit = rest[outcome.index]
      rest = rest.slice(storedCount)
      if (!culprit) throw new Error('The store blamed an event that it was not given')
      if (outcome.kind === 'refused') {
        rest = this.#drop(rest, culprit, isNumbered)
        culprit.pending.owner.refuse(culprit.event, outcome.cause)
        continue
      }
      const { blocking } = outcome
      if (blocking && isSame(blocking, culprit.event)) {
        rest = rest.filter((bound) => bound !== culprit)
        this.#acknowledge(culprit, blocking)
      } else if (blocking && blocking.seq === culprit.event.seq) {
        // A transaction that lost its numbers gave them back: only a plain `allocate` gets past them.
        losses = isNumbered ? losses + 1 : 0
        if (isNumbered) this.#numbers.voidSoon(rest.slice(1).map((bound) => bound.event.seq))
        isNumbered = false
      } else if (blocking && isPlaceOf(blocking, culprit.event)) {
        rest = this.#drop(rest, culprit, isNumbered)
        culprit.pending.owner.fence(blocking)
      } else {
        // Gone again, or not yet visible to a majority: look again.
        await this.#backoff.wait(failures++)
      }
    }
  }

  /**
   * A marker's n comes from a look at the log: later what stands there now may be cut, and its place empty.
   * Such a takeover is over (OB4).
   */
  #isFresh(pending: Pending, maxAgeMs: number): boolean {
    if (pending.type !== OWNER || this.#context.clock.now() - pending.since <= maxAgeMs) return true
    pending.owner.refuse(null, new RingsideError('unavailable', 'The takeover took too long'))
    return false
  }

  /** Binds seq, n, at and prev of what is fresh of a batch, in the order in which it was appended. */
  async #bind(batch: readonly Pending[], maxMarkerAgeMs: number): Promise<Bound[]> {
    let minSeq = 0
    for (const pending of batch) minSeq = Math.max(minSeq, pending.minSeq)
    let seq = await this.#numbers.allocate(batch.length, minSeq)
    const now = this.#context.store.now()
    const bound: Bound[] = []
    for (const pending of batch)
      if (this.#isFresh(pending, maxMarkerAgeMs))
        bound.push({ pending, event: pending.owner.bind(pending, seq++, now) })
    const unused = batch.length - bound.length
    this.#numbers.voidSoon(Array.from({ length: unused }, (_, index) => seq + index))
    return bound
  }

  /** New, higher numbers for events of which none is stored; n stays. */
  async #renumber(rest: readonly Bound[]): Promise<Bound[]> {
    const first = await this.#numbers.allocate(rest.length, 0)
    return renumbered(rest, first)
  }

  async #insertNext(rest: readonly Bound[]): Promise<{ outcome: InsertOutcome; bound: Bound[] }> {
    const { store } = this.#context
    for (;;) {
      let bound: Bound[] = [...rest]
      let first = 0
      const outcome = await attempted(() =>
        store.insertNext(rest.length, (from) => {
          first = from
          if (!this.#numbers.isAbove(from)) return []
          bound = renumbered(rest, from)
          return withoutRivals(bound).map((entry) => entry.event)
        }),
      )
      const isAbove = first > 0 && this.#numbers.isAbove(first)
      if (outcome.kind === 'unknown' && !isAbove) {
        // Nothing was sent under numbers that could be used.
        if (this.#isAbandoned) return { outcome, bound }
        this.#note(outcome.cause)
        await this.#backoff.wait(0)
        continue
      }
      if (outcome.kind === 'stored' || outcome.kind === 'unknown') {
        this.#numbers.use(first, rest.length)
        if (!isAbove) {
          this.#numbers.voidSoon(rest.map((_, index) => first + index))
          continue
        }
      }
      return { outcome, bound }
    }
  }

  /**
   * The owner of `culprit` loses all its events, sent and unsent; the others go on as they are.
   * Numbers of a transaction that was undone are not this process's to void.
   */
  #drop(rest: readonly Bound[], culprit: Bound, isNumbered: boolean): Bound[] {
    const { owner } = culprit.pending
    const isKept = (pending: Pending): boolean => pending.owner !== owner
    this.#queue = this.#queue.filter(isKept)
    const dropped = rest.filter((bound) => !isKept(bound.pending))
    if (isNumbered) this.#numbers.voidSoon(dropped.map((bound) => bound.event.seq))
    return rest.filter((bound) => isKept(bound.pending))
  }

  #acknowledge(bound: Bound, event: LogEvent): void {
    this.#lastError = null
    bound.pending.owner.acknowledge(event)
  }

  #note(cause: unknown): void {
    this.#lastError = cause instanceof Error ? cause.message : String(cause)
    this.#context.outage.failed('write', cause)
  }

  #abandonedError(): RingsideError {
    return new RingsideError('outbox_unreachable', this.#lastError ?? 'The log was stopped')
  }
}

async function attempted(write: () => Promise<InsertOutcome>): Promise<InsertOutcome> {
  try {
    return await write()
  } catch (cause) {
    return { kind: 'unknown', cause }
  }
}
