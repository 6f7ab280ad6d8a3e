import type { Clock } from '../../process/clock.ts'
import { FailureLog } from '../../process/failure-log.ts'
import { isPromise } from '../../process/promise.ts'
import { runFrom } from '../../process/uncaught.ts'
import type { Origin } from '../../process/uncaught.ts'
import type { Logger } from '../../process/logger.ts'
import type { RoomContext } from '../context.ts'

/** Notices code that runs for too long (ME2). */
export type TurnWatch = Pick<RoomContext, 'enter' | 'ran'>

export interface HookGuardParts {
  readonly roomId: string
  readonly log: Logger
  readonly clock: Clock
  readonly watch: TurnWatch
  /** The game's own `onError`. */
  readonly onError: (error: unknown, where: string) => unknown
}

/**
 * Runs game code so that a throw of it, or a rejection of its promise, ends neither the room nor the process
 * (RM4): each failure is handed to `onError`, and its kind is logged once a minute, with its stack.
 */
export class HookGuard {
  readonly #parts: HookGuardParts
  readonly #failures: FailureLog
  /** One for each hook and command of the type, so that a command allocates none. */
  readonly #origins = new Map<string, Origin>()

  constructor(parts: HookGuardParts) {
    this.#parts = parts
    this.#failures = new FailureLog(parts.log, parts.clock, { roomId: parts.roomId })
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
    const beganAt = this.begin(where)
    try {
      const result = runFrom(this.from(where), hook)
      if (!isPromise(result)) return null
      return Promise.resolve(result).then(
        () => {},
        (error: unknown) => this.report(error, where),
      )
    } catch (error) {
      this.report(error, where)
      return null
    } finally {
      this.ended(where, beganAt)
    }
  }

  /** What code of the room leaves behind is traced to this. */
  from(where: string): Origin {
    let origin = this.#origins.get(where)
    if (origin === undefined) {
      origin = { where, report: this.#reportLate }
      this.#origins.set(where, origin)
    }
    return origin
  }

  readonly #reportLate = (error: unknown, where: string): void => this.report(error, where)

  /** Code of the room begins; the result is the time, for `ended`. */
  begin(where: string): number {
    const { roomId, watch } = this.#parts
    return watch.enter(roomId, where)
  }

  /** It has returned, or thrown. */
  ended(where: string, beganAt: number): void {
    const { roomId, watch } = this.#parts
    watch.ran(roomId, where, beganAt)
  }

  /** The room is over: what was only counted is told. */
  flush(): void {
    this.#failures.flush()
  }

  report(error: unknown, where: string): void {
    this.#log(error, where)
    try {
      const told = this.#parts.onError(error, where)
      if (isPromise(told))
        Promise.resolve(told).catch((second: unknown) => this.#log(second, 'onError'))
    } catch (second) {
      this.#log(second, 'onError')
    }
  }

  #log(error: unknown, where: string): void {
    const { roomId } = this.#parts
    this.#failures.error(where, [{ err: error, roomId, where }, 'room hook failed'])
  }
}
