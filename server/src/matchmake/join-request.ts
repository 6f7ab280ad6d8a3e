import type { Json } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'

const MAX_NAME_CHARACTERS = 24
const MAX_OPTIONS_CHARACTERS = 4_096

/**
 * Control, format (bidi overrides, zero width), separator and all other invisible characters, the
 * blank braille pattern too: they forge other names.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu

/**
 * Makes the name as players will see it: unprintable characters removed, white space folded, cut to 24
 * characters. An empty one becomes `fallback`.
 * @throws RingsideError bad_request when it is no string.
 */
export function cleanName(name: unknown, fallback: string): string {
  if (name === undefined || name === null) return fallback
  if (typeof name !== 'string')
    throw new RingsideError('bad_request', 'Expected name to be a string')
  const clean = name
    .slice(0, 200)
    .replace(/\s+/g, ' ')
    .replace(UNPRINTABLE, '')
    .trim()
    .slice(0, MAX_NAME_CHARACTERS)
    // A cut through a surrogate pair leaves half a character.
    .replace(/[\uD800-\uDBFF]$/, '')
    .trim()
  return clean === '' ? fallback : clean
}

/**
 * Reads options as plain JSON, null when absent.
 * @throws RingsideError bad_request over 4,096 characters.
 */
export function checkOptions(options: unknown): Json {
  if (options === undefined) return null
  let text: string | undefined
  try {
    text = JSON.stringify(options)
  } catch {
    text = undefined
  }
  if (text === undefined || text.length > MAX_OPTIONS_CHARACTERS)
    throw new RingsideError(
      'bad_request',
      `Expected options as JSON of at most ${MAX_OPTIONS_CHARACTERS} characters`,
    )
  return JSON.parse(text) as Json
}
