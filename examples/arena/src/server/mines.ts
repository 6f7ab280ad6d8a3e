import {
  BLAST_DAMAGE,
  BLAST_RADIUS,
  MAX_MINES,
  MINE_ARM_MS,
  MINE_COOLDOWN_MS,
  MINE_TRIGGER_RADIUS,
} from '../shared/constants.ts'
import { hurt } from './combat.ts'
import { wholeMs } from './match.ts'
import type { Fighter, LaidMine, Match } from './match.ts'

/** Lays a mine where the player stands, if they have one left and laid none a moment ago. */
export function layMine(match: Match, fighter: Fighter): void {
  const { room } = match
  const { player } = fighter
  if (room.now < fighter.mayLayAt || player.mines.length >= MAX_MINES) return
  fighter.mayLayAt = room.now + MINE_COOLDOWN_MS
  const armedAt = wholeMs(room) + MINE_ARM_MS
  const mine = { id: ++fighter.newestMine, x: player.x, y: player.y, armedAt }
  match.mines.push({ owner: fighter.id, ...mine })
  showMines(match, fighter)
}

/** Sets off every armed mine that somebody other than its owner stands on. */
export function checkMines(match: Match): void {
  const due = match.mines.filter(
    (mine) => mine.armedAt <= match.room.now && isSteppedOn(match, mine),
  )
  for (const mine of due) explode(match, mine)
}

/** Takes away the mines of one player, or all. */
export function clearMines(match: Match, owner: string | null = null): void {
  const kept = match.mines.filter((mine) => owner !== null && mine.owner !== owner)
  if (kept.length === match.mines.length) return
  match.mines = kept
  for (const fighter of match.fighters.values())
    if (owner === null || fighter.id === owner) showMines(match, fighter)
}

/** Mines that wait to be armed wait on: `later` says until when. */
export function putOffMines(match: Match, later: (at: number) => number): void {
  const isWaiting = match.mines.some(({ armedAt }) => later(armedAt) !== armedAt)
  if (!isWaiting) return
  match.mines = match.mines.map((mine) => ({ ...mine, armedAt: later(mine.armedAt) }))
  for (const fighter of match.fighters.values()) showMines(match, fighter)
}

function isSteppedOn(match: Match, mine: LaidMine): boolean {
  for (const { id, player } of match.fighters.values()) {
    if (id === mine.owner || !player.alive || player.shieldUntil > match.room.now) continue
    if (isWithin(mine, player, MINE_TRIGGER_RADIUS)) return true
  }
  return false
}

function explode(match: Match, mine: LaidMine): void {
  match.mines = match.mines.filter((other) => other !== mine)
  const owner = match.fighters.get(mine.owner)
  if (owner) showMines(match, owner)
  match.room.emit('blast', { owner: mine.owner, x: mine.x, y: mine.y })
  for (const fighter of match.fighters.values()) {
    if (fighter.id === mine.owner || !isWithin(mine, fighter.player, BLAST_RADIUS)) continue
    hurt(match, fighter, { by: mine.owner, weapon: 'mine', damage: BLAST_DAMAGE, at: mine })
  }
}

/** Writes the mines a player has lying into the player's own hidden part of the state. */
function showMines(match: Match, fighter: Fighter): void {
  fighter.player.mines = match.mines
    .filter(({ owner }) => owner === fighter.id)
    .map(({ id, x, y, armedAt }) => ({ id, x, y, armedAt }))
}

function isWithin(
  a: { readonly x: number; readonly y: number },
  b: { readonly x: number; readonly y: number },
  radius: number,
): boolean {
  const dx = a.x - b.x
  const dy = a.y - b.y
  return dx * dx + dy * dy <= radius * radius
}
