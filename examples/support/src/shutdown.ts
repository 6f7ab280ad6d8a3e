import type { Logger } from '@ringside/server'

/** A drain that takes longer than this is given up, in ms. */
const MAX_CLOSE_MS = 15_000

/**
 * At SIGTERM or SIGINT: `close`, then the end of the process, with 0, or with 1 when `close` fails or
 * takes too long. Further signals change nothing: npm and the terminal may both hand on the same
 * Ctrl-C, and without a listener the second would kill the process in the middle of its drain.
 */
export function closeOnSignal(close: () => Promise<void>, logger: Logger): void {
  let isClosing = false
  const onSignal = (signal: string): void => {
    if (isClosing) return
    isClosing = true
    logger.info({ signal }, 'Closing')
    setTimeout(() => process.exit(1), MAX_CLOSE_MS).unref()
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'Close failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
