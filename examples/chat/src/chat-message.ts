import { cleanLine } from '@ringside/protocol'
import { reject } from '@ringside/server'

const MAX_MESSAGE_CHARACTERS = 500
const MAX_NAME_CHARACTERS = 24
/** Matches control characters, halves of characters, and those that turn the direction of the text around them. */
const UNUSABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Reads {username?, message} and checks only that it is an object. */
export function readMessage(bytes: Uint8Array): { username?: unknown; message?: unknown } {
  return readObject(bytes)
}

/** Reads {username}. */
export function readName(bytes: Uint8Array): { username?: unknown } {
  return readObject(bytes)
}

/** Gives a message as it may be shown: 1-500 characters. Anything else is ERROR invalid_payload. */
export function checkMessage(value: unknown): string {
  return checkText(value, 'message', MAX_MESSAGE_CHARACTERS)
}

/** Gives a name as it may be shown: 1-24 characters. Anything else is ERROR invalid_payload. */
export function checkName(value: unknown): string {
  if (typeof value !== 'string') throw invalid('Expected username as text')
  const line = cleanLine(value, MAX_NAME_CHARACTERS)
  // What is left out when it is shown would let one pass for another.
  if (line === '' || line !== value.trim().normalize('NFC'))
    throw invalid(
      `Expected username of 1 to ${MAX_NAME_CHARACTERS} characters, none of them invisible`,
    )
  return line
}

function checkText(value: unknown, name: string, max: number): string {
  if (typeof value !== 'string') throw invalid(`Expected ${name} as text`)
  const text = value.trim()
  // Characters as people count them come close to code points; a string's length counts emoji twice.
  const { length } = Array.from(text.slice(0, 2 * max + 1))
  if (length < 1 || length > max) throw invalid(`Expected ${name} of 1 to ${max} characters`)
  if (UNUSABLE.test(text)) throw invalid(`Expected ${name} without control characters`)
  return text
}

function readObject(bytes: Uint8Array): object {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch {
    throw invalid('Expected JSON in UTF-8')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('Expected a JSON object')
  return value
}

function invalid(message: string): Error {
  return reject('invalid_payload', message)
}
