import { hkdfSync, randomBytes } from 'node:crypto'
import { RingsideError } from '../process/errors.ts'

/** The secret is kept here: the records of a log (RecordStore). */
export interface SecretKeeper {
  get(key: string): Promise<{ readonly value: string } | null>
  /** Resolves with null when another write was first. */
  put(write: {
    readonly key: string
    readonly value: string
    readonly ifVersion: 0
  }): Promise<number | null>
}

/** Key of the record that holds the secret of a log. */
const RECORD = 'secret/server'
const SECRET_BYTES = 32
const KEY_BYTES = 32
const SHORTEST = 32
/** Whoever deletes the record while it is made does so for ever. */
const MAX_ATTEMPTS = 5

/**
 * The secret from which the keys of tickets and reconnect tokens derive, one for each purpose. It is the operator's, or
 * made once with the log and kept in it, so that a restart knows the tokens of before (CL33). Whoever may read the
 * database can then make them, which the operator's own secret rules out.
 */
export class ServerSecret {
  #secret: string | null
  readonly #keeper: () => SecretKeeper
  readonly #keys = new Map<string, Buffer>()

  constructor(given: string | null, keeper: () => SecretKeeper) {
    this.#secret = given
    this.#keeper = keeper
  }

  /** Reads the secret of the log, or makes it. The log must be open. @throws whatever the records fail with. */
  async load(): Promise<void> {
    for (let attempt = 1; this.#secret === null; attempt++) {
      const keeper = this.#keeper()
      const record = await keeper.get(RECORD)
      if (record) {
        if (record.value.length < SHORTEST)
          throw new RingsideError('record_invalid', `Expected a secret in the record '${RECORD}'`)
        this.#secret = record.value
        return
      }
      if (attempt > MAX_ATTEMPTS)
        throw new RingsideError('record_invalid', `Expected the record '${RECORD}' to stay`)
      const value = randomBytes(SECRET_BYTES).toString('hex')
      // When several servers begin with the log one of them makes it, and the others read what that one has made.
      if ((await keeper.put({ key: RECORD, value, ifVersion: 0 })) !== null) this.#secret = value
    }
  }

  /** The key for one purpose (HKDF-SHA-256, RFC 5869). @throws RingsideError unavailable before it is loaded. */
  keyFor(purpose: string): Buffer {
    const known = this.#keys.get(purpose)
    if (known) return known
    if (this.#secret === null) throw new RingsideError('unavailable', 'The server starts')
    const key = Buffer.from(hkdfSync('sha256', this.#secret, '', `ringside ${purpose}`, KEY_BYTES))
    this.#keys.set(purpose, key)
    return key
  }
}
