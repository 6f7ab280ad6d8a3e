import { RingsideError } from '../../../process/errors.ts'
import type {
  RecordPage,
  RecordQuery,
  RecordStore,
  RecordWrite,
  StoreClock,
  StoredRecord,
} from '../../contract/store.ts'
import {
  RECORD_PAGE_BYTES,
  RecordVersions,
  checkKey,
  checkQuery,
  checkVersion,
  checkWrite,
} from '../record-check.ts'

/**
 * The bound on all records together, in bytes. Beyond it a write is refused: a ban or a key must not push
 * out another.
 */
const MAX_KEPT_BYTES = 64 * 1024 * 1024
/** A record costs about so much beside its key and value, in bytes. */
const OVERHEAD_BYTES = 200
/** Expired records are looked for so often at most, in ms, unless there is no room. */
const SWEEP_MS = 60_000

/** Records in memory. */
export class MemoryRecords implements RecordStore {
  readonly #clock: StoreClock
  readonly #records = new Map<string, StoredRecord>()
  readonly #versions = new RecordVersions()
  #keptBytes = 0
  #sweptAt = 0
  /** The keys in order; null after one came or went. */
  #keys: string[] | null = null

  constructor(clock: StoreClock) {
    this.#clock = clock
  }

  async get(key: string): Promise<StoredRecord | null> {
    checkKey(key)
    return this.#living(key)
  }

  async put(write: RecordWrite): Promise<number | null> {
    checkWrite(write)
    const { key, value, ifVersion, expiresAt = null } = write
    if ((this.#living(key)?.version ?? 0) !== ifVersion) return null
    const now = this.#clock.now()
    if (now - this.#sweptAt >= SWEEP_MS) this.#sweep(now)
    const version = this.#versions.after(ifVersion, now)
    const record: StoredRecord = { key, version, value, expiresAt }
    const replaced = this.#records.get(key)
    this.#makeRoom(bytesOf(record) - (replaced ? bytesOf(replaced) : 0), now)
    this.#remove(key)
    this.#records.set(key, record)
    this.#keptBytes += bytesOf(record)
    this.#keys = null
    return version
  }

  async list(query: RecordQuery): Promise<RecordPage> {
    checkQuery(query)
    const { prefix, after = '', limit } = query
    this.#keys ??= [...this.#records.keys()].sort()
    const records: StoredRecord[] = []
    let bytes = 0
    for (const key of this.#keys) {
      const record = key > after && key.startsWith(prefix) ? this.#living(key) : null
      if (!record) continue
      records.push(record)
      bytes += Buffer.byteLength(record.value)
      if (records.length === limit || bytes >= RECORD_PAGE_BYTES) return { records, next: key }
    }
    return { records, next: null }
  }

  async delete(key: string, ifVersion: number): Promise<boolean> {
    checkKey(key)
    checkVersion(ifVersion)
    if (this.#living(key)?.version !== ifVersion) return false
    this.#remove(key)
    return true
  }

  #living(key: string): StoredRecord | null {
    const record = this.#records.get(key)
    if (!record) return null
    return record.expiresAt !== null && record.expiresAt <= this.#clock.now() ? null : record
  }

  #makeRoom(bytes: number, now: number): void {
    if (this.#keptBytes + bytes > MAX_KEPT_BYTES) this.#sweep(now)
    if (this.#keptBytes + bytes > MAX_KEPT_BYTES)
      throw new RingsideError('unavailable', 'The store in memory takes no more records')
  }

  #sweep(now: number): void {
    this.#sweptAt = now
    for (const { key, expiresAt } of this.#records.values())
      if (expiresAt !== null && expiresAt <= now) this.#remove(key)
  }

  #remove(key: string): void {
    const record = this.#records.get(key)
    if (!record) return
    this.#records.delete(key)
    this.#keptBytes -= bytesOf(record)
    this.#keys = null
  }
}

function bytesOf({ key, value }: StoredRecord): number {
  return Buffer.byteLength(value) + key.length + OVERHEAD_BYTES
}
