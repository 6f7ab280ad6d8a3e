import { clipText, kindOf, strangeMember } from '@ringside/protocol'
import { RingsideError } from './errors.ts'

/** A mistake in what a caller passed; the message says what was expected and what came, never a secret. */
export function invalid(message: string): RingsideError {
  return new RingsideError('option_invalid', message)
}

/**
 * Checks that an options object has known members only.
 * @param what names them in the message, for example `an option of createServer`.
 * @throws RingsideError option_invalid with the known name that is most like the unknown one.
 */
export function checkMembers(what: string, given: unknown, known: readonly string[]): void {
  const strange = strangeMember(what, given, known)
  if (strange !== null) throw invalid(strange)
}

/** @throws RingsideError option_invalid unless it is a function. */
export function checkFunction(what: string, value: unknown): void {
  if (typeof value !== 'function')
    throw invalid(`Expected ${what} as a function, got ${kindOf(value)}`)
}

/** @throws RingsideError option_invalid unless it is true or false. */
export function checkBoolean(what: string, value: unknown): void {
  if (typeof value !== 'boolean')
    throw invalid(
      `Expected ${what} as true or false, got ${typeof value === 'number' ? value : kindOf(value)}`,
    )
}

/** @throws RingsideError option_invalid unless it is text that is not empty; what it holds is not shown. */
export function checkText(what: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    throw invalid(`Expected ${what} as text, got ${value === '' ? 'none' : kindOf(value)}`)
}

/** @throws RingsideError option_invalid unless it is an object that can do what it is needed for. */
export function checkMethods(what: string, value: unknown, methods: readonly string[]): void {
  if (typeof value !== 'object' || value === null)
    throw invalid(`Expected ${what} as an object, got ${kindOf(value)}`)
  for (const method of methods)
    if (typeof (value as Record<string, unknown>)[method] !== 'function')
      throw invalid(`Expected ${what} with a method '${method}', got one without`)
}

/** A value that should be a number, in a message: a number by its digits, anything else by its kind. */
export function shownNumber(value: unknown): string {
  return typeof value === 'number' ? String(value) : kindOf(value)
}

const MAX_SHOWN_CHARACTERS = 80

/** A value that should be text and is no secret, in a message: text itself, cut to a bound, anything else by its kind. */
export function shownText(value: unknown): string {
  return typeof value === 'string' ? `'${clipText(value, MAX_SHOWN_CHARACTERS)}'` : kindOf(value)
}
