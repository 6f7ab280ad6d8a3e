import { RingsideError } from '../../../process/errors.ts'
import type { MarkStore } from '../../contract/store.ts'
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

  async floor(): Promise<number> {
    const floor = await this.#field('floor')
    this.#parts.onFloor(floor)
    return floor
  }

  async raiseFloor(seq: number): Promise<void> {
    const raised = { $max: { floor: long(seq), counter: long(seq) } }
    await this.#parts.at.log.updateOne({ _id: 'log' }, raised)
    this.#parts.onFloor(seq)
  }

  sealed(): Promise<number> {
    return this.#field('sealed')
  }

  async storeSealed(seq: number): Promise<void> {
    await this.#parts.at.log.updateOne({ _id: 'log' }, { $max: { sealed: long(seq) } })
  }

  async #field(name: Exclude<keyof LogDocument, '_id'>): Promise<number> {
    const { at, time } = this.#parts
    const found = await time.after((session) =>
      at.log.findOne({ _id: 'log' }, { projection: { [name]: 1 }, session }),
    )
    if (!found) throw new RingsideError('outbox_unreachable', 'Expected the log, got nothing')
    return toNumber(found[name])
  }
}
