/** Longer names are compared by their beginning: a name that came from outside must not cost its length squared. */
const MAX_COMPARED_CHARACTERS = 64
/** A shorter beginning would be one of too many names. */
const MIN_STEM_CHARACTERS = 4
/** Longer names are cut where a message shows them, between characters. */
const SHOWN = /^[^]{0,80}/u

/**
 * The known name that is most like the given one: the same without regard to case, few letters away, or the beginning
 * of it; null when none is near.
 */
export function nearestName(name: string, known: Iterable<string>): string | null {
  const given = comparable(name)
  let nearest: string | null = null
  let best = Math.max(1, Math.floor(given.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(given, comparable(candidate), best)
    if (distance >= best) continue
    best = distance
    nearest = candidate
  }
  return nearest ?? longerOrShorter(given, known)
}

/** A known name that the given one begins with, or the other way round: `hostname` for `host`. */
function longerOrShorter(given: string, known: Iterable<string>): string | null {
  for (const candidate of known) {
    const name = comparable(candidate)
    const [shorter, longer] = name.length < given.length ? [name, given] : [given, name]
    if (shorter.length >= MIN_STEM_CHARACTERS && longer.startsWith(shorter)) return candidate
  }
  return null
}

/** Names that others have for something, and ours. */
export type Aliases = Readonly<Record<string, string>>

/** Ends the message about an unknown name: what came, and the known name that it may have been. */
export function gotName(name: unknown, known: Iterable<string>, aliases: Aliases = {}): string {
  if (typeof name !== 'string') return `got ${kindOf(name)}`
  const nearest = Object.hasOwn(aliases, name) ? aliases[name] : nearestName(name, known)
  return `got '${SHOWN.exec(name)?.[0]}'${nearest == null ? '' : `: did you mean '${nearest}'?`}`
}

/** What a value is, without what it holds, which may be a secret: `null`, `an array`, `a string`, `a number`. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  const type = typeof value
  return type === 'object' ? 'an object' : `a ${type}`
}

/**
 * What is wrong with an options object as such, or null: it is no plain object, or has a member that nobody reads. A
 * member that is undefined is as good as none.
 * @param what names it in the message, for example `an option of createServer`.
 */
export function strangeMember(
  what: string,
  given: unknown,
  known: readonly string[],
): string | null {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return `Expected ${what} in an object, got ${kindOf(given)}`
  // One that is inherited is read like any other.
  for (const name in given) {
    if (known.includes(name) || (given as Record<string, unknown>)[name] === undefined) continue
    return `Expected ${what}, ${gotName(name, known)}`
  }
  return null
}

function comparable(name: string): string {
  return name.slice(0, MAX_COMPARED_CHARACTERS).toLowerCase()
}

/** Letters to add, drop or replace; `limit` when there are as many or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const line = [row]
    for (let column = 1; column <= b.length; column++)
      line.push(
        Math.min(
          (above[column] as number) + 1,
          (line[column - 1] as number) + 1,
          (above[column - 1] as number) + (a[row - 1] === b[column - 1] ? 0 : 1),
        ),
      )
    above = line
  }
  return Math.min(limit, above[b.length] as number)
}
