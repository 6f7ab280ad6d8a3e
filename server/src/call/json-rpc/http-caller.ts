import type { Principal } from '../public-contract.ts'
import type { HttpRequest, HttpResponse } from '../../transport/contract.ts'
import type { PendingCalls, PrincipalCaller } from '../call.ts'

/** The sender of one request over HTTP. It is open until the request was answered or the client has gone. */
export class HttpCaller implements PrincipalCaller {
  readonly kind = 'principal'
  readonly principal: Principal
  readonly remoteAddress: string
  pending: PendingCalls | null = null
  readonly #response: HttpResponse

  constructor(principal: Principal, request: HttpRequest, response: HttpResponse) {
    this.principal = principal
    this.remoteAddress = request.remoteAddress
    this.#response = response
    response.onAborted(() => this.pending?.abandon())
  }

  get isOpen(): boolean {
    return this.#response.isOpen
  }

  /** An address is limited by the number of its requests, good or bad. */
  strike(): void {}
}
