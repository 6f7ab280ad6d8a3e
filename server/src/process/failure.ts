import { isErrorCode } from '@ringside/protocol'
import { Rejection, RingsideError, clientText } from './errors.ts'
import type { Logger } from './logger.ts'

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

/** True for a promise, and for an object that only looks like one. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/**
 * Tells an error in one line for a log: name, message, code. A driver's own object holds the whole topology,
 * several KB with each try.
 */
export function briefOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Our error only says that the log is away; its cause says why.
  if (error instanceof RingsideError && error.cause instanceof Error) return briefOf(error.cause)
  const { code } = error as { readonly code?: unknown }
  const isTold = typeof code === 'number' || typeof code === 'string'
  return `${error.name}: ${error.message}${isTold ? ` (${code})` : ''}`
}

/** Tells the failures that the log itself reports once for all rooms and streams: it is away, given up, or taken. */
const TOLD_ONCE: ReadonlySet<string> = new Set(['unavailable', 'outbox_unreachable', 'room_taken'])

/** Warns of one room's or stream's failure, or tells it at debug where it is the log's (OB18). */
export function warnOf(
  logger: Logger,
  error: unknown,
  line: readonly [fields: object, message: string],
): void {
  const [fields, message] = line
  const level = error instanceof RingsideError && TOLD_ONCE.has(error.code) ? 'debug' : 'warn'
  logger[level]({ ...fields, err: briefOf(error) }, message)
}
