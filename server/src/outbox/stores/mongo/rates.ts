import type { Collection, Db } from 'mongodb'
import { RateLimiterMongo } from 'rate-limiter-flexible'
import type { RateCount, RateStore } from '../../contract/store.ts'

/** The limit is the caller's; here it is only counted. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER

/** Counts in MongoDB, by `rate-limiter-flexible`; what is over is deleted by a TTL index. */
export class MongoRates implements RateStore {
  readonly #db: Db
  /** The database as the package asks for it. A count that is lost with a primary costs nothing: no majority is waited for. */
  readonly #quick: object
  readonly #name: string
  readonly #limiters = new Map<number, RateLimiterMongo>()
  #indexes: Promise<unknown> | null = null

  constructor(db: Db, prefix: string) {
    this.#db = db
    this.#quick = {
      collection: (name: string) => db.collection(name, { writeConcern: { w: 1, journal: false } }),
    }
    this.#name = `${prefix}rates`
  }

  async take(key: string, durationMs: number, count: number): Promise<RateCount> {
    await this.#indexed()
    const { consumedPoints, msBeforeNext } = await this.#limiterOf(durationMs).consume(key, count)
    return { count: consumedPoints, msLeft: msBeforeNext }
  }

  /** They are made here, for the package prints where it cannot make them. */
  async #indexed(): Promise<void> {
    const rates: Collection = this.#db.collection(this.#name)
    this.#indexes ??= Promise.all([
      rates.createIndex({ expire: -1 }, { expireAfterSeconds: 0 }),
      rates.createIndex({ key: 1 }, { unique: true }),
    ])
    try {
      await this.#indexes
    } catch (error) {
      this.#indexes = null
      throw error
    }
  }

  /** One for each length of a window, of which there are few. */
  #limiterOf(durationMs: number): RateLimiterMongo {
    const known = this.#limiters.get(durationMs)
    if (known) return known
    const limiter = new RateLimiterMongo({
      storeClient: this.#quick,
      tableName: this.#name,
      keyPrefix: '',
      points: NO_LIMIT,
      duration: durationMs / 1_000,
      disableIndexesCreation: true,
    })
    this.#limiters.set(durationMs, limiter)
    return limiter
  }
}
