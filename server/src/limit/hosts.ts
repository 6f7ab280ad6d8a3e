import { BlockList, isIP, isIPv4 } from 'node:net'
import { RingsideError } from '../process/errors.ts'
import { HostPatterns } from './host-pattern.ts'

/** What a Host header is: ours, another's (421), or none at all (400). */
export type HostVerdict = 'ours' | 'foreign' | 'malformed'

/** Judges a Host header; '' = absent. */
export type HostCheck = (host: string) => HostVerdict

export interface HostOptions {
  /** Names (`example.com`), all names below one (`*.example.com`), addresses; `*` = any. Null = the default. */
  readonly allowedHosts: readonly string[] | null
  /** Then the default is the machine's own names, else any. */
  readonly isDevelopment: boolean
}

/** RFC 9110 section 7.2, without what no name in use has; what is not of it may be read otherwise by a proxy. */
const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9._-]{0,252}[a-z0-9_])?\.?)(?::\d{1,5})?$/
const ENTRY = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]{0,250}[a-z0-9_])?$/

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * Makes the check of the Host header, which comes before anything else (HT14). A page elsewhere can give its own name the
 * address of this machine (DNS rebinding): to the browser the server is then that page's own, and only the header tells.
 * @param listenHost the address that the server listens on.
 * @throws RingsideError option_invalid for an entry that is no name, address or pattern.
 */
export function createHostCheck(options: HostOptions, listenHost: string): HostCheck {
  const isOurs = ownNames(options, listenHost.toLowerCase())
  return (header) => {
    const name = nameOf(header)
    if (name === null) return 'malformed'
    return isOurs(name) ? 'ours' : 'foreign'
  }
}

/** @throws RingsideError option_invalid. */
export function checkAllowedHosts(
  entries: readonly string[] | undefined,
): readonly string[] | null {
  if (entries === undefined) return null
  if (!Array.isArray(entries)) throw invalid(String(entries))
  return entries.map((entry: unknown) => {
    const text = typeof entry === 'string' ? entry.toLowerCase() : ''
    const name = bare(text)
    if (text !== '*' && isIP(name) === 0 && !ENTRY.test(name)) throw invalid(String(entry))
    return name
  })
}

function invalid(given: string): RingsideError {
  return new RingsideError(
    'option_invalid',
    `Expected allowedHosts like 'example.com', '*.example.com' or '*', got '${given}'`,
  )
}

function ownNames(
  { allowedHosts, isDevelopment }: HostOptions,
  listenHost: string,
): (name: string) => boolean {
  if (allowedHosts === null && !isDevelopment) return () => true
  if (allowedHosts !== null) return matcherOf(allowedHosts)
  // Who listens on every address may be asked by any of them. A name is what rebinding needs, and an address is none.
  if (isWildcard(listenHost)) return (name) => isLoopback(name) || isIP(name) !== 0
  const own = bare(listenHost)
  return (name) => isLoopback(name) || name === own
}

function matcherOf(entries: readonly string[]): (name: string) => boolean {
  if (entries.includes('*')) return () => true
  const patterns = new HostPatterns(
    entries.map((entry) =>
      entry.startsWith('*.')
        ? { kind: 'wildcard', scheme: '', suffix: entry.slice(1) }
        : { kind: 'exact', text: entry },
    ),
  )
  return (name) => patterns.hasNormal(name)
}

/** The header's name or address in lower case, without port, brackets and the root's dot; null when it has none. */
function nameOf(header: string): string | null {
  const match = HOST.exec(header.toLowerCase())
  if (!match) return null
  const name = bare((match[1] as string).replace(/\.$/, ''))
  return name.includes(':') && isIP(name) === 0 ? null : name
}

function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '[::]' || host === ''
}

function isLoopback(name: string): boolean {
  if (isIP(name) !== 0) return loopback.check(name, isIPv4(name) ? 'ipv4' : 'ipv6')
  return name === 'localhost' || name.endsWith('.localhost')
}
