import { MongoBulkWriteError } from 'mongodb'

const DUPLICATE_KEY = 11000
/** A document that is refused with one of these codes can never be stored: it is invalid, or too large. */
const REFUSED = new Set([
  2, // BadValue
  9, // FailedToParse
  121, // DocumentValidationFailure
  10334, // BSONObjectTooLarge
  17280, // key too large to index
  17419, // resulting document too large
  17420,
])

/** The verdict of a failed insert on the documents of its batch. */
export type WriteVerdict =
  | { readonly kind: 'duplicate'; readonly index: number }
  | { readonly kind: 'refused'; readonly index: number }
  | { readonly kind: 'unknown' }

/**
 * Reads the error of an ordered insert. Only a reply that says what became of each document, without
 * a writeConcernError, is believed: a write concern that failed leaves even the documents before a
 * duplicate key open to be rolled back (OB41).
 */
export function readVerdict(error: unknown): WriteVerdict {
  // Any other error (of a network, a primary that stepped down, a command that failed as a whole) names no document.
  if (!(error instanceof MongoBulkWriteError)) return { kind: 'unknown' }
  if (error.result.getWriteConcernError()) return { kind: 'unknown' }
  if (error.hasErrorLabel('TransientTransactionError')) return { kind: 'unknown' }
  const [first] = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors]
  if (first?.code === DUPLICATE_KEY) return { kind: 'duplicate', index: first.index }
  if (first && REFUSED.has(first.code)) return { kind: 'refused', index: first.index }
  return { kind: 'unknown' }
}
