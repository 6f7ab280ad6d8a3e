import type { Principal } from '../../call/contract.ts'
import type { HttpRequest, HttpResponse } from '../../transport/contract.ts'
import type { PendingCalls, PrincipalCaller } from '../call.ts'

/** The sender of one request over HTTP. It is open until the request was answered or the client has gone. */
export class HttpCaller implements PrincipalCaller {
  readonly kind = 'principal'
  readonly principal: Principal
  readonly remoteAddress: string
  pending: PendingCalls | null = null
  readonly #response: HttpResponse
  #abort: AbortController | null = null

  constructor(principal: Principal, request: HttpRequest, response: HttpResponse) {
    this.principal = principal
    this.remoteAddress = request.remoteAddress
    this.#response = response
    response.onAborted(() => {
      this.pending?.abandon()
      this.#abort?.abort()
    })
  }

  get isOpen(): boolean {
    return this.#response.isOpen
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (!this.isOpen) this.#abort.abort()
    }
    return this.#abort.signal
  }

  /**
   * A call of the request was answered `timeout`: what still runs for it is told so. The calls of a request
   * begin together, so that the time of one is the time of all.
   */
  outlived(): void {
    this.#abort?.abort()
  }

  /** An address is limited by the number of its requests, good or bad. */
  strike(): void {}
}
