import { cleanLine } from '@ringside/protocol'
import { reject } from '@ringside/server'
import { CHAT_LINES, MAX_CHAT_CHARACTERS } from '../shared/constants.ts'
import { uniqueName } from '../shared/names.ts'
import { wholeMs } from './match.ts'
import type { Fighter, Match } from './match.ts'

/**
 * Says something to everybody; the oldest line goes when there are more than CHAT_LINES.
 * @throws Rejection empty_text when nothing printable is left of it.
 */
export function say(match: Match, fighter: Fighter, wanted: string): number {
  const text = cleanLine(wanted, MAX_CHAT_CHARACTERS)
  if (text === '') throw reject('empty_text', 'Expected some text')
  const { room } = match
  const { name } = fighter.player
  const id = match.nextId++
  room.state.chat[String(id)] = { id, from: fighter.id, name, text, at: wholeMs(room) }
  const ids = Object.keys(room.state.chat).map(Number)
  if (ids.length > CHAT_LINES) delete room.state.chat[String(Math.min(...ids))]
  room.emit('chat', { id, from: fighter.id, name, text })
  return id
}

/**
 * Gives a player another name, with a number behind it when it is taken. Returns the name given.
 * @throws Rejection empty_name when nothing printable is left of it.
 */
export function rename(match: Match, fighter: Fighter, wanted: string): string {
  if (cleanLine(wanted, 1) === '') throw reject('empty_name', 'Expected a name')
  const name = freeName(match, wanted, fighter.id)
  fighter.player.name = name
  return name
}

/** `wanted` or the nearest name to it that nobody but `exceptId` has. */
export function freeName(match: Match, wanted: string, exceptId: string): string {
  const taken = new Set<string>()
  for (const { id, player } of match.fighters.values()) if (id !== exceptId) taken.add(player.name)
  return uniqueName(wanted, taken)
}
