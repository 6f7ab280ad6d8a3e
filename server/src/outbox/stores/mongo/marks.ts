import { RingsideError } from '../../../process/errors.ts'
import type { LogHistory, MarkStore, NewHistory } from '../../contract/store.ts'
import type { ClusterTime } from './cluster-time.ts'
import type { Collections } from './collections.ts'
import { long, toNumber } from './documents.ts'
import type { LogDocument } from './documents.ts'

export interface MongoMarksParts {
  readonly at: Collections
  readonly time: ClusterTime
  /** Told of each floor that was read or raised. */
  readonly onFloor: (seq: number) => void
}

/** Finds the log's one document, or only while it has this history. */
export function ofHistory(historyId: string | undefined): { _id: 'log'; history?: string } {
  return historyId === undefined ? { _id: 'log' } : { _id: 'log', history: historyId }
}

/** The numbers of a log in MongoDB: the fields of its one document in `log`. */
export class MongoMarks implements MarkStore {
  readonly #parts: MongoMarksParts

  constructor(parts: MongoMarksParts) {
    this.#parts = parts
  }

  origin(): Promise<number> {
    return this.#field('origin')
  }

  counter(): Promise<number> {
    return this.#field('counter')
  }

  async floor(historyId?: string): Promise<number> {
    const { id, floor } = await this.history()
    if (historyId !== undefined && id !== historyId) throw new RingsideError('log_restored')
    return floor
  }

  async raiseFloor(seq: number, historyId?: string): Promise<void> {
    const raised = { $max: { floor: long(seq), counter: long(seq) } }
    const filter = ofHistory(historyId)
    const { matchedCount } = await this.#parts.at.log.updateOne(filter, raised)
    // Without the log's document nothing is known.
    if (matchedCount === 0 && historyId !== undefined) await this.floor(historyId)
    this.#parts.onFloor(seq)
  }

  async history(): Promise<LogHistory> {
    const found = await this.#read(['history', 'voids', 'restoredAt', 'origin', 'floor'])
    const { history = '', voids = [] } = found
    const floor = toNumber(found.floor)
    this.#parts.onFloor(floor)
    const ranges = voids.map(({ after, upTo }) => ({
      after: toNumber(after),
      upTo: toNumber(upTo),
    }))
    const restoredAt = toNumber(found.restoredAt ?? 0)
    return { id: history, origin: toNumber(found.origin), floor, voids: ranges, restoredAt }
  }

  async beginHistory({ from, id, base, voids, restoredAt }: NewHistory): Promise<boolean> {
    const ranges = voids.map(({ after, upTo }) => ({ after: long(after), upTo: long(upTo) }))
    const begun = {
      history: id,
      counter: long(base),
      sealed: long(base),
      voids: ranges,
      restoredAt: long(restoredAt),
    }
    const { matchedCount } = await this.#parts.at.log.updateOne(ofHistory(from), { $set: begun })
    return matchedCount === 1
  }

  sealed(): Promise<number> {
    return this.#field('sealed')
  }

  async storeSealed(seq: number): Promise<void> {
    await this.#parts.at.log.updateOne({ _id: 'log' }, { $max: { sealed: long(seq) } })
  }

  async #field(name: 'origin' | 'counter' | 'sealed'): Promise<number> {
    return toNumber((await this.#read([name]))[name])
  }

  async #read(names: readonly (keyof LogDocument)[]): Promise<LogDocument> {
    const { at, time } = this.#parts
    const projection = Object.fromEntries(names.map((name) => [name, 1]))
    const found = await time.after((session) =>
      at.log.findOne({ _id: 'log' }, { projection, session }),
    )
    if (!found) throw new RingsideError('outbox_unreachable', 'Expected the log, got nothing')
    return found
  }
}
