import type { ClientSession, MongoClient, Timestamp } from 'mongodb'

/**
 * Knows how far this process has seen the database, in the set's own time (operationTime of majority reads and
 * writes, so it is never taken back). Each read asks for that much at least (afterClusterTime): a primary
 * that was just elected, and knows for a moment of an older point only, lets it wait instead of showing that.
 * A standalone server has no such time, and no fail-over.
 */
export class ClusterTime {
  readonly #client: MongoClient
  #known: Timestamp | null = null

  constructor(client: MongoClient) {
    this.#client = client
  }

  /** Runs reads that show no less than any before them, and than what was acknowledged. */
  async after<T>(read: (session: ClientSession) => Promise<T>): Promise<T> {
    const session = this.#client.startSession({ causalConsistency: true })
    if (this.#known) session.advanceOperationTime(this.#known)
    try {
      const found = await read(session)
      this.note(session)
      return found
    } finally {
      await session.endSession()
    }
  }

  /** Takes in the time of a reply. One without a majority must not be noted: it may be taken back. */
  note({ operationTime }: ClientSession): void {
    if (operationTime && (!this.#known || operationTime.greaterThan(this.#known)))
      this.#known = operationTime
  }
}
