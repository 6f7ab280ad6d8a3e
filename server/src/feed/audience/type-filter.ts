/**
 * One `types=` has no more patterns: each different list of them is a group of its own, matched for
 * itself.
 */
export const MAX_PATTERNS = 10
/** A filter remembers its answer for so many types; a game has a few dozen. */
const MAX_REMEMBERED = 256
/** The characters of `EVENT_TYPE` (protocol), and stars. */
const PATTERN = /^[A-Za-z*][A-Za-z0-9._*-]{0,63}$/
const MAX_PATTERN_CHARACTERS = 64

/**
 * Decides which event types a stream shows. The feed's own framing (`hello` ... `end`) is never
 * filtered.
 */
export interface TypeFilter {
  /** Equal filters have equal keys. */
  readonly key: string
  /** Sorted, each once. */
  readonly patterns: readonly string[]
  allows(type: string): boolean
}

/**
 * Reads `types=kill,chat*`. null when there are more than 10 patterns, or one is none: letters,
 * digits, `.`, `_`, `-`, and at most two `*` (a star stands for any of these, or none).
 */
export function parseTypeFilter(text: string): TypeFilter | null {
  // No list can be longer, so a longer text is not even taken apart.
  if (text.length > MAX_PATTERNS * (MAX_PATTERN_CHARACTERS + 1)) return null
  const patterns = [...new Set(text.split(','))].sort()
  if (patterns.length > MAX_PATTERNS) return null
  const exact = new Set(['end'])
  const wild: string[][] = []
  for (const pattern of patterns) {
    const parts = pattern.split('*')
    if (!PATTERN.test(pattern) || parts.length > 3) return null
    if (parts.length > 1) wild.push(parts)
    else exact.add(pattern)
  }
  const known = new Map<string, boolean>()
  const allows = (type: string): boolean => {
    const answer = known.get(type)
    if (answer !== undefined) return answer
    const isAllowed = exact.has(type) || wild.some((parts) => matches(type, parts))
    if (known.size < MAX_REMEMBERED) known.set(type, isAllowed)
    return isAllowed
  }
  return { key: patterns.join(','), patterns, allows }
}

/** `parts` stand before, between and after the stars: there are two or three of them. */
function matches(type: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  const middle = parts.length > 2 ? (parts[1] ?? '') : ''
  if (type.length < first.length + middle.length + last.length) return false
  if (!type.startsWith(first) || !type.endsWith(last)) return false
  const at = type.indexOf(middle, first.length)
  return at >= 0 && at + middle.length <= type.length - last.length
}
