import { cleanLine } from '@ringside/protocol'
import { MAX_NAME_CHARACTERS } from './constants.ts'

/** `wanted`, cleaned; with a number behind it when somebody in `taken` has it already. */
export function uniqueName(wanted: string, taken: ReadonlySet<string>, fallback = 'Guest'): string {
  const base = cleanLine(wanted, MAX_NAME_CHARACTERS) || fallback
  const used = new Set([...taken].map((name) => name.toLowerCase()))
  if (!used.has(base.toLowerCase())) return base
  for (let count = 2; ; count++) {
    const suffix = ` ${count}`
    const name = cleanLine(base, MAX_NAME_CHARACTERS - suffix.length) + suffix
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
