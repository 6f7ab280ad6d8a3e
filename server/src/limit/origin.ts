import { kindOf } from '@ringside/protocol'
import { invalid, shownText } from '../process/argument.ts'
import { HostPatterns, readHostPattern } from './host-pattern.ts'
import type { HostPattern } from './host-pattern.ts'

/** These may connect from a browser: the server's own host, and the origins of the list. */
export interface OriginOptions {
  /**
   * `https://example.com` (with a port when it is not the scheme's own); `https://*.example.com` for every
   * subdomain, at any depth, but not `https://example.com`; `*` allows all.
   */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Refuses requests that carry no Origin header. Default false: they are not from a browser. */
  readonly requireOrigin?: boolean | undefined
}

/** Decides by the Origin and Host headers; '' = absent. */
export type OriginCheck = (origin: string, host: string) => boolean

/**
 * Makes the one check of origins, for handshakes, CORS and feeds alike.
 * @throws RingsideError option_invalid for an entry that no browser's Origin header could equal (SE37).
 */
export function createOriginCheck(options: OriginOptions = {}): OriginCheck {
  const { requireOrigin = false } = options
  if (typeof requireOrigin !== 'boolean')
    throw invalid(`Expected requireOrigin as true or false, got ${kindOf(requireOrigin)}`)
  const entries = checkList(options.allowedOrigins)
  const allowsAll = entries.includes('*')
  const allowed = new HostPatterns(entries.filter((entry) => entry !== '*').map(readOrigin))
  return (origin, host) => {
    if (origin === '') return !requireOrigin
    if (allowsAll || allowed.has(origin)) return true
    const own = hostOf(origin.toLowerCase())
    return own !== '' && own === host.toLowerCase()
  }
}

/**
 * The check of origins whose pages may act as whoever looks at them: the server's own host, and those that were named,
 * never `*` (AU31). A request without an Origin is none of theirs.
 * @throws RingsideError as {@link createOriginCheck}.
 */
export function createTrustCheck({ allowedOrigins = [] }: OriginOptions = {}): OriginCheck {
  const named = checkList(allowedOrigins).filter((entry) => entry !== '*')
  return createOriginCheck({ allowedOrigins: named, requireOrigin: true })
}

function checkList(entries: unknown = []): readonly string[] {
  if (!Array.isArray(entries))
    throw invalid(`Expected allowedOrigins as a list of origins, got ${kindOf(entries)}`)
  return entries as readonly string[]
}

/** Reads one entry of the list; what it says of a wrong one is what to write instead. */
function readOrigin(entry: unknown): HostPattern {
  if (typeof entry !== 'string')
    throw invalid(`Expected origins in allowedOrigins as text, got ${kindOf(entry)}`)
  const pattern = entry.includes('://') ? readHostPattern(entry) : null
  if (pattern) return pattern
  const instead = nearestOrigin(entry)
  throw invalid(
    `Expected origins in allowedOrigins like 'https://example.com', 'https://*.example.com' or '*', got ${shown(entry)}` +
      (instead === null ? '' : `: did you mean '${instead}'?`),
  )
}

/** An entry in a message; one with a user's name has a password as well. */
function shown(entry: string): string {
  return entry.includes('@') ? 'one with a user' : shownText(entry)
}

/** The origin that an entry may have meant: without its path, or with the scheme it lacks. */
function nearestOrigin(entry: string): string | null {
  const [, scheme = 'https://', rest = ''] =
    /^\s*([a-z][a-z0-9+.-]*:\/\/)?(?:[^/@]*@)?([^/\\?#]*)/i.exec(entry) ?? []
  const origin = scheme + rest.trim()
  return rest.includes('.') && readHostPattern(origin) ? origin : null
}

/** The host and port of an origin; '' for `null` and anything that is not one. */
function hostOf(origin: string): string {
  const match = /^https?:\/\/([^/?#@]+)$/.exec(origin)
  return match?.[1] ?? ''
}
