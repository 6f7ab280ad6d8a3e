import { MongoBulkWriteError, MongoServerError } from 'mongodb'

const DUPLICATE_KEY = 11000
/** Codes of a document that can never be stored: invalid, or too large. */
const REFUSED = new Set([
  2, // BadValue
  9, // FailedToParse
  121, // DocumentValidationFailure
  10334, // BSONObjectTooLarge
  17280, // key too large to index
  17419, // resulting document too large
  17420,
])

/** What a failed insert says of the documents of its batch. */
export type WriteVerdict =
  | { readonly kind: 'duplicate'; readonly index: number }
  | { readonly kind: 'refused'; readonly index: number }
  | { readonly kind: 'unknown' }

/**
 * Reads the error of an ordered insert. Only a reply that says what became of each document, without
 * a writeConcernError, is believed: a write concern that failed leaves even the documents before a
 * duplicate key open to be rolled back (OB2).
 */
export function readVerdict(error: unknown): WriteVerdict {
  if (!(error instanceof MongoBulkWriteError)) return verdictOf(error, 0)
  if (error.result.getWriteConcernError()) return { kind: 'unknown' }
  const failures = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors]
  const [first] = failures
  if (!first) return { kind: 'unknown' }
  return verdictOf(first, first.index)
}

function verdictOf(failure: unknown, index: number): WriteVerdict {
  const code = (failure as { code?: unknown }).code
  if (failure instanceof MongoServerError && failure.hasErrorLabel('TransientTransactionError'))
    return { kind: 'unknown' }
  if (code === DUPLICATE_KEY) return { kind: 'duplicate', index }
  if (typeof code === 'number' && REFUSED.has(code)) return { kind: 'refused', index }
  return { kind: 'unknown' }
}
