import { gotName, kindOf, strangeMember } from '@ringside/protocol/known-name'
import { checksArguments } from '#checks'

/** The kinds that each option may be of, as `typeof` names them; `any` is checked elsewhere. */
export type OptionKinds<O> = { readonly [K in keyof Required<O>]: string }

/**
 * Checks an options object where it is passed: its names are known, and each value is of its kind.
 * @throws TypeError that names the option, and the known one that is most like an unknown.
 */
export function checkOptions(
  what: string,
  given: unknown,
  kinds: Readonly<Record<string, string>>,
): void {
  if (!checksArguments) return
  const strange = strangeMember(what, given, Object.keys(kinds))
  if (strange !== null) throw new TypeError(strange)
  for (const name in kinds) {
    const value = (given as Readonly<Record<string, unknown>>)[name]
    const kind = kinds[name] as string
    if (value === undefined || kind === 'any') continue
    if (value === null || !kind.split(' or ').includes(typeof value))
      throw new TypeError(`Expected ${name} as ${kind}, got ${kindOf(value)}`)
  }
}

/** @throws TypeError unless it is text that is not empty. */
export function checkText(what: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`Expected ${what} as text, ${value === '' ? 'got none' : gotKind(value)}`)
}

/** @throws TypeError that says the nearest name unless the contract has it. */
export function checkName(what: string, name: unknown, known: object): void {
  if (typeof name !== 'string' || !Object.hasOwn(known, name))
    throw new TypeError(`Expected ${what} of the contract, ${got(name, known)}`)
}

/** What a value is, for a message. */
export function gotKind(value: unknown): string {
  return checksArguments ? `got ${kindOf(value)}` : `got a value of type ${typeof value}`
}

function got(name: unknown, known: object): string {
  if (checksArguments) return gotName(name, Object.keys(known))
  return typeof name === 'string' ? `got '${name.slice(0, MAX_SHOWN)}'` : gotKind(name)
}

/** A longer name is cut where a message shows it. */
const MAX_SHOWN = 80
