import { createSecretKey } from 'node:crypto'
import { createLocalJWKSet, errors } from 'jose'
import type {
  CryptoKey,
  FlattenedJWSInput,
  JSONWebKeySet,
  JWSHeaderParameters,
  KeyObject,
} from 'jose'
import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import { briefOf } from '../process/log-line.ts'
import type { Logger } from '../process/logger.ts'

/** The keys that signatures of tokens are checked with. */
export interface KeySource {
  /** Algorithms that may be allowed with these keys. */
  readonly algorithms: readonly string[]
  /**
   * Gives the keys that may have signed a token with this header, most often one.
   * @throws RingsideError unauthorized when there is none, unavailable while the keys cannot be had.
   */
  keysFor(header: JWSHeaderParameters): Promise<readonly (CryptoKey | KeyObject)[]>
}

/**
 * A secret is shared, and a key of a set is public: were one taken for the other, whoever knows the public key could
 * sign with it as a secret (AU22).
 */
const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512']
const PUBLIC_ALGORITHMS = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512',
  'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
] // prettier-ignore

/** A token without a `kid` is tried with so many keys of a set, each of which costs a check of a signature. */
const MAX_TRIED = 5
const MAX_KEYS = 100
const MAX_SET_BYTES = 256 * 1024
const FETCH_TIMEOUT_MS = 5_000
/** The set is fetched anew when it is older, in the background. */
const FRESH_MS = 600_000
/** A set that could not be fetched anew is believed so long: an identity provider that is away locks nobody out. */
const BELIEVED_MS = 86_400_000
/** So long apart are fetches that tokens with unknown keys cause: strangers make those up. */
const COOLDOWN_MS = 30_000
/** So long apart are tries to fetch a set that was never had, or that failed. */
const RETRY_MS = 2_000

/** One secret for all tokens. */
export function secretSource(secret: string): KeySource {
  const keys = [createSecretKey(Buffer.from(secret))]
  return { algorithms: SECRET_ALGORITHMS, keysFor: () => Promise.resolve(keys) }
}

/** A set of public keys that was given. @throws jose's JWKSInvalid when it is none. */
export function setSource(set: JSONWebKeySet): KeySource {
  const find = finderIn(set)
  return { algorithms: PUBLIC_ALGORITHMS, keysFor: (header) => find(header).catch(refused) }
}

export interface RemoteSetParts {
  readonly url: string
  readonly clock: Clock
  readonly logger: Logger
  /** Default: the global one. */
  readonly fetch?: typeof fetch
}

type Find = (header: JWSHeaderParameters) => Promise<(CryptoKey | KeyObject)[]>

/**
 * A set of public keys that is fetched. There is at most one fetch at a time, which all who need it wait for, and none
 * for each request: a set counts for ten minutes, and is then fetched anew while the old one still counts. A token that
 * names an unknown key causes a fetch at most every 30 s, so that new keys are found and strangers cannot have the
 * provider asked (AU24).
 */
export class RemoteSet implements KeySource {
  readonly algorithms = PUBLIC_ALGORITHMS
  readonly #parts: RemoteSetParts
  #find: Find | null = null
  #fetchedAt = 0
  #triedAt = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | null = null
  #stopping = new AbortController()
  #hasFailed = false

  constructor(parts: RemoteSetParts) {
    this.#parts = parts
  }

  async keysFor(header: JWSHeaderParameters): Promise<readonly (CryptoKey | KeyObject)[]> {
    const age = this.#parts.clock.now() - this.#fetchedAt
    if (!this.#find || age > BELIEVED_MS) await this.#fetchUnless(RETRY_MS)
    else if (age > FRESH_MS) void this.#fetchUnless(RETRY_MS)
    const find = this.#find
    if (!find || this.#parts.clock.now() - this.#fetchedAt > BELIEVED_MS)
      throw new RingsideError('unavailable', 'The keys of tokens cannot be had')
    try {
      return await find(header)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) return refused(error)
    }
    await this.#fetchUnless(COOLDOWN_MS)
    return (this.#find ?? find)(header).catch(refused)
  }

  /** Ends a fetch that is under way; nothing is fetched afterwards. */
  stop(): void {
    this.#stopping.abort()
  }

  /** Fetches, or waits for the fetch that is under way; does nothing when the last try is not so long ago. Never rejects. */
  async #fetchUnless(triedWithinMs: number): Promise<void> {
    const now = this.#parts.clock.now()
    if (!this.#fetching) {
      if (now - this.#triedAt < triedWithinMs || this.#stopping.signal.aborted) return
      this.#triedAt = now
      this.#fetching = this.#fetch().finally(() => void (this.#fetching = null))
    }
    await this.#fetching
  }

  async #fetch(): Promise<void> {
    const { url, clock, logger } = this.#parts
    const late = new AbortController()
    const cancel = clock.after(FETCH_TIMEOUT_MS, () => late.abort(new Error('It took too long')))
    try {
      const signal = AbortSignal.any([late.signal, this.#stopping.signal])
      this.#find = finderIn(await readSet(this.#parts.fetch ?? fetch, url, signal))
      this.#fetchedAt = clock.now()
      this.#hasFailed = false
    } catch (error) {
      // It is told once, not with each try. A URL may carry a password, and is not told.
      if (!this.#hasFailed && !this.#stopping.signal.aborted)
        logger.warn({ err: briefOf(error) }, 'the keys of tokens could not be fetched')
      this.#hasFailed = true
    } finally {
      cancel()
    }
  }
}

/** @throws TypeError, Error, or jose's JWKSInvalid. */
async function readSet(
  fetchIt: typeof fetch,
  url: string,
  signal: AbortSignal,
): Promise<JSONWebKeySet> {
  // A redirect could lead anywhere, into the own network for one.
  const headers = { accept: 'application/json, application/jwk-set+json' }
  const response = await fetchIt(url, { signal, redirect: 'error', headers })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`Expected status 200, got ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).byteLength
    // Leaving the loop ends the body.
    if (size > MAX_SET_BYTES) throw new Error(`Expected at most ${MAX_SET_BYTES} bytes`)
    chunks.push(chunk as Uint8Array)
  }
  return JSON.parse(Buffer.concat(chunks).toString()) as JSONWebKeySet
}

function finderIn(set: JSONWebKeySet): Find {
  // Checks what it is given.
  const find = createLocalJWKSet(set)
  if (set.keys.length > MAX_KEYS)
    throw new errors.JWKSInvalid(`Expected at most ${MAX_KEYS} keys, got ${set.keys.length}`)
  return async (header) => {
    try {
      return [await find(header, NO_TOKEN)]
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      const keys: (CryptoKey | KeyObject)[] = []
      for await (const key of error) if (keys.push(key) === MAX_TRIED) break
      return keys
    }
  }
}

const NO_TOKEN: FlattenedJWSInput = { payload: '', signature: '' }

function refused(cause: unknown): never {
  throw new RingsideError('unauthorized', undefined, { cause })
}
