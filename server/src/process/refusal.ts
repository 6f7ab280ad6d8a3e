import { isErrorCode } from '@ringside/protocol'
import { Rejection, RingsideError, clientText } from './errors.ts'

/** A client is told this about a refused command. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

/**
 * The refusal that a handler meant by throwing; null when it did not mean one: then the error is a
 * bug, to be logged, and none of its text reaches the client.
 */
export function refusalOf(error: unknown): Refusal | null {
  const isForClient =
    error instanceof Rejection ||
    (error instanceof RingsideError && error.code !== 'internal' && isErrorCode(error.code))
  return isForClient ? { code: error.code, message: clientText(error.message) } : null
}
