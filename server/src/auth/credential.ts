import { RingsideError } from '../process/errors.ts'
import type { AskingRequest } from './asking-request.ts'
import { cookieIn, isOwnPage, mayChange } from './cookie.ts'

/** What a request says of who asks; it is not checked yet. */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'key'; readonly text: string }
  | { readonly kind: 'token'; readonly text: string }

export interface CredentialRules {
  /** The name of the cookie that may carry a token; null: none may. */
  readonly cookie: string | null
  /** `?token=` and `?apikey=` count. */
  readonly allowQuery: boolean
  /** True for the server's own host, and for origins that were named one by one or by their domain, never by `*`. */
  readonly isTrusted: (origin: string, host: string) => boolean
}

const NONE: Credential = Object.freeze({ kind: 'none' })
const BEARER = /^bearer +(?<text>\S+)$/i
const MAX_PARAMETER = 1

/**
 * Finds what a request says of who asks: a key, else a token in `Authorization`, else one in the query, else a cookie,
 * which the browser adds by itself. One that is malformed is refused, and never taken for none.
 * @throws RingsideError unauthorized; forbidden for a cookie with which a foreign page would change something.
 */
export function credentialOf(request: AskingRequest, rules: CredentialRules): Credential {
  const key = request.header('x-api-key')
  if (key !== '') return { kind: 'key', text: key }
  const authorization = request.header('authorization')
  // Other schemes are those of a proxy in front.
  if (/^bearer\b/i.test(authorization)) {
    const text = BEARER.exec(authorization)?.groups?.['text']
    if (text === undefined) throw new RingsideError('unauthorized')
    return { kind: 'token', text }
  }
  return (rules.allowQuery ? inQuery(request.query) : null) ?? inCookie(request, rules)
}

function inQuery(query: URLSearchParams): Credential | null {
  const keys = query.getAll('apikey')
  const tokens = query.getAll('token')
  if (keys.length + tokens.length > MAX_PARAMETER)
    throw new RingsideError('unauthorized', 'Expected one token or key')
  if (keys[0] !== undefined) return { kind: 'key', text: keys[0] }
  return tokens[0] === undefined ? null : { kind: 'token', text: tokens[0] }
}

function inCookie(request: AskingRequest, { cookie, isTrusted }: CredentialRules): Credential {
  if (cookie === null) return NONE
  const text = cookieIn(request.header('cookie'), cookie)
  if (text === '') return NONE
  if (isOwnPage(request, isTrusted)) return { kind: 'token', text }
  if (mayChange(request))
    throw new RingsideError('forbidden', 'A page of another origin may not use the cookie')
  return NONE
}
