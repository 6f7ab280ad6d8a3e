/** Most patterns in one `types=`. */
const MAX_PATTERNS = 50
const PATTERN = /^[A-Za-z*][A-Za-z0-9*-]{0,39}$/

/** Which event types a stream shows. The feed's own framing (`hello` ... `end`) is never filtered. */
export interface TypeFilter {
  /** Equal filters have equal keys. */
  readonly key: string
  allows(type: string): boolean
}

/**
 * Reads `types=kill,chat*`. null when a pattern is not one: letters, digits, `-`, and at most two `*`
 * (a star stands for any letters; more of them would make matching slow).
 */
export function parseTypeFilter(text: string): TypeFilter | null {
  const patterns = [...new Set(text.split(','))].sort()
  if (patterns.length > MAX_PATTERNS) return null
  const exact = new Set<string>()
  const wild: RegExp[] = []
  for (const pattern of patterns) {
    if (!PATTERN.test(pattern) || pattern.split('*').length > 3) return null
    if (pattern.includes('*')) wild.push(new RegExp(`^${pattern.replaceAll('*', '.*')}$`))
    else exact.add(pattern)
  }
  return {
    key: patterns.join(','),
    allows: (type) =>
      type === 'end' || exact.has(type) || wild.some((pattern) => pattern.test(type)),
  }
}
