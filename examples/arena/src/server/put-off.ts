import type { Match } from './match.ts'
import { putOffMines } from './mines.ts'

/**
 * Puts off all that was to happen at a time: the room stood still for `ms`, its clock did not. Nobody loses
 * a part of the round, of a shield or of the wait for a pack, and shots fly on from where they were.
 */
export function putOff(match: Match, ms: number): void {
  const { state, now } = match.room
  /** A time that was over when the room paused is left alone, and costs no bytes. */
  const later = (at: number): number => (at > now - ms ? at + ms : at)
  state.startedAt += ms
  state.endsAt += ms
  for (const fighter of match.fighters.values()) {
    const { player } = fighter
    player.respawnAt = later(player.respawnAt)
    player.shieldUntil = later(player.shieldUntil)
    fighter.mayFireAt = later(fighter.mayFireAt)
    fighter.mayLayAt = later(fighter.mayLayAt)
    // It was pressed before the pause and is not what the player wants now.
    fighter.inputs.length = 0
  }
  putOffMines(match, later)
  for (const [id, at] of match.packsBackAt) match.packsBackAt.set(id, later(at))
  match.shots = match.shots.map((shot) => {
    const firedAt = shot.firedAt + ms
    const shown = state.shots[shot.id]
    if (shown) shown.firedAt = firedAt
    return { ...shot, firedAt, checkedAt: shot.checkedAt + ms }
  })
}
