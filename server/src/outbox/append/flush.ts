import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import type { LoopPace } from '../../process/loop-pace.ts'
import { isMessageOf, isPlaceOf, isSame, renumbered, withoutRivals } from './bound-events.ts'
import type { Bound } from './bound-events.ts'
import type { Numbers } from './numbers.ts'
import type { Outage } from '../health/outage.ts'
import type { OutboxOptions } from '../contract/outbox.ts'
import type { EventOwner, Pending } from './pending-events.ts'
import { youngestCutMs } from '../keep/youngest-cut.ts'
import { OWNER, messageKeyText } from '../contract/store.ts'
import type { InsertOutcome, LogEvent, LogStore } from '../contract/store.ts'

/** After so many lost numbers a batch is written in one transaction with its numbers (OB52). */
const LOSSES_BEFORE_TRANSACTION = 2

/** The parts of the writer that a flush needs. */
export interface FlushContext {
  readonly store: Pick<LogStore, 'events' | 'clock'>
  readonly options: OutboxOptions
  readonly clock: Clock
  readonly pace: LoopPace
  readonly numbers: Numbers
  readonly outage: Pick<Outage, 'worked'>
  /** Once it says true nothing more is written. */
  readonly isAbandoned: () => boolean
  /** Forgets what an owner has not sent yet. */
  readonly drop: (owner: EventOwner) => void
  /** A write is in doubt. */
  readonly note: (cause: unknown) => void
  readonly onAcknowledged: (event: LogEvent) => void
}

interface Attempt {
  readonly outcome: InsertOutcome
  /** The first so many are stored. */
  readonly storedCount: number
}

/**
 * One batch on its way into the log (OB43): sent, and sent again, until every event of it is known to be stored
 * or dropped with its ownership.
 */
export class Flush {
  readonly #context: FlushContext
  /** The events that are neither, in order. */
  #rest: readonly Bound[] = []
  /** It is false when the numbers of `#rest` are others' and new ones must be taken. */
  #isNumbered = true
  #losses = 0
  /** A transaction was undone because this one is refused: the next ends before it. */
  #refused: Pending | null = null
  #failures = 0
  /** Something of `#rest` may be on its way since then. */
  #startedAt = 0
  readonly #giveUpAfterMs: number

  constructor(context: FlushContext) {
    this.#context = context
    this.#giveUpAfterMs = youngestCutMs(context.options) / 2
  }

  /**
   * Resolves when all is resolved, or the log is given up. @throws RingsideError outbox_unreachable when it
   * must be.
   */
  async send(batch: readonly Pending[]): Promise<void> {
    const { clock, pace, isAbandoned } = this.#context
    this.#rest = await this.#bind(batch)
    this.#begin()
    while (this.#rest.length > 0 && !isAbandoned()) {
      // Any later, an event that was sent might be cut before its outcome is known (OB66).
      if (clock.now() - this.#startedAt > this.#giveUpAfterMs)
        throw new RingsideError('outbox_unreachable', 'A flush was older than half of what is kept')
      const attempt = await this.#attempt()
      if (!isAbandoned()) await this.#resolve(attempt)
      // A store that takes nothing, and says so at once, is not asked as fast as it answers.
      if (attempt.storedCount === 0 && this.#rest.length > 0) await pace.turn()
    }
  }

  async #attempt(): Promise<Attempt> {
    const { store } = this.#context
    if (!this.#isNumbered && this.#losses >= LOSSES_BEFORE_TRANSACTION) {
      const outcome = await this.#insertNext()
      this.#isNumbered = outcome.kind === 'unknown' || outcome.kind === 'stored'
      const isStored = outcome.kind === 'stored'
      return { outcome, storedCount: isStored ? this.#ofTransaction().length : 0 }
    }
    if (!this.#isNumbered) await this.#renumber()
    this.#isNumbered = true
    const events = this.#rest.map((bound) => bound.event)
    const outcome = await attempted(() => store.events.insert(events))
    if (outcome.kind === 'stored') return { outcome, storedCount: events.length }
    return { outcome, storedCount: outcome.kind === 'unknown' ? 0 : outcome.index }
  }

  async #resolve({ outcome, storedCount }: Attempt): Promise<void> {
    const { pace, note, outage } = this.#context
    // The store has answered, whatever it was.
    if (outcome.kind !== 'unknown') outage.worked('write')
    // The index counts what was sent: acknowledging takes it out of the rest.
    const culprit = 'index' in outcome ? this.#rest[outcome.index] : undefined
    this.#acknowledgeFirst(storedCount)
    if (outcome.kind === 'stored') return
    if (outcome.kind === 'unknown') {
      note(outcome.cause)
      await pace.backOff(this.#failures++)
      return
    }
    if (!culprit) throw new Error('The store blamed an event that it was not given')
    if (outcome.kind === 'blocked') return this.#unblock(culprit, outcome.blocking)
    if (storedCount < outcome.index) {
      // Its owner's earlier events were undone with it: they keep their n, and are stored first.
      this.#refused = culprit.pending
      return
    }
    this.#drop(culprit)
    culprit.pending.owner.refuse(culprit.event, outcome.cause)
  }

  async #unblock(culprit: Bound, blocking: LogEvent | null): Promise<void> {
    const { numbers, pace } = this.#context
    if (blocking && isSame(blocking, culprit.event)) {
      this.#rest = this.#rest.filter((bound) => bound !== culprit)
      this.#acknowledge(culprit, blocking)
      if (this.#isNumbered) await this.#passLanded(culprit.event.seq)
    } else if (blocking && blocking.seq === culprit.event.seq) {
      // A transaction that lost its numbers gave them back: only a plain `allocate` gets past them.
      this.#losses = this.#isNumbered ? this.#losses + 1 : 0
      if (this.#isNumbered) numbers.voidSoon(this.#rest.slice(1).map((bound) => bound.event.seq))
      this.#isNumbered = false
    } else if (
      blocking &&
      (isPlaceOf(blocking, culprit.event) || isMessageOf(blocking, culprit.event))
    ) {
      this.#drop(culprit)
      culprit.pending.owner.fence(blocking)
      if (blocking.message) await this.#dropPublished()
    } else {
      // It has gone again, or is not yet visible to a majority: look again.
      await pace.backOff(this.#failures++)
    }
  }

  /**
   * The events after an own one that had landed have mostly landed with it: one read finds them, where inserts would
   * take two round trips for each.
   */
  async #passLanded(after: number): Promise<void> {
    const upTo = this.#rest.at(-1)?.event.seq
    if (upTo === undefined) return
    const found = new Map<number, LogEvent>()
    try {
      const query = { after, upTo, limit: upTo - after, isBare: true }
      for (const event of await this.#context.store.events.range(query)) found.set(event.seq, event)
    } catch {
      // The next insert finds out.
    }
    if (this.#context.isAbandoned()) return
    const first = this.#rest.findIndex(({ event }) => {
      const stored = found.get(event.seq)
      return !stored || !isSame(stored, event)
    })
    this.#acknowledgeFirst(first < 0 ? this.#rest.length : first)
  }

  /**
   * Where one message was in the log already (OB107) others may be: one read finds them, where each would hold up the
   * rooms of the batch for two round trips.
   */
  async #dropPublished(): Promise<void> {
    const keys = this.#rest.flatMap(({ event }) => event.message ?? [])
    if (keys.length === 0) return
    const found = new Map<string, LogEvent>()
    try {
      for (const event of await this.#context.store.events.byMessageIds(keys))
        if (event.message) found.set(messageKeyText(event.message), event)
    } catch {
      // The next insert finds out.
    }
    if (this.#context.isAbandoned()) return
    for (const bound of this.#rest) {
      const { message } = bound.event
      const blocking = message && found.get(messageKeyText(message))
      if (!blocking) continue
      this.#drop(bound)
      bound.pending.owner.fence(blocking)
    }
  }

  /**
   * From here on something may land late (OB66): while numbers were waited for, however long, nothing was on its
   * way. But what has become too old meanwhile is not sent.
   */
  #begin(): void {
    this.#startedAt = this.#context.clock.now()
    const stale = this.#rest.filter(({ pending }) => this.#isStale(pending))
    if (stale.length === 0) return
    this.#rest = this.#rest.filter((bound) => !stale.includes(bound))
    for (const { pending } of stale) refuseStale(pending)
    if (this.#isNumbered) this.#context.numbers.voidSoon(stale.map(({ event }) => event.seq))
  }

  /**
   * A marker's n comes from a look at the log: later what stands there now may be cut, and its place empty.
   * Such a takeover is over (OB58).
   */
  #isStale({ type, since }: Pending): boolean {
    return type === OWNER && this.#context.clock.now() - since > this.#giveUpAfterMs / 2
  }

  /** Binds seq, n, at and prev of what is fresh of a batch, in the order in which it was appended. */
  async #bind(batch: readonly Pending[]): Promise<Bound[]> {
    let minSeq = 0
    for (const pending of batch) minSeq = Math.max(minSeq, pending.minSeq)
    let seq = await this.#context.numbers.allocate(batch.length, minSeq)
    const now = this.#context.store.clock.now()
    const bound: Bound[] = []
    for (const pending of batch)
      if (this.#isStale(pending)) refuseStale(pending)
      else bound.push({ pending, event: pending.owner.bind(pending, seq++, now) })
    const unused = batch.length - bound.length
    this.#context.numbers.voidSoon(Array.from({ length: unused }, (_, index) => seq + index))
    return bound
  }

  /** Takes new, higher numbers for events of which none is stored; n stays. */
  async #renumber(): Promise<void> {
    const first = await this.#context.numbers.allocate(this.#rest.length, 0)
    this.#rest = renumbered(this.#rest, first)
    this.#isNumbered = true
    this.#begin()
  }

  async #insertNext(): Promise<InsertOutcome> {
    const { store, numbers, pace, note, isAbandoned } = this.#context
    for (;;) {
      await numbers.assured()
      if (isAbandoned()) return { kind: 'unknown', cause: null }
      this.#begin()
      const rest = this.#rest
      if (rest.length === 0) return { kind: 'stored' }
      let first = 0
      let isSent = false
      const outcome = await attempted(() =>
        store.events.insertNext(rest.length, (from) => {
          first = from
          isSent = numbers.isAbove(from) && !rest.some(({ pending }) => this.#isStale(pending))
          if (!isSent) return []
          this.#rest = renumbered(rest, from)
          return this.#ofTransaction().map((bound) => bound.event)
        }),
      )
      if (outcome.kind === 'unknown' && !isSent) {
        // Nothing was sent under numbers that could be used.
        if (isAbandoned()) return outcome
        note(outcome.cause)
        await pace.backOff(0)
        continue
      }
      if (outcome.kind === 'stored' || outcome.kind === 'unknown') {
        numbers.use(first, rest.length)
        if (!isSent) {
          numbers.voidSoon(rest.map((_, index) => first + index))
          await pace.turn()
          continue
        }
      }
      return outcome
    }
  }

  /** The events of the rest that one transaction can store; those after them have their numbers and are sent next. */
  #ofTransaction(): readonly Bound[] {
    const end = this.#rest.findIndex(({ pending }) => pending === this.#refused)
    return withoutRivals(end > 0 ? this.#rest.slice(0, end) : this.#rest)
  }

  /**
   * The owner of `culprit` loses all its events, sent and unsent; the others go on as they are.
   * Numbers of a transaction that was undone are not this process's to void.
   */
  #drop(culprit: Bound): void {
    const { owner } = culprit.pending
    const { numbers, drop } = this.#context
    drop(owner)
    const dropped = this.#rest.filter(({ pending }) => pending.owner === owner)
    if (this.#isNumbered) numbers.voidSoon(dropped.map((bound) => bound.event.seq))
    this.#rest = this.#rest.filter(({ pending }) => pending.owner !== owner)
  }

  #acknowledgeFirst(count: number): void {
    const stored = this.#rest.slice(0, count)
    this.#rest = this.#rest.slice(count)
    for (const bound of stored) this.#acknowledge(bound, bound.event)
  }

  #acknowledge({ pending }: Bound, event: LogEvent): void {
    this.#context.onAcknowledged(event)
    pending.owner.acknowledge(event)
  }
}

function refuseStale({ owner }: Pending): void {
  owner.refuse(null, new RingsideError('unavailable', 'The takeover took too long'))
}

async function attempted(write: () => Promise<InsertOutcome>): Promise<InsertOutcome> {
  try {
    return await write()
  } catch (cause) {
    return { kind: 'unknown', cause }
  }
}
