import type { Logger } from '@ringside/server'

/** A drain that takes longer than this is given up, in ms. */
const MAX_CLOSE_MS = 20_000

/**
 * Calls `close` at SIGTERM or SIGINT, then ends the process, with 0, or with 1 when `close` fails or
 * takes too long. Further signals change nothing: npm and the terminal may both hand on the same
 * Ctrl-C, and without a listener the second would kill the process in the middle of its drain. Once `dead`
 * resolves (`onDead` of the server) the reason is printed in one line, and the end is the same, with 1: the
 * supervisor of the process starts another.
 */
export function closeOnSignal(
  close: () => Promise<void>,
  logger: Logger,
  dead?: Promise<Error>,
): void {
  let isClosing = false
  const begin = (): boolean => {
    if (isClosing) return false
    isClosing = true
    setTimeout(() => process.exit(1), MAX_CLOSE_MS).unref()
    return true
  }
  void dead?.then(async (cause) => {
    if (!begin()) return
    process.stderr.write(`${cause.message}. This server ends: start it again\n`)
    // The reason has said what is lost.
    await close().catch(() => {})
    process.exit(1)
  })
  const onSignal = (signal: string): void => {
    if (!begin()) return
    logger.info({ signal }, 'Closing')
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
