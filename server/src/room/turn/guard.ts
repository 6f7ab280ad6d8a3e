import { isPromise } from '../../process/promise.ts'
import type { Logger } from '../../process/logger.ts'

/** Different failures remembered per room, so that a hook failing 30 times a second logs once. */
const MAX_REMEMBERED = 50

export interface HookGuardParts {
  readonly roomId: string
  readonly log: Logger
  /** The game's own `onError`. */
  readonly onError: (error: unknown, where: string) => unknown
}

/**
 * Runs game code so that a throw of it, or a rejection of its promise, ends neither the room nor the process
 * (RM4): each different failure is logged once, with its stack, and handed to `onError`.
 */
export class HookGuard {
  readonly #parts: HookGuardParts
  readonly #seen = new Set<string>()

  constructor(parts: HookGuardParts) {
    this.#parts = parts
  }

  /** Calls a hook that is done when it returns. If it returns a promise all the same, nobody waits for that. */
  run(where: string, hook: () => unknown): void {
    void this.start(where, hook)
  }

  /**
   * Calls a hook that may be async. Returns a promise that resolves once the hook's own has settled, however, or
   * null for a hook that is done.
   */
  start(where: string, hook: () => unknown): Promise<void> | null {
    try {
      const result = hook()
      if (!isPromise(result)) return null
      return Promise.resolve(result).then(
        () => {},
        (error: unknown) => this.report(error, where),
      )
    } catch (error) {
      this.report(error, where)
      return null
    }
  }

  report(error: unknown, where: string): void {
    const key = `${where}: ${error instanceof Error ? error.message : String(error)}`
    if (!this.#seen.has(key) && this.#seen.size < MAX_REMEMBERED) {
      this.#seen.add(key)
      this.#log(error, where)
    }
    try {
      const told = this.#parts.onError(error, where)
      if (isPromise(told))
        Promise.resolve(told).catch((second: unknown) => this.#log(second, 'onError'))
    } catch (second) {
      this.#log(second, 'onError')
    }
  }

  #log(error: unknown, where: string): void {
    const { log, roomId } = this.#parts
    log.error({ err: error, roomId, where }, 'room hook failed')
  }
}
