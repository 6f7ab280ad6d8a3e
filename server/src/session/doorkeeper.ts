import { errorCodes, isErrorCode } from '@ringside/protocol'
import type { Authenticator } from '../auth/authenticator.ts'
import type { Principal } from '../auth/principal.ts'
import { factsOf } from '../auth/request-facts.ts'
import type { RequestFacts } from '../auth/request-facts.ts'
import { AddressCount } from '../limit/address-count.ts'
import type { Clock } from '../process/clock.ts'
import { RingsideError } from '../process/errors.ts'
import type { ServerLimits } from '../process/limits.ts'
import type { Logger } from '../process/logger.ts'
import { isPromise } from '../process/promise.ts'
import { refusalOf } from '../process/refusal.ts'
import { runFrom } from '../process/uncaught.ts'
import { within } from '../process/wait.ts'
import type { UpgradeRequest } from '../transport/contract.ts'

/** A handshake, of which the game decides. */
export interface ConnectionRequest extends RequestFacts {
  /** Aborts once the answer is waited for no longer, after `hookTimeoutMs`. Pass it to what authorizeConnection asks. */
  readonly signal: AbortSignal
}

/** Decides on a handshake; see the option `authorizeConnection`. */
export type AuthorizeConnection = (request: ConnectionRequest) => unknown

/** What a handshake has brought. */
export interface Admitted {
  readonly principal: Principal
  /** Of authorizeConnection; undefined where nobody was asked. */
  readonly auth: unknown
}

export interface Refused {
  readonly status: number
  readonly code: string
}

export interface DoorkeeperParts {
  readonly authenticator: Pick<Authenticator, 'authenticate' | 'refreshBy' | 'watch' | 'anonymous'>
  readonly authorize: AuthorizeConnection | null
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Pick<
    ServerLimits,
    'hookTimeoutMs' | 'maxPendingHandshakes' | 'maxPendingHandshakesPerIp'
  >
}

/**
 * Says who a handshake is from, and asks the game whether they may come in (AU33). A handshake that has to wait for
 * either holds what it has copied, so there are only so many of them, and none for long (AU34).
 */
export class Doorkeeper {
  readonly #parts: DoorkeeperParts
  readonly #perAddress: AddressCount
  #pendingCount = 0

  constructor(parts: DoorkeeperParts) {
    this.#parts = parts
    this.#perAddress = new AddressCount(parts.limits.maxPendingHandshakesPerIp)
  }

  get pendingCount(): number {
    return this.#pendingCount
  }

  get anonymous(): Principal {
    return this.#parts.authenticator.anonymous
  }

  /** Calls `listener` when what this one may do has changed or is over, until the returned function is called. */
  watch(principal: Principal, listener: () => void): () => void {
    return this.#parts.authenticator.watch(principal, listener)
  }

  /** @throws RingsideError as Authenticator.refreshBy. */
  refresh(current: Principal, token: string, remoteAddress: string): Promise<Principal> {
    return this.#parts.authenticator.refreshBy(current, token, remoteAddress)
  }

  /**
   * Nothing of the request is looked at after this has returned, but for copies. Null: nobody known, and nobody is asked.
   * The promise never rejects.
   */
  admit(request: UpgradeRequest): Admitted | Refused | Promise<Admitted | Refused> | null {
    const { authenticator, authorize, limits } = this.#parts
    const { remoteAddress, path } = request
    let query: URLSearchParams | null = null
    const asked = {
      path,
      method: 'GET',
      remoteAddress,
      header: (name: string) => request.header(name),
      get query() {
        return (query ??= new URLSearchParams(request.query))
      },
    }
    try {
      const given = authenticator.authenticate(asked)
      if (authorize === null && !isPromise(given))
        return given === authenticator.anonymous ? null : { principal: given, auth: undefined }
      // A token that is checked for nothing is bounded by itself (AU27).
      if (isPromise(given)) given.catch(() => {})
      if (this.#perAddress.isFull(remoteAddress)) return refused('too_many_requests')
      if (this.#pendingCount >= limits.maxPendingHandshakes) return refused('unavailable')
      const headers = authorize === null ? null : request.copyHeaders()
      const copy = {
        path,
        query: asked.query,
        remoteAddress,
        header: (name: string) => headers?.get(name) ?? '',
      }
      return this.#pending(remoteAddress, (signal) => this.#ask(given, copy, signal))
    } catch (error) {
      return this.#refusal(error)
    }
  }

  async #ask(
    given: Principal | Promise<Principal>,
    copy: Parameters<typeof factsOf>[0],
    signal: AbortSignal,
  ): Promise<Admitted> {
    const principal = await given
    const { authorize } = this.#parts
    if (authorize === null) return { principal, auth: undefined }
    const request: ConnectionRequest = { ...factsOf(copy, principal), signal }
    const auth = await runFrom({ where: 'authorizeConnection' }, () => authorize(request))
    if (auth === false) throw new RingsideError('auth_failed', 'The game refused the connection')
    return { principal, auth }
  }

  async #pending(
    remoteAddress: string,
    ask: (signal: AbortSignal) => Promise<Admitted>,
  ): Promise<Admitted | Refused> {
    const { clock, limits } = this.#parts
    const abort = new AbortController()
    this.#pendingCount++
    this.#perAddress.add(remoteAddress)
    let answer: Admitted | Refused = refused('timeout')
    const asking = ask(abort.signal).then(
      (admitted) => void (answer = admitted),
      (error: unknown) => {
        // What it comes to after its time is not looked at.
        if (!abort.signal.aborted) answer = this.#refusal(error)
      },
    )
    if (!(await within(clock, limits.hookTimeoutMs, asking))) answer = refused('timeout')
    abort.abort()
    this.#pendingCount--
    this.#perAddress.release(remoteAddress)
    return answer
  }

  #refusal(error: unknown): Refused {
    const meant = refusalOf(error)
    if (meant === null) {
      this.#parts.logger.error({ err: error }, 'authorizeConnection failed')
      return refused('internal')
    }
    return refused(meant.code)
  }
}

/** Codes of the game's own are 403, as is what says no more than that. */
function refused(code: string): Refused {
  const status = isErrorCode(code) ? errorCodes[code].status : 403
  return { status, code }
}
