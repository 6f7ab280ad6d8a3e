import type { AskingRequest } from './asking-request.ts'
import { cookieIn } from './cookie.ts'
import type { Principal } from './principal.ts'

/** A request as the game's own code is asked about it: a handshake, a seat, a stream. It is a copy, and may be kept. */
export interface RequestFacts {
  readonly path: string
  readonly query: URLSearchParams
  /** Lower-case name; '' when absent. Several lines of one header are joined. */
  header(name: string): string
  /** One cookie as it was sent, percent-encoding and all; '' when it is absent, or there are several of the name. */
  cookie(name: string): string
  /** The page's, as the browser says; '' when there is none. */
  readonly origin: string
  readonly remoteAddress: string
  /** Who asks, by key, token or cookie. */
  readonly principal: Principal
}

/** The facts of a request that was copied from its transport. */
export function factsOf(
  request: Omit<AskingRequest, 'method'> & { readonly path: string },
  principal: Principal,
): RequestFacts {
  return new CopiedFacts(request, principal)
}

class CopiedFacts implements RequestFacts {
  readonly principal: Principal
  readonly #request: Omit<AskingRequest, 'method'> & { readonly path: string }

  constructor(
    request: Omit<AskingRequest, 'method'> & { readonly path: string },
    principal: Principal,
  ) {
    this.#request = request
    this.principal = principal
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

  get origin(): string {
    return this.header('origin')
  }

  header(name: string): string {
    return this.#request.header(name)
  }

  cookie(name: string): string {
    try {
      return cookieIn(this.header('cookie'), name)
    } catch {
      return ''
    }
  }
}
