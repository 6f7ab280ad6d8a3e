import type { Principal } from '../../auth/principal.ts'
import type { AddressCount } from '../../limit/address-count.ts'
import type { HttpResponse } from '../../transport/contract.ts'
import type { PendingCalls, PrincipalCaller } from '../call.ts'
import type { AnswerSpace } from './answer-space.ts'

/** The parts that a caller is made of. */
export interface HttpCallerParts {
  readonly principal: Principal
  readonly remoteAddress: string
  readonly response: HttpResponse
  /** Bytes of answers that wait for the rest of their batches. */
  readonly held: AddressCount
}

/** The sender of one request over HTTP. It is open until the request was answered or the client has gone. */
export class HttpCaller implements PrincipalCaller, AnswerSpace {
  readonly kind = 'principal'
  readonly principal: Principal
  readonly remoteAddress: string
  pending: PendingCalls | null = null
  readonly #response: HttpResponse
  /** Bytes of each address: one sender may have many requests open. */
  readonly #held: AddressCount
  #heldBytes = 0

  constructor({ principal, remoteAddress, response, held }: HttpCallerParts) {
    this.principal = principal
    this.remoteAddress = remoteAddress
    this.#response = response
    this.#held = held
    response.onAborted(() => {
      this.pending?.abandon()
      this.free(this.#heldBytes)
    })
  }

  get isOpen(): boolean {
    return this.#response.isOpen
  }

  take(bytes: number): boolean {
    if (!this.#held.hasRoomFor(this.remoteAddress, bytes)) return false
    this.#held.add(this.remoteAddress, bytes)
    this.#heldBytes += bytes
    return true
  }

  free(bytes: number): void {
    this.#held.release(this.remoteAddress, bytes)
    this.#heldBytes -= bytes
  }

  /** An address is limited by the number of its requests, good or bad. */
  strike(): void {}
}
