import { cleanLine } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import { reject } from '@ringside/server'
import { ROUND_MS } from '../shared/constants.ts'

/** The creator of a room may choose these. */
export interface ArenaOptions {
  /** Name of the room in the lobby, 1-32 characters; null = the room makes one up. */
  readonly title: string | null
  /** Length of a round in ms, 5,000-600,000. */
  readonly roundMs: number
}

const MAX_TITLE_CHARACTERS = 32

/**
 * Checks what a creator asked for; members it does not know are ignored, for the same object holds the
 * options of the join.
 * @throws Rejection invalid_options when a member has a value that cannot be.
 */
export function parseRoomOptions(given: Json): ArenaOptions {
  return {
    title: parseTitle(member(given, 'title')),
    roundMs: parseRound(member(given, 'roundMs')),
  }
}

/** One own member of an options object; undefined when there is none. */
export function member(given: Json, name: string): Json | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined
  return Object.hasOwn(given, name) ? given[name] : undefined
}

function parseTitle(title: Json | undefined): string | null {
  if (title === undefined || title === null) return null
  const text = typeof title === 'string' ? cleanLine(title, MAX_TITLE_CHARACTERS) : ''
  if (text === '') throw reject('invalid_options', 'Expected a title of 1 to 32 characters')
  return text
}

function parseRound(roundMs: Json | undefined): number {
  if (roundMs === undefined || roundMs === null) return ROUND_MS
  if (typeof roundMs !== 'number' || !(roundMs >= 5_000 && roundMs <= 600_000))
    throw reject('invalid_options', 'Expected roundMs from 5000 to 600000')
  return Math.round(roundMs)
}

const FIRST_WORDS = ['Amber', 'Cobalt', 'Ember', 'Frost', 'Iron', 'Jade', 'Neon', 'Quiet', 'Velvet']
const SECOND_WORDS = ['Court', 'Crossing', 'Forge', 'Garden', 'Harbour', 'Pit', 'Ring', 'Yard']

/** A name for a room whose creator gave none. `pick(n)` gives a whole number from 0 to n - 1. */
export function makeTitle(pick: (count: number) => number): string {
  return `${FIRST_WORDS[pick(FIRST_WORDS.length)]} ${SECOND_WORDS[pick(SECOND_WORDS.length)]}`
}
