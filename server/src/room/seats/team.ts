import { RingsideError } from '../../process/errors.ts'
import { show } from '../../state/invalid.ts'

const MAX_NAME_CHARACTERS = 64
const MAX_NUMBER = 65_535

/**
 * The name of a team as a game gives it: text, or a small number, whose digits are its name. It may not be the
 * id of a session: ids are known to all, and who may choose a team's name would see what belongs to the session.
 * @throws RingsideError option_invalid for anything else.
 */
export function teamName(team: unknown, isSessionId: (name: string) => boolean): string | null {
  if (team === null) return null
  if (typeof team === 'string' && team.length >= 1 && team.length <= MAX_NAME_CHARACTERS) {
    if (!isSessionId(team)) return team
    throw new RingsideError('option_invalid', 'Expected a team, got the id of a session')
  }
  if (Number.isInteger(team) && (team as number) >= 0 && (team as number) <= MAX_NUMBER)
    return (team as number).toString()
  throw new RingsideError(
    'option_invalid',
    `Expected a team: null, text of 1-${MAX_NAME_CHARACTERS} characters or a whole number up to ${MAX_NUMBER}, got ${show(team)}`,
  )
}
