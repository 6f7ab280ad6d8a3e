import { BUTTON_FIRE, BUTTON_MINE } from '../shared/constants.ts'
import { step, wrapAngle } from '../shared/movement.ts'
import type { Input } from '../shared/movement.ts'
import { fire } from './combat.ts'
import type { Fighter, Match } from './match.ts'
import { layMine } from './mines.ts'

/** Inputs of one player that may wait; the oldest is given up beyond that. */
const MAX_QUEUED_INPUTS = 8
/**
 * Steps that a player whose inputs came late may catch up in one tick. On average a player moves one step
 * a tick, however many inputs they send.
 */
const MAX_CREDIT = 4

/** Takes an input that arrived; one that is not newer than the last is ignored. */
export function queueInput(fighter: Fighter, input: Input): void {
  if (input.sequence <= fighter.newestInput) return
  fighter.newestInput = input.sequence
  if (fighter.inputs.length === MAX_QUEUED_INPUTS) fighter.inputs.shift()
  fighter.inputs.push(input)
}

/** Applies what every player may do in this tick, in the order in which they joined. */
export function applyInputs(match: Match): void {
  for (const fighter of match.fighters.values()) {
    fighter.credit = Math.min(fighter.credit + 1, MAX_CREDIT)
    while (fighter.credit >= 1 && fighter.inputs.length > 0) {
      const input = fighter.inputs.shift()
      if (!input) break
      fighter.credit -= 1
      apply(match, fighter, input)
    }
  }
}

function apply(match: Match, fighter: Fighter, input: Input): void {
  const { player } = fighter
  player.lastInput = input.sequence
  if (!player.alive) return
  const next = step(player, input)
  player.x = next.x
  player.y = next.y
  player.angle = wrapAngle(input.angle)
  if (match.room.state.phase !== 'play') return
  if (input.buttons & BUTTON_FIRE) fire(match, fighter)
  if (input.buttons & BUTTON_MINE) layMine(match, fighter)
}
