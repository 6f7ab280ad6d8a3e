import { isIP } from 'node:net'

/** No name of DNS is longer, with a scheme and a port. */
const MAX_CHARACTERS = 320

/**
 * A host by itself (`play.example.com`, `[::1]:8080`), or behind a scheme as an origin (`https://play.example.com`).
 * Nothing may follow it, no path, not even a slash.
 */
const SHAPE = /^(?<scheme>[a-z][a-z0-9+.-]*:\/\/)?(?<star>\*\.)?(?<host>[^/\\?#@*\s]+)$/i

/** Text that is compared, in the one form that all spellings of it have; of a wildcard what is before and behind it. */
export type HostPattern =
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'wildcard'; readonly scheme: string; readonly suffix: string }

/**
 * Reads `host[:port]` or `scheme://host[:port]`; null when the text is neither. Case, punycode and the port that is the
 * scheme's own make no difference. `*.` before a host stands for one or more labels, and never for the bare
 * domain; a `*` is nothing anywhere else.
 */
export function readHostPattern(text: string): HostPattern | null {
  if (text.length > MAX_CHARACTERS) return null
  const { scheme = '', star, host = '' } = SHAPE.exec(text)?.groups ?? {}
  const normal = host && normalHost(scheme.toLowerCase(), host)
  if (!normal) return null
  if (star === undefined) return { kind: 'exact', text: scheme.toLowerCase() + normal }
  return isDomain(normal)
    ? { kind: 'wildcard', scheme: scheme.toLowerCase(), suffix: `.${normal}` }
    : null
}

/** Compares hosts, or origins, with the patterns; both must be of the same kind of text. It is the one matcher of all. */
export class HostPatterns {
  readonly #exact = new Set<string>()
  readonly #wildcards: { readonly scheme: string; readonly suffix: string }[] = []

  constructor(patterns: Iterable<HostPattern> = []) {
    for (const pattern of patterns)
      if (pattern.kind === 'exact') this.#exact.add(pattern.text)
      else this.#wildcards.push(pattern)
  }

  /** True for a host (`a.example.com:8080`) or origin that one of the patterns means. */
  has(text: string): boolean {
    if (this.#exact.has(text)) return true
    const given = readHostPattern(text)
    return given?.kind === 'exact' && this.hasNormal(given.text)
  }

  /** The same for text in the one form that patterns have. */
  hasNormal(normal: string): boolean {
    if (this.#exact.has(normal)) return true
    return this.#wildcards.some(
      ({ scheme, suffix }) =>
        normal.startsWith(scheme) &&
        normal.endsWith(suffix) &&
        isLabels(normal.slice(scheme.length, -suffix.length)),
    )
  }
}

/** `a` or `a.b`: no part is empty, and nothing of a scheme or port is in it. */
function isLabels(text: string): boolean {
  return text.split('.').every((label) => label !== '' && !/[:/[\]]/.test(label))
}

/** The host as URLs write it, without the scheme's own port; '' when it is none. */
function normalHost(scheme: string, host: string): string {
  // A host by itself has no port of its own: this scheme has none either, but takes only hosts in ASCII.
  const isWeb = scheme !== '' && /^(https?|wss?):/.test(scheme)
  try {
    const url = new URL(`${isWeb ? scheme : 'ftp://'}${host}`)
    if (url.pathname !== '/' || url.hostname === '' || url.username !== '') return ''
    if (isWeb) return url.host
    // The port 21 is ftp's own, which the URL leaves out.
    const port = /:(\d+)$/.exec(host.slice(host.indexOf(']') + 1))?.[1]
    return port === undefined ? url.hostname : `${url.hostname}:${Number(port)}`
  } catch {
    return ''
  }
}

/** A wildcard stands before a name of two labels or more (`*.com` would be half the world), or `localhost`. */
function isDomain(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/\.$/, '')
  return isIP(name) === 0 && !name.startsWith('[') && (name.includes('.') || name === 'localhost')
}
