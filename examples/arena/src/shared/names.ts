import { MAX_NAME_CHARACTERS } from './constants.ts'

/** Control, format and separator characters and lone surrogates bend other text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]+/gu

/**
 * One line of plain text: unprintable characters and runs of blanks become one space, the ends are
 * trimmed, and it is cut to `max` UTF-16 units without splitting a character. May be empty.
 */
export function cleanText(text: string, max: number): string {
  const line = text.replace(UNPRINTABLE, ' ').replace(/\s+/g, ' ').trim()
  if (line.length <= max) return line
  const cut = line.slice(0, max)
  return cut.replace(/[\uD800-\uDBFF]$/, '').trimEnd()
}

/** `wanted`, cleaned; with a number behind it when somebody in `taken` has it already. */
export function uniqueName(wanted: string, taken: ReadonlySet<string>, fallback = 'Guest'): string {
  const base = cleanText(wanted, MAX_NAME_CHARACTERS) || fallback
  const used = new Set([...taken].map((name) => name.toLowerCase()))
  if (!used.has(base.toLowerCase())) return base
  for (let count = 2; ; count++) {
    const suffix = ` ${count}`
    const name = cleanText(base, MAX_NAME_CHARACTERS - suffix.length) + suffix
    if (!used.has(name.toLowerCase())) return name
  }
}

/** Names of bots; a room has at most 16 players. */
export const BOT_NAMES: readonly string[] = [
  'Ada',
  'Boole',
  'Curie',
  'Dijkstra',
  'Euler',
  'Fermat',
  'Gauss',
  'Hopper',
  'Ising',
  'Joule',
  'Kepler',
  'Lovelace',
  'Maxwell',
  'Noether',
  'Ohm',
  'Pascal',
]
