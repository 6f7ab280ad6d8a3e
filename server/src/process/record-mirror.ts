import type { Clock } from './clock.ts'
import { RingsideError } from './errors.ts'
import { warnOf } from './log-line.ts'
import type { Logger } from './logger.ts'

interface KeptRecord {
  readonly key: string
  readonly version: number
  readonly value: string
}

/** What a mirror needs of the records of a log (RecordStore). */
export interface MirroredRecords {
  get(key: string): Promise<KeptRecord | null>
  put(write: {
    readonly key: string
    readonly value: string
    readonly ifVersion: number
    readonly expiresAt?: number | null
  }): Promise<number | null>
  list(query: {
    readonly prefix: string
    readonly after?: string
    readonly limit: number
  }): Promise<{
    readonly records: readonly KeptRecord[]
    readonly next: string | null
  }>
  delete(key: string, ifVersion: number): Promise<boolean>
}

export interface RecordMirrorParts {
  readonly records: MirroredRecords
  readonly clock: Clock
  readonly logger: Logger
  /** The keys of all these records begin with it. */
  readonly prefix: string
  /** This record gets another version with each change of any, so that others know by one read whether to read them all. */
  readonly mark: string
  /** Another process's change is seen within so long, in ms. */
  readonly pollMs: number
  /** Names the records in log lines. */
  readonly what: string
  /** The log is known to fail, and it has been told. */
  readonly isAway: () => boolean
  /** A record is new here, or another than it was. False: it cannot be read, and is left as it is. */
  readonly onRecord: (name: string, value: string) => boolean
  readonly onGone: (name: string) => void
}

/** With every so manieth look all records are read regardless: a process may have died ahead of the mark. */
const FULL_READ_MS = 60_000
const PAGE = 1_000
/** So many looks in a row fail before that is told. */
const MAX_SILENT_FAILURES = 3
/** Writers of one record that are in each other's way try so often. */
const MAX_TRIES = 10

/**
 * The records of one prefix, which their owner keeps whole in memory, so that no request waits for the store. Changes
 * of this process count at once, those of others within `pollMs`; while the store is away what is known holds.
 */
export class RecordMirror {
  readonly #parts: RecordMirrorParts
  /** By name: the key without the prefix. The values are compared when they are read again. */
  readonly #known = new Map<string, string>()
  #markVersion = 0
  #looksLeft = 0
  #cancelPoll: (() => void) | null = null
  #isStopped = false
  /** Looks that have failed one after the other while the rest of the log was there. */
  #failures = 0
  /** Changes and reads run one after the other: a read must not undo what was written while it ran. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(parts: RecordMirrorParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#known.size
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

  /**
   * Writes what `make` gives for the present value (null: there is none); null leaves all as it is.
   * @throws whatever `make` and the store do; RingsideError unavailable when others always write in between.
   */
  change(
    name: string,
    make: (before: string | null) => { readonly value: string; readonly expiresAt: number | null },
  ): Promise<void> {
    return this.#queuedChange(async () => {
      const { records, prefix } = this.#parts
      const key = prefix + name
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const stored = await records.get(key)
        const { value, expiresAt } = make(stored?.value ?? null)
        const write = { key, value, ifVersion: stored?.version ?? 0, expiresAt }
        if ((await records.put(write)) === null) continue
        this.#take(name, value)
        await this.#tellOthers()
        return
      }
      throw new RingsideError('unavailable')
    })
  }

  /** Takes one back; false when there was none. @throws whatever the store fails with. */
  remove(name: string): Promise<boolean> {
    return this.#queuedChange(async () => {
      const { records, prefix } = this.#parts
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const stored = await records.get(prefix + name)
        if (stored && !(await records.delete(prefix + name, stored.version))) continue
        this.#drop(name)
        await this.#tellOthers()
        return stored !== null
      }
      throw new RingsideError('unavailable')
    })
  }

  /** Others may find the change without it, later: that it cannot be written is no failure of the change. */
  async #tellOthers(): Promise<void> {
    const { records, mark, logger, what } = this.#parts
    try {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const ifVersion = (await records.get(mark))?.version ?? 0
        if ((await records.put({ key: mark, value: '1', ifVersion })) !== null) return
      }
    } catch (error) {
      warnOf(logger, error, [{ what }, 'others are not told of a change at once'])
    }
  }

  #poll(): void {
    if (this.#isStopped) return
    this.#cancelPoll = this.#parts.clock.after(this.#parts.pollMs, () => {
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
    const { logger, isAway, what } = this.#parts
    if (isAway()) this.#failures = 0
    else if (!this.#isStopped && ++this.#failures === MAX_SILENT_FAILURES)
      warnOf(logger, error, [{ what }, 'records were not read, trying again'])
  }

  async #refresh(isForced: boolean): Promise<void> {
    if (this.#isStopped) return
    const { records, mark, prefix, pollMs } = this.#parts
    const version = (await records.get(mark))?.version ?? 0
    if (!isForced && version === this.#markVersion && this.#looksLeft-- > 0) return
    const seen = new Map<string, string>()
    for (let after: string | undefined; ;) {
      const page = await records.list({
        prefix,
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      })
      for (const { key, value } of page.records) seen.set(key.slice(prefix.length), value)
      if (page.next === null) break
      after = page.next
    }
    this.#markVersion = version
    this.#looksLeft = Math.ceil(FULL_READ_MS / pollMs)
    for (const name of this.#known.keys()) if (!seen.has(name)) this.#drop(name)
    for (const [name, value] of seen) if (this.#known.get(name) !== value) this.#take(name, value)
  }

  #take(name: string, value: string): void {
    const { logger, prefix, what, onRecord } = this.#parts
    this.#known.set(name, value)
    if (!onRecord(name, value))
      logger.warn({ what, key: prefix + name }, 'a record that cannot be read is left as it is')
  }

  #drop(name: string): void {
    if (this.#known.delete(name)) this.#parts.onGone(name)
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
