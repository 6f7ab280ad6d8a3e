import { MAX_NAME_CHARACTERS } from '../shared/constants.ts'
import { cleanText } from '../shared/names.ts'

/**
 * What the browser remembers. Storage may be switched off or full: then nothing is remembered and
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
    // Nothing to do: the page works without it.
  }
}

export function forget(key: string, storage: 'local' | 'session' = 'local'): void {
  try {
    area(storage).removeItem(`ringside.${key}`)
  } catch {
    // As above.
  }
}

function area(storage: 'local' | 'session'): Storage {
  return storage === 'local' ? localStorage : sessionStorage
}

const FIRST = ['Swift', 'Calm', 'Bold', 'Quiet', 'Lucky', 'Brave', 'Keen', 'Wild']
const SECOND = ['Otter', 'Falcon', 'Lynx', 'Heron', 'Badger', 'Marten', 'Raven', 'Viper']

/** The player's name as he entered it, or one made up for him and remembered. */
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
  return cleanText(text, MAX_NAME_CHARACTERS)
}
