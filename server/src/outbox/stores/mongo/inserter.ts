import type { ClientSession, MongoClient } from 'mongodb'
import { RingsideError } from '../../../process/errors.ts'
import { cutPlaceAt } from '../../contract/store.ts'
import type { InsertOutcome, LogEvent } from '../../contract/store.ts'
import type { ClusterTime } from './cluster-time.ts'
import type { Collections } from './collections.ts'
import { long, toDocuments, toEvent, toNumber } from './documents.ts'
import { ofHistory } from './marks.ts'
import { readVerdict } from './outcome.ts'

const TRANSACTION_TIMEOUT_MS = 10_000

export interface MongoInserterParts {
  readonly client: MongoClient
  readonly at: Collections
  /** Takes in what was acknowledged, and holds the reads of what blocks an insert to it. */
  readonly time: ClusterTime
  /** Takes secrets out of an error's text. */
  mask(text: string): string
}

/** Writes events and says of each insert exactly what is known of it (OB41). */
export class MongoInserter {
  readonly #parts: MongoInserterParts
  /** It is false on a standalone server, which is known once it was asked. */
  hasTransactions = true
  /** The greatest floor seen: what is at or below it may be deleted, so nothing is written there. */
  #knownFloor = 0

  constructor(parts: MongoInserterParts) {
    this.#parts = parts
  }

  noteFloor(seq: number): void {
    this.#knownFloor = Math.max(this.#knownFloor, seq)
  }

  /**
   * No majority is waited for: the insert that follows in the oplog waits for one, and numbers that were lost
   * collide. A standalone server shows an insert before it is journalled: there the number must be, or a crash
   * would give it twice.
   */
  async allocate(count: number, historyId?: string): Promise<number> {
    const updated = await this.#parts.at.log.findOneAndUpdate(
      ofHistory(historyId),
      { $inc: { counter: long(count) } },
      {
        returnDocument: 'after',
        projection: { counter: 1 },
        writeConcern: { w: 1, journal: !this.hasTransactions },
      },
    )
    if (!updated) throw await this.#whyNot(historyId)
    return toNumber(updated.counter) - count + 1
  }

  async insert(events: readonly LogEvent[]): Promise<InsertOutcome> {
    const [first] = events
    if (!first) return { kind: 'stored' }
    // A place that retention has emptied is taken still: a write that late must not vanish unseen.
    if (first.seq <= this.#knownFloor)
      return { kind: 'blocked', index: 0, blocking: cutPlaceAt(first.seq) }
    const session = this.#parts.client.startSession()
    try {
      await this.#parts.at.events.insertMany(toDocuments(events), { ordered: true, session })
      this.#parts.time.note(session)
      return { kind: 'stored' }
    } catch (cause) {
      return await this.#outcomeOf(cause, events, session)
    } finally {
      await session.endSession()
    }
  }

  async insertNext(
    count: number,
    make: (first: number) => readonly LogEvent[],
    historyId?: string,
  ): Promise<InsertOutcome> {
    if (!this.hasTransactions) return this.#insertOutside(count, make, historyId)
    let events: readonly LogEvent[] = []
    const session = this.#parts.client.startSession()
    try {
      await session.withTransaction(
        async () => {
          const updated = await this.#parts.at.log.findOneAndUpdate(
            ofHistory(historyId),
            { $inc: { counter: long(count) } },
            { returnDocument: 'after', session },
          )
          if (!updated) throw await this.#whyNot(historyId)
          events = make(toNumber(updated.counter) - count + 1)
          if (events.length > 0)
            await this.#parts.at.events.insertMany(toDocuments(events), {
              ordered: true,
              session,
            })
        },
        {
          readConcern: { level: 'majority' },
          writeConcern: { w: 'majority', journal: true },
          readPreference: 'primary',
          timeoutMS: TRANSACTION_TIMEOUT_MS,
        },
      )
      this.#parts.time.note(session)
      return { kind: 'stored' }
    } catch (cause) {
      return await this.#outcomeOf(cause, events, session)
    } finally {
      await session.endSession()
    }
  }

  async #insertOutside(
    count: number,
    make: (first: number) => readonly LogEvent[],
    historyId: string | undefined,
  ): Promise<InsertOutcome> {
    try {
      return await this.insert(make(await this.allocate(count, historyId)))
    } catch (cause) {
      return { kind: 'unknown', cause: this.#masked(cause) }
    }
  }

  /** The log's document was not found as it was asked for: it has another history, or is not there at all. */
  async #whyNot(historyId: string | undefined): Promise<RingsideError> {
    const { at, time } = this.#parts
    const found = await time.after((session) => at.log.findOne({ _id: 'log' }, { session }))
    if (found && historyId !== undefined && found.history !== historyId)
      return new RingsideError('log_restored')
    return new RingsideError('outbox_unreachable', 'Expected the log, got nothing')
  }

  async bySeq(seq: number): Promise<LogEvent | null> {
    const { at, time } = this.#parts
    const found = await time.after((session) => at.events.findOne({ _id: long(seq) }, { session }))
    return found ? toEvent(found) : null
  }

  async byRoomN(room: string, n: number): Promise<LogEvent | null> {
    const { at, time } = this.#parts
    const found = await time.after((session) =>
      at.events.findOne({ room, n }, { hint: 'room_n', session }),
    )
    return found ? toEvent(found) : null
  }

  async byMessageId(principal: string, messageId: string): Promise<LogEvent | null> {
    const { at, time } = this.#parts
    const found = await time.after((session) =>
      at.events.findOne({ principal, messageId }, { hint: 'principal_message', session }),
    )
    return found ? toEvent(found) : null
  }

  /** Turns a failed insert into what is known of it, with the blocking event as a majority sees it. */
  async #outcomeOf(
    cause: unknown,
    events: readonly LogEvent[],
    session: ClientSession,
  ): Promise<InsertOutcome> {
    const verdict = readVerdict(cause)
    if (verdict.kind === 'unknown') return { kind: 'unknown', cause: this.#masked(cause) }
    // The events before the culprit are acknowledged.
    this.#parts.time.note(session)
    const { index } = verdict
    if (verdict.kind === 'refused') return { kind: 'refused', index, cause: this.#masked(cause) }
    const event = events[index]
    if (!event) return { kind: 'unknown', cause: this.#masked(cause) }
    try {
      return { kind: 'blocked', index, blocking: await this.#blocking(event) }
    } catch {
      return { kind: 'blocked', index, blocking: null }
    }
  }

  /** The server names only one of the indexes, so each that the event is in is looked at. */
  async #blocking({ seq, room, n, message }: LogEvent): Promise<LogEvent | null> {
    if (message) {
      // Rooms wait for the answer: a known message is no rarity, so that both are asked for at once.
      const { principal, messageId } = message
      const looks = [this.bySeq(seq), this.byMessageId(principal, messageId)] as const
      const [taken, known] = await Promise.all(looks)
      return taken ?? known
    }
    const bySeq = await this.bySeq(seq)
    if (bySeq) return bySeq
    return room !== null && n > 0 ? this.byRoomN(room, n) : null
  }

  /** The driver's error without the address it may quote. */
  #masked(cause: unknown): Error {
    if (cause instanceof RingsideError) return cause
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    return new Error(this.#parts.mask(text))
  }
}
