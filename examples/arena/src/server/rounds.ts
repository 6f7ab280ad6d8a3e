import { RESULT_MS } from '../shared/constants.ts'
import { clearShots, spawn } from './combat.ts'
import { wholeMs } from './match.ts'
import type { Fighter, Match } from './match.ts'
import { clearMines } from './mines.ts'
import { restockPacks } from './packs.ts'

/** Ends the round when its time is up, and begins the next when the result was shown. */
export function checkRound(match: Match): void {
  const { state, now } = match.room
  if (now < state.endsAt) return
  if (state.phase === 'play') finishRound(match)
  else beginRound(match)
}

function finishRound(match: Match): void {
  const { room } = match
  const { state } = room
  const winner = leader(match)
  state.phase = 'over'
  state.startedAt = wholeMs(room)
  state.endsAt = state.startedAt + RESULT_MS
  state.winner = winner?.id ?? ''
  state.winnerName = winner?.player.name ?? ''
  clearShots(match)
  room.emit('roundOver', {
    round: state.round,
    winner: state.winner,
    winnerName: state.winnerName,
    score: winner?.player.score ?? 0,
  })
}

function beginRound(match: Match): void {
  const { room } = match
  const { state } = room
  state.round += 1
  state.phase = 'play'
  state.startedAt = wholeMs(room)
  state.endsAt = state.startedAt + match.options.roundMs
  state.winner = ''
  state.winnerName = ''
  clearShots(match)
  clearMines(match)
  restockPacks(match)
  for (const fighter of match.fighters.values()) {
    fighter.player.score = 0
    fighter.player.deaths = 0
    fighter.player.alive = false
    fighter.lastKillAt = 0
  }
  // They come back one after the other, so that each is placed far from those who are back already.
  for (const fighter of match.fighters.values()) spawn(match, fighter)
  room.emit('roundStart', { round: state.round, endsAt: state.endsAt })
}

/** Finds the leader: most kills, then fewest deaths, then the earlier kill; null while nobody has any. */
export function leader(match: Match): Fighter | null {
  let best: Fighter | null = null
  for (const fighter of match.fighters.values())
    if (fighter.player.score > 0 && (!best || isAhead(fighter, best))) best = fighter
  return best
}

function isAhead(a: Fighter, b: Fighter): boolean {
  if (a.player.score !== b.player.score) return a.player.score > b.player.score
  if (a.player.deaths !== b.player.deaths) return a.player.deaths < b.player.deaths
  return a.lastKillAt < b.lastKillAt
}
