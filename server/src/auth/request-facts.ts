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

/**
 * The facts of a request that was copied from its transport, for every hook the same (AU37). Its functions may be taken out
 * of it, and what a hook does to its query changes no other.
 */
export function factsOf(
  request: Omit<AskingRequest, 'method'> & { readonly path: string },
  principal: Principal,
): RequestFacts {
  const { path, remoteAddress } = request
  const header = (name: string): string => request.header(name)
  return Object.freeze({
    path,
    query: new URLSearchParams(request.query),
    remoteAddress,
    principal,
    header,
    origin: header('origin'),
    cookie(name: string) {
      try {
        return cookieIn(header('cookie'), name)
      } catch {
        return ''
      }
    },
  })
}
