import { RingsideError } from '../../process/errors.ts'
import type { RecordQuery, RecordWrite } from '../contract/store.ts'

const MAX_KEY_LENGTH = 512
const MAX_VALUE_BYTES = 256 * 1024
const MAX_LIMIT = 1_000
/** A page of records ends with the one that reaches so many bytes of values. */
export const RECORD_PAGE_BYTES = 4 * 1024 * 1024

/** Above every character that a key may have: a prefix with it behind is above all keys with the prefix. */
export const KEY_END = '\x7f'
// In this alphabet the order of JavaScript's strings and that of a database's bytes are one.
const KEY = /^[\x21-\x7e]*$/

/** @throws RingsideError record_invalid for a key that no store may be given. */
export function checkKey(key: string): void {
  if (typeof key !== 'string' || key.length === 0) throw invalid('Expected a key, got none')
  checkPrefix(key)
}

/** @throws RingsideError record_invalid for a write that no store may be given. */
export function checkWrite({ key, value, ifVersion, expiresAt = null }: RecordWrite): void {
  checkKey(key)
  checkVersion(ifVersion, 0)
  const bytes = typeof value === 'string' ? Buffer.byteLength(value) : Number.NaN
  if (!(bytes <= MAX_VALUE_BYTES))
    throw invalid(`Expected a value of at most ${MAX_VALUE_BYTES} bytes, got ${bytes}`)
  if (expiresAt !== null && !(Number.isSafeInteger(expiresAt) && expiresAt >= 0))
    throw invalid(`Expected an expiry in whole ms, got ${expiresAt}`)
}

/** @throws RingsideError record_invalid for a query that no store may be given. */
export function checkQuery({ prefix, after = '', limit }: RecordQuery): void {
  checkPrefix(prefix)
  checkPrefix(after)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw invalid(`Expected a limit of 1 to ${MAX_LIMIT}, got ${limit}`)
}

/** @throws RingsideError record_invalid for what is no version of a record that is there. */
export function checkVersion(version: number, least = 1): void {
  if (!Number.isSafeInteger(version) || version < least)
    throw invalid(`Expected a version from ${least}, got ${version}`)
}

/**
 * Gives versions to records. They are times of the store in ms x 1000 that only grow within a process: a record
 * that is made anew has a higher version than one of its key that was deleted, though nothing of that one is kept.
 */
export class RecordVersions {
  #last = 0

  /** @param now the store's time in ms. */
  after(ifVersion: number, now: number): number {
    this.#last = Math.max(this.#last, ifVersion, now * 1000) + 1
    return this.#last
  }
}

function checkPrefix(text: string): void {
  if (typeof text !== 'string' || text.length > MAX_KEY_LENGTH || !KEY.test(text))
    throw invalid(`Expected at most ${MAX_KEY_LENGTH} printable ASCII characters as a key`)
}

function invalid(message: string): RingsideError {
  return new RingsideError('record_invalid', message)
}
