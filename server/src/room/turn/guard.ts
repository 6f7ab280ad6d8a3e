import type { Logger } from '../../process/logger.ts'

/** Different failures remembered per room, so that a hook failing 30 times a second logs once. */
const MAX_REMEMBERED = 50

/**
 * Runs game code so that what it throws ends neither the room nor the process (RM4): each
 * different failure is logged once, with its stack, and handed to `onError`.
 */
export class HookGuard {
  readonly #log: Logger
  readonly #onError: (error: unknown, where: string) => void
  readonly #seen = new Set<string>()

  constructor(log: Logger, onError: (error: unknown, where: string) => void) {
    this.#log = log
    this.#onError = onError
  }

  /** Calls the hook; false when it threw. */
  run(where: string, hook: () => void): boolean {
    try {
      hook()
      return true
    } catch (error) {
      this.report(error, where)
      return false
    }
  }

  report(error: unknown, where: string): void {
    const key = `${where}: ${error instanceof Error ? error.message : String(error)}`
    if (!this.#seen.has(key) && this.#seen.size < MAX_REMEMBERED) {
      this.#seen.add(key)
      this.#log.error({ err: error, where }, 'room hook failed')
    }
    try {
      this.#onError(error, where)
    } catch (second) {
      this.#log.error({ err: second, where: 'onError' }, 'room hook failed')
    }
  }
}
