import { cleanLine } from '@ringside/protocol'
import { MAX_NAME_CHARACTERS } from '../shared/constants.ts'

/**
 * The browser remembers these. Storage may be switched off or full; then nothing is remembered and
 * nothing breaks.
 */
export function recall(key: string, storage: 'local' | 'session' = 'local'): string | null {
  try {
    return area(storage).getItem(`ringside.${key}`)
  } catch {
    return null
  }
}

export function remember(key: string, value: string, storage: 'local' | 'session' = 'local'): void {
  try {
    area(storage).setItem(`ringside.${key}`, value)
  } catch {
    // There is nothing to do, for the page works without it.
  }
}

export function forget(key: string, storage: 'local' | 'session' = 'local'): void {
  try {
    area(storage).removeItem(`ringside.${key}`)
  } catch {
    // The page works without it, as above.
  }
}

function area(storage: 'local' | 'session'): Storage {
  return storage === 'local' ? localStorage : sessionStorage
}

const FIRST = ['Swift', 'Calm', 'Bold', 'Quiet', 'Lucky', 'Brave', 'Keen', 'Wild']
const SECOND = ['Otter', 'Falcon', 'Lynx', 'Heron', 'Badger', 'Marten', 'Raven', 'Viper']

/** Gives the player's name as it was entered, or one that is made up and remembered. */
export function playerName(): string {
  const known = cleanName(recall('name') ?? '')
  if (known) return known
  const pick = (words: readonly string[]): string =>
    words[Math.floor(Math.random() * words.length)] ?? 'Guest'
  const made = `${pick(FIRST)} ${pick(SECOND)}`
  remember('name', made)
  return made
}

/** A name as the server accepts it: one line, no control characters, at most 24 characters. */
export function cleanName(text: string): string {
  return cleanLine(text, MAX_NAME_CHARACTERS)
}
