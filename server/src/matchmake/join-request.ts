import { cleanLine } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { RingsideError } from '../process/errors.ts'

const MAX_NAME_CHARACTERS = 24
const MAX_OPTIONS_CHARACTERS = 4_096

/**
 * Makes the name as players will see it: one line of 24 characters as people count them (`cleanLine`). One in which
 * nothing is to be seen becomes `fallback`.
 * @throws RingsideError bad_request when it is no string.
 */
export function cleanName(name: unknown, fallback: string): string {
  if (name === undefined || name === null) return fallback
  if (typeof name !== 'string')
    throw new RingsideError('bad_request', 'Expected name to be a string')
  return cleanLine(name, MAX_NAME_CHARACTERS) || fallback
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
