import { RingsideError } from '../process/errors.ts'
import { warnOf } from '../process/log-line.ts'
import type { Clock } from '../process/clock.ts'
import type { Logger } from '../process/logger.ts'
import type { RecordStore, StoredRecord } from '../outbox/contract/store.ts'
import type { Person, Standing } from '../limit/standing.ts'
import { Networks } from './networks.ts'
import { decodeSanction, sentenceOf } from './sanction.ts'
import type { Sanction, SanctionKind } from './sanction.ts'

/** Their records begin with it. */
const PREFIX = 'sanctions/'
/** This record gets another version with each change of any, so that others know by one read whether to read them all. */
const MARK = 'sanction-mark'
/** Another process's change is seen within so long, in ms (AD6). */
const POLL_MS = 2_000
/** So many looks find nothing new before all records are read regardless: a process may have died ahead of the mark. */
const LOOKS_PER_READ = 30
const PAGE = 1_000
/** So many looks in a row fail before that is told. */
const MAX_SILENT_FAILURES = 3
/** Writers of one record that are in each other's way try so often. */
const MAX_TRIES = 10

/** Says who somebody is, of the result of `onAuth`. Null: nobody in particular. */
export type UserIdOf = (auth: unknown) => string | null

export interface SanctionsParts {
  readonly records: RecordStore
  readonly clock: Clock
  /** The store's time in ms. */
  readonly now: () => number
  readonly logger: Logger
  readonly userIdOf: UserIdOf
  readonly maxSanctions: number
  /** The log is known to fail, and it has been told. Default: never. */
  readonly isAway?: () => boolean
}

/**
 * Bans and mutes: kept in the store's records, which all processes share and which outlive them where the store does,
 * and whole in memory, because a handshake and a JOIN are answered in the turn in which they come. One that is over
 * counts no longer from that moment on, by the store's time.
 */
export class Sanctions implements Standing {
  readonly #parts: SanctionsParts
  readonly #byId = new Map<string, Sanction>()
  readonly #sessions = index()
  readonly #users = index()
  readonly #networks = { ban: new Networks(), mute: new Networks() }
  readonly #listeners = new Set<() => void>()
  #markVersion = 0
  #looksLeft = 0
  #cancelPoll: (() => void) | null = null
  #isStopped = false
  /** Looks that have failed one after the other while the rest of the log was there. */
  #failures = 0
  /** Changes and reads run one after the other: a read must not undo what was written while it ran. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(parts: SanctionsParts) {
    this.#parts = parts
  }

  /** Reads them all, and goes on looking for changes. @throws whatever the store fails with. */
  async start(): Promise<void> {
    await this.#queued(() => this.#refresh(true))
    this.#poll()
  }

  /** Looks no more; what is known stays. */
  stop(): void {
    this.#isStopped = true
    this.#cancelPoll?.()
    this.#cancelPoll = null
  }

  /** Calls when there are bans or mutes that are new here, of this process or another: once for all that came together. */
  onAdded(listener: () => void): void {
    this.#listeners.add(listener)
  }

  get size(): number {
    return this.#byId.size
  }

  checkBan(person: Person): void {
    const ban = this.find('ban', person)
    if (ban) throw new RingsideError('banned', sentenceOf(ban))
  }

  isMuted(person: Person): boolean {
    return this.find('mute', person) !== null
  }

  /** The one that ends last of those that hold for somebody, or null. */
  find(kind: SanctionKind, { sessionId, auth, address }: Person): Sanction | null {
    if (this.#byId.size === 0) return null
    let found: Sanction | null = null
    const look = (id: string | undefined): void => {
      const sanction = id === undefined ? undefined : this.#byId.get(id)
      if (!sanction || !this.#holds(sanction)) return
      if (found === null || endOf(sanction) > endOf(found)) found = sanction
    }
    if (sessionId !== null) look(this.#sessions[kind].get(sessionId))
    const userId = this.#parts.userIdOf(auth)
    if (userId !== null) look(this.#users[kind].get(userId))
    if (address !== null) for (const id of this.#networks[kind].find(address)) look(id)
    return found
  }

  /** A page of those that hold, by id, after the one with the id `after`. */
  list(
    kind: SanctionKind,
    after: string,
    limit: number,
  ): { items: Sanction[]; next: string | null } {
    const all = Array.from(this.#byId.values())
      .filter((item) => item.kind === kind && item.id > after && this.#holds(item))
      .sort((one, other) => (one.id < other.id ? -1 : 1))
    const items = all.slice(0, limit)
    return { items, next: all.length > limit ? (items.at(-1)?.id ?? null) : null }
  }

  /**
   * Stores it, in place of one of the same kind and target.
   * @throws RingsideError too_many_requests when there are as many as there may be: none is pushed out (AD7); whatever
   * the store fails with.
   */
  put(sanction: Sanction): Promise<void> {
    return this.#queuedChange(async () => {
      if (!this.#byId.has(sanction.id)) this.#makeRoom()
      const key = PREFIX + sanction.id
      const value = JSON.stringify(sanction)
      await this.#write(key, value, sanction.until)
      this.#add(sanction)
      this.#tell()
      await this.#mark()
    })
  }

  /** Takes it back; false when there is none. @throws whatever the store fails with. */
  lift(kind: SanctionKind, id: string): Promise<boolean> {
    return this.#queuedChange(async () => {
      const { records } = this.#parts
      const known = this.#byId.get(id)
      if (known?.kind !== kind) return false
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const stored = await records.get(PREFIX + id)
        if (stored && !(await records.delete(PREFIX + id, stored.version))) continue
        this.#remove(known)
        await this.#mark()
        return stored !== null
      }
      throw new RingsideError('unavailable')
    })
  }

  #holds({ until }: Sanction): boolean {
    return until === null || until > this.#parts.now()
  }

  #makeRoom(): void {
    const { maxSanctions } = this.#parts
    if (this.#byId.size < maxSanctions) return
    for (const sanction of this.#byId.values()) if (!this.#holds(sanction)) this.#remove(sanction)
    if (this.#byId.size >= maxSanctions)
      throw new RingsideError(
        'too_many_requests',
        `There are ${maxSanctions} bans and mutes, as many as there may be`,
      )
  }

  async #write(key: string, value: string, expiresAt: number | null): Promise<void> {
    const { records } = this.#parts
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const stored = await records.get(key)
      const ifVersion = stored?.version ?? 0
      if ((await records.put({ key, value, ifVersion, expiresAt })) !== null) return
    }
    throw new RingsideError('unavailable')
  }

  /** Others may find the change without it, later: that it cannot be written is no failure of the change. */
  async #mark(): Promise<void> {
    try {
      await this.#write(MARK, '1', null)
    } catch (error) {
      warnOf(this.#parts.logger, error, [{}, 'bans and mutes: others are not told at once'])
    }
  }

  #poll(): void {
    if (this.#isStopped) return
    this.#cancelPoll = this.#parts.clock.after(POLL_MS, () => {
      this.#queued(() => this.#refresh(false))
        .then(
          () => void (this.#failures = 0),
          (error: unknown) => this.#failed(error),
        )
        .finally(() => this.#poll())
    })
  }

  /** A log that is away is told of once, by itself (OB18): a failure may be the first or the last sign of that. */
  #failed(error: unknown): void {
    const { logger, isAway } = this.#parts
    if (isAway?.()) this.#failures = 0
    else if (!this.#isStopped && ++this.#failures === MAX_SILENT_FAILURES) {
      warnOf(logger, error, [{}, 'bans and mutes were not read, trying again'])
    }
  }

  async #refresh(isForced: boolean): Promise<void> {
    if (this.#isStopped) return
    const { records } = this.#parts
    const version = (await records.get(MARK))?.version ?? 0
    if (!isForced && version === this.#markVersion && this.#looksLeft-- > 0) return
    const seen = new Map<string, Sanction>()
    for (let after: string | undefined; ;) {
      const query = { prefix: PREFIX, limit: PAGE, ...(after === undefined ? {} : { after }) }
      const page = await records.list(query)
      for (const record of page.records) this.#see(record, seen)
      if (page.next === null) break
      after = page.next
    }
    this.#markVersion = version
    this.#looksLeft = LOOKS_PER_READ
    for (const known of this.#byId.values()) if (!seen.has(known.id)) this.#remove(known)
    let isNew = false
    for (const sanction of seen.values()) {
      const known = this.#byId.get(sanction.id)
      if (known?.at === sanction.at && known.until === sanction.until) continue
      this.#add(sanction)
      isNew = true
    }
    if (isNew) this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #see({ key, value }: StoredRecord, seen: Map<string, Sanction>): void {
    const sanction = decodeSanction(value)
    if (sanction && key === PREFIX + sanction.id) seen.set(sanction.id, sanction)
    else this.#parts.logger.warn({ key }, 'a ban or mute that cannot be read is left as it is')
  }

  #add(sanction: Sanction): void {
    const { id, kind, target } = sanction
    this.#byId.set(id, sanction)
    if ('sessionId' in target) this.#sessions[kind].set(target.sessionId, id)
    else if ('userId' in target) this.#users[kind].set(target.userId, id)
    else this.#networks[kind].add(target.address, id)
  }

  #remove({ id, kind, target }: Sanction): void {
    this.#byId.delete(id)
    if ('sessionId' in target) this.#sessions[kind].delete(target.sessionId)
    else if ('userId' in target) this.#users[kind].delete(target.userId)
    else this.#networks[kind].delete(target.address)
  }

  /** A change whose outcome is not known may have been made: the next look reads all. */
  #queuedChange<T>(run: () => Promise<T>): Promise<T> {
    return this.#queued(async () => {
      try {
        return await run()
      } catch (error) {
        this.#looksLeft = 0
        throw error
      }
    })
  }

  #queued<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run)
    this.#queue = result.catch(() => {})
    return result
  }
}

function index(): { readonly [K in SanctionKind]: Map<string, string> } {
  return { ban: new Map(), mute: new Map() }
}

function endOf({ until }: Sanction): number {
  return until ?? Number.POSITIVE_INFINITY
}
