import { createHash, randomBytes } from 'node:crypto'
import { cleanLine, kindOf, strangeMember } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'
import { isSameBytes } from '../process/exact-text.ts'
import { RecordMirror } from '../process/record-mirror.ts'
import type { RecordMirrorParts } from '../process/record-mirror.ts'
import { KeyHolder } from './asker.ts'
import type { LiveKey, PublicRights } from './asker.ts'
import type { Principal } from './principal.ts'
import { MAX_SCOPES, Scopes, isScope } from './scope.ts'

const PREFIX = 'key/'
const MARK = 'key-mark'
/** A key that another process has revoked is refused within so long, in ms (AU12). */
const POLL_MS = 1_000
const MAX_KEYS = 1_000
const ID_CHARACTERS = 12
const SECRET_BYTES = 32
const MAX_NAME_CHARACTERS = 100
const MAX_LIFE_MS = 1e12
/** The id, which is no secret, finds the record; the rest is 256 bits of randomness in base64url. */
const KEY = /^rk_(?<id>[a-z0-9]{1,25})_[A-Za-z0-9_-]{43}$/

/** A key as it is listed: never its text, nor the digest of it. */
export interface KeyInfo {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  /** Server time in ms; null: until it is revoked. */
  readonly expiresAt: number | null
  readonly createdAt: number
}

/** A new key. Its text is told this once. */
export interface MadeKey extends KeyInfo {
  readonly key: string
}

/** A request to make or change a key: every field is hostile. */
export type KeyFields = Readonly<Record<string, unknown>>

export interface KeptKeysParts extends Pick<
  RecordMirrorParts,
  'records' | 'clock' | 'logger' | 'isAway'
> {
  readonly everybody: PublicRights
  readonly newId: () => string
  /** The store's time in ms. */
  readonly now: () => number
  /** What this key's holder may do has changed, or is over. */
  readonly onChanged: (holder: Principal) => void
}

interface Stored {
  readonly name: string
  readonly digest: string
  readonly scopes: readonly string[]
  readonly expiresAt: number | null
  readonly createdAt: number
}

class KeptKey implements LiveKey {
  readonly id: string
  readonly holder: Principal
  scopes = Scopes.none
  expiresAt: number | null = null
  isRevoked = false
  digest: Buffer = Buffer.alloc(0)
  stored: Stored | null = null

  constructor(id: string, { everybody, now }: KeptKeysParts) {
    this.id = id
    this.holder = new KeyHolder(everybody, this, now)
  }
}

/**
 * The keys that operators make at run time. Only the SHA-256 of each is kept: its text is 256 random bits, which no
 * table has and no guess finds. All are in memory, by a mirror of their records, so that a request is answered in the
 * turn in which it comes.
 */
export class KeptKeys {
  readonly #parts: KeptKeysParts
  readonly #mirror: RecordMirror
  readonly #keys = new Map<string, KeptKey>()

  constructor(parts: KeptKeysParts) {
    this.#parts = parts
    const { records, clock, logger, isAway } = parts
    this.#mirror = new RecordMirror({
      records,
      clock,
      logger,
      isAway,
      prefix: PREFIX,
      mark: MARK,
      pollMs: POLL_MS,
      what: 'API keys',
      onRecord: (id, value) => this.#see(id, value),
      onGone: (id) => this.#forget(id),
    })
  }

  get size(): number {
    return this.#keys.size
  }

  /** @throws whatever the store fails with. */
  start(): Promise<void> {
    return this.#mirror.start()
  }

  stop(): void {
    this.#mirror.stop()
  }

  /** The holder of the key with this text, or null. The time that it takes tells nothing of the digest. */
  find(text: string): Principal | null {
    const id = KEY.exec(text)?.groups?.['id']
    if (id === undefined) return null
    const key = this.#keys.get(id)
    const isRight = isSameBytes(digestOf(text), key?.digest ?? NO_DIGEST)
    return isRight && key !== undefined && !key.isRevoked ? key.holder : null
  }

  /**
   * Makes a key and resolves once it is stored.
   * @throws RingsideError bad_request; too_many_requests when there are as many as there may be; whatever the store
   * fails with.
   */
  async make(fields: KeyFields): Promise<MadeKey> {
    checkNames(fields, ['name', 'scopes', 'durationMs'])
    const { now, newId } = this.#parts
    if (this.#keys.size >= MAX_KEYS)
      throw new RingsideError(
        'too_many_requests',
        `There are ${MAX_KEYS} keys, as many as there may be`,
      )
    const id = newId().slice(0, ID_CHARACTERS)
    const key = `rk_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`
    const stored: Stored = {
      name: nameIn(fields),
      digest: digestOf(key).toString('hex'),
      scopes: scopesIn(fields),
      expiresAt: endIn(fields, now()),
      createdAt: now(),
    }
    await this.#mirror.change(id, (before) => {
      if (before !== null) throw new RingsideError('unavailable', 'The id of the new key is taken')
      return { value: JSON.stringify(stored), expiresAt: stored.expiresAt }
    })
    return { ...infoOf(id, stored), key }
  }

  /**
   * Changes the name, the scopes or the end of a key, from that moment on for whoever is connected with it.
   * @throws RingsideError bad_request, not_found; whatever the store fails with.
   */
  async change(fields: KeyFields): Promise<KeyInfo> {
    checkNames(fields, ['id', 'name', 'scopes', 'durationMs'])
    const id = idIn(fields)
    const { now } = this.#parts
    const changes = {
      ...('name' in fields ? { name: nameIn(fields) } : {}),
      ...('scopes' in fields ? { scopes: scopesIn(fields) } : {}),
      ...('durationMs' in fields ? { expiresAt: endIn(fields, now()) } : {}),
    }
    let info: KeyInfo | null = null
    await this.#mirror.change(id, (before) => {
      const known = before === null ? null : decode(before)
      if (known === null) throw new RingsideError('not_found', 'No such key')
      const stored = { ...known, ...changes }
      info = infoOf(id, stored)
      return { value: JSON.stringify(stored), expiresAt: stored.expiresAt }
    })
    return info ?? this.#missing()
  }

  /** Ends a key for good. @throws RingsideError bad_request, not_found; whatever the store fails with. */
  async revoke(fields: KeyFields): Promise<void> {
    checkNames(fields, ['id'])
    if (!(await this.#mirror.remove(idIn(fields)))) this.#missing()
  }

  /** The keys that are not over, by id. */
  list(): KeyInfo[] {
    const infos: KeyInfo[] = []
    for (const { id, stored, holder } of this.#keys.values())
      if (stored && holder.isValid) infos.push(infoOf(id, stored))
    return infos.sort((one, other) => (one.id < other.id ? -1 : 1))
  }

  #missing(): never {
    throw new RingsideError('not_found', 'No such key')
  }

  #see(id: string, value: string): boolean {
    const stored = decode(value)
    // What cannot be read opens nothing, though it may have been a key before.
    if (stored === null) {
      this.#forget(id)
      return false
    }
    const key = this.#keys.get(id) ?? new KeptKey(id, this.#parts)
    this.#keys.set(id, key)
    key.stored = stored
    key.digest = Buffer.from(stored.digest, 'hex')
    key.expiresAt = stored.expiresAt
    key.scopes = Scopes.among(stored.scopes) ?? Scopes.none
    this.#parts.onChanged(key.holder)
    return true
  }

  #forget(id: string): void {
    const key = this.#keys.get(id)
    if (!key) return
    this.#keys.delete(id)
    key.isRevoked = true
    this.#parts.onChanged(key.holder)
  }
}

const NO_DIGEST = Buffer.alloc(32)
const DIGEST = /^[0-9a-f]{64}$/

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function infoOf(id: string, { name, scopes, expiresAt, createdAt }: Stored): KeyInfo {
  return { id, name, scopes, expiresAt, createdAt }
}

/** Null for what no version of this program has written. */
function decode(value: string): Stored | null {
  try {
    const stored = JSON.parse(value) as Stored
    const { name, digest, scopes, expiresAt, createdAt } = stored
    const isWhole =
      typeof name === 'string' &&
      typeof digest === 'string' &&
      DIGEST.test(digest) &&
      Array.isArray(scopes) &&
      scopes.every((scope) => typeof scope === 'string') &&
      (expiresAt === null || Number.isSafeInteger(expiresAt)) &&
      Number.isSafeInteger(createdAt)
    return isWhole ? { name, digest, scopes, expiresAt, createdAt } : null
  } catch {
    return null
  }
}

/** A misspelt `durationMs` would make a key for ever. */
function checkNames(fields: KeyFields, names: readonly string[]): void {
  const stranger = strangeMember('a field', fields, names)
  if (stranger !== null) throw new RingsideError('bad_request', stranger)
}

function idIn({ id }: KeyFields): string {
  if (typeof id === 'string' && /^[a-z0-9]{1,25}$/.test(id)) return id
  throw new RingsideError('bad_request', 'Expected id as the id of a key')
}

function nameIn({ name = '' }: KeyFields): string {
  if (typeof name !== 'string' || name.length > MAX_NAME_CHARACTERS)
    throw new RingsideError(
      'bad_request',
      `Expected name as text of at most ${MAX_NAME_CHARACTERS} characters`,
    )
  return cleanLine(name, MAX_NAME_CHARACTERS)
}

function scopesIn({ scopes }: KeyFields): string[] {
  if (!Array.isArray(scopes) || scopes.length > MAX_SCOPES)
    throw new RingsideError('bad_request', `Expected scopes as a list of at most ${MAX_SCOPES}`)
  for (const scope of scopes)
    if (typeof scope !== 'string' || !isScope(scope))
      throw new RingsideError(
        'bad_request',
        `Expected scopes like 'read:topic:news.*' or 'admin', got ${typeof scope === 'string' ? `'${cleanLine(scope, 80)}'` : kindOf(scope)}`,
      )
  return [...new Set(scopes as string[])]
}

function endIn({ durationMs = null }: KeyFields, now: number): number | null {
  if (durationMs === null) return null
  if (
    !Number.isSafeInteger(durationMs) ||
    Number(durationMs) < 1 ||
    Number(durationMs) > MAX_LIFE_MS
  )
    throw new RingsideError('bad_request', `Expected durationMs from 1 to ${MAX_LIFE_MS}, or null`)
  return now + Number(durationMs)
}
