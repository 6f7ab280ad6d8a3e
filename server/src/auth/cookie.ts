import { checkMembers, invalid, shownText } from '../process/argument.ts'
import { RingsideError } from '../process/errors.ts'
import type { AskingRequest } from './asking-request.ts'

/** A cookie may carry a token. */
export interface CookieOptions {
  /** Its name; one that begins with `__Host-` no page of a neighbouring host can set. */
  readonly name: string
}

/** RFC 6265 section 4.1.1: a token of HTTP. */
const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/
/** RFC 9110 section 9.2.1. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** @throws RingsideError option_invalid. */
export function checkCookie(options: unknown): CookieOptions {
  checkMembers('a member of cookie', options, ['name'])
  const { name } = options as CookieOptions
  if (typeof name !== 'string' || !NAME.test(name))
    throw invalid(`Expected cookie.name like '__Host-token', got ${shownText(name)}`)
  return { name }
}

/**
 * Reads one cookie of a header `Cookie`; '' when it is not there. Two of the name are none: which of them is whose
 * cannot be told, and a neighbouring host can add one.
 * @throws RingsideError unauthorized for two of them.
 */
export function cookieIn(header: string, name: string): string {
  let found: string | null = null
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at < 0 || pair.slice(0, at).trim() !== name) continue
    if (found !== null)
      throw new RingsideError('unauthorized', `Two cookies have the name '${name}'`)
    const value = pair.slice(at + 1).trim()
    // RFC 6265 section 4.1.1 allows quotes around it.
    found = /^".*"$/.test(value) ? value.slice(1, -1) : value
  }
  return found ?? ''
}

/**
 * Did a page of ours send this, or no page at all? Browsers add a cookie to what any page asks for, so that alone it
 * says nothing (AU30). They name the page's origin in all that changes something, and in a handshake; newer ones say of
 * every request whether the page is of the same origin.
 */
export function isOwnPage(
  request: AskingRequest,
  isTrusted: (origin: string, host: string) => boolean,
): boolean {
  const origin = request.header('origin')
  if (origin !== '') return isTrusted(origin, request.header('host'))
  const site = request.header('sec-fetch-site')
  if (site !== '') return site === 'same-origin' || site === 'none'
  return SAFE_METHODS.has(request.method)
}

/** True when the request may change something. */
export function mayChange({ method }: AskingRequest): boolean {
  return !SAFE_METHODS.has(method)
}
