import { RingsideError, TooManyRequests } from '../process/errors.ts'
import type { ServerLimits } from '../process/limits.ts'
import type { HttpRequest } from '../transport/contract.ts'
import { AddressCount } from './address-count.ts'

const RETRY_AFTER_MS = 1_000

/**
 * Bounds the bodies that are on their way (LI9): each may hold as many bytes as its route takes, for as long as the
 * transport waits for it.
 */
export class BodyGate {
  readonly #maxBodies: number
  readonly #perAddress: AddressCount
  #count = 0

  constructor(limits: Pick<ServerLimits, 'maxBodies' | 'maxBodiesPerIp'>) {
    this.#maxBodies = limits.maxBodies
    this.#perAddress = new AddressCount(limits.maxBodiesPerIp)
  }

  /** The request as its handler gets it. */
  around(request: HttpRequest): HttpRequest {
    return new GatedRequest(this, request)
  }

  /**
   * Reads the body.
   * @throws RingsideError too_many_requests, unavailable; as HttpRequest.body.
   */
  async read(request: HttpRequest, maxBytes: number): Promise<Uint8Array> {
    const { remoteAddress } = request
    if (this.#perAddress.isFull(remoteAddress)) throw new TooManyRequests(RETRY_AFTER_MS)
    if (this.#count >= this.#maxBodies)
      throw new RingsideError('unavailable', 'Too many requests are being read')
    this.#count++
    this.#perAddress.add(remoteAddress)
    try {
      return await request.body(maxBytes)
    } finally {
      this.#count--
      this.#perAddress.release(remoteAddress)
    }
  }
}

class GatedRequest implements HttpRequest {
  readonly #gate: BodyGate
  readonly #request: HttpRequest

  constructor(gate: BodyGate, request: HttpRequest) {
    this.#gate = gate
    this.#request = request
  }

  get method(): string {
    return this.#request.method
  }

  get path(): string {
    return this.#request.path
  }

  get query(): URLSearchParams {
    return this.#request.query
  }

  get remoteAddress(): string {
    return this.#request.remoteAddress
  }

  header(name: string): string {
    return this.#request.header(name)
  }

  body(maxBytes: number): Promise<Uint8Array> {
    return this.#gate.read(this.#request, maxBytes)
  }
}
