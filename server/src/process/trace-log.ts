import type { Logger } from './logger.ts'
import { currentTrace } from './uncaught.ts'

/** Adds `traceparent` to every line that is logged for a request that has one (HT42). */
export function traceLogger(logger: Logger): Logger {
  const traced = (fields: object): object => {
    const traceparent = currentTrace()
    return traceparent === null ? fields : { ...fields, traceparent }
  }
  return {
    debug: (fields, message) => logger.debug(traced(fields), message),
    info: (fields, message) => logger.info(traced(fields), message),
    warn: (fields, message) => logger.warn(traced(fields), message),
    error: (fields, message) => logger.error(traced(fields), message),
  }
}
