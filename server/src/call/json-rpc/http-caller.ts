import type { Principal } from '../public-contract.ts'
import { LateSignal } from '../../process/late-signal.ts'
import type { HttpRequest, HttpResponse } from '../../transport/contract.ts'
import type { PendingCalls, PrincipalCaller } from '../call.ts'

/** The sender of one request over HTTP. It is open until the request was answered or the client has gone. */
export class HttpCaller implements PrincipalCaller {
  readonly kind = 'principal'
  readonly principal: Principal
  readonly remoteAddress: string
  pending: PendingCalls | null = null
  readonly #response: HttpResponse
  readonly #signal = new LateSignal()

  constructor(principal: Principal, request: HttpRequest, response: HttpResponse) {
    this.principal = principal
    this.remoteAddress = request.remoteAddress
    this.#response = response
    response.onAborted(() => {
      this.pending?.abandon()
      this.#signal.abort()
    })
  }

  get isOpen(): boolean {
    return this.#response.isOpen
  }

  get signal(): AbortSignal {
    return this.#signal.of(!this.isOpen)
  }

  /**
   * A call of the request was answered `timeout`: what still runs for it is told so. The calls of a request
   * begin together, so that the time of one is the time of all.
   */
  outlived(): void {
    this.#signal.abort()
  }

  /** An address is limited by the number of its requests, good or bad. */
  strike(): void {}
}
