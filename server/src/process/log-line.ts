import { RingsideError } from './errors.ts'
import type { Logger } from './logger.ts'

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
