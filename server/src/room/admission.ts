import { errorCodes } from '@ringside/protocol'
import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import { refusalOf } from '../process/refusal.ts'
import { runFrom } from '../process/uncaught.ts'
import type { JoinRequest, Room } from './definition.ts'
import type { HookGuard } from './turn/guard.ts'
import type { LooseHandlers } from './type.ts'

export interface AdmissionParts {
  /** The room as onAuth gets it. */
  readonly face: Room
  readonly onAuth: LooseHandlers['onAuth']
  readonly guard: HookGuard
  readonly clock: Clock
  /** onAuth is waited for so long, in ms. */
  readonly timeoutMs: number
}

/**
 * Asks a game whether somebody may have a seat, and waits for its answer `timeoutMs` at most (RM37): a service that hangs
 * would hold every request that it is asked about. What comes later counts for nothing, and is not looked at.
 */
export class Admission {
  readonly #parts: AdmissionParts

  constructor(parts: AdmissionParts) {
    this.#parts = parts
  }

  /**
   * Resolves with what becomes of `session.auth`. `gone` aborts when nobody waits for the answer any more.
   * @throws a refusal as the game meant it; RingsideError timeout, aborted, or `internal` for anything else, which is
   * reported here.
   */
  ask(request: Omit<JoinRequest, 'signal'>, gone: AbortSignal | null): Promise<unknown> {
    const { face, onAuth, guard, clock, timeoutMs } = this.#parts
    if (!onAuth) return Promise.resolve(undefined)
    return new Promise((resolve, reject) => {
      const abort = new AbortController()
      const settle = (): void => {
        cancelTimer()
        gone?.removeEventListener('abort', onGone)
      }
      const giveUp = (code: 'timeout' | 'aborted'): void => {
        settle()
        reject(new RingsideError(code))
        abort.abort()
      }
      const onGone = (): void => giveUp('aborted')
      const cancelTimer = clock.after(timeoutMs, () => giveUp('timeout'))
      gone?.addEventListener('abort', onGone)
      const answer = async (): Promise<unknown> =>
        runFrom(guard.from('onAuth'), () => onAuth(face, { ...request, signal: abort.signal }))
      answer().then(
        (auth) => {
          settle()
          resolve(auth)
        },
        (error: unknown) => {
          if (abort.signal.aborted) return
          settle()
          reject(this.#refusal(error))
        },
      )
    })
  }

  #refusal(error: unknown): unknown {
    if (refusalOf(error)) return error
    this.#parts.guard.report(error, 'onAuth')
    return new RingsideError('internal', errorCodes.internal.text)
  }
}
