import {
  PLAYER_RADIUS,
  RESPAWN_MS,
  SHIELD_MS,
  SHOT_COOLDOWN_MS,
  SHOT_DAMAGE,
  SHOT_RADIUS,
  SHOT_SPEED,
  MAX_HEALTH,
} from '../shared/constants.ts'
import { quantizePosition } from '../shared/movement.ts'
import { flightMs, muzzle, shotAt, touchShare } from '../shared/shots.ts'
import { SPAWN_SPOTS } from '../shared/walls.ts'
import type { Point } from '../shared/walls.ts'
import { wholeMs } from './match.ts'
import type { Fighter, Match, ShotInFlight } from './match.ts'

/** The cause of somebody's hurt. */
export interface Cause {
  /** Session id of the player who did it, who may have left. */
  readonly by: string
  readonly weapon: 'shot' | 'mine'
  readonly damage: number
  readonly at: Point
}

/** Fires in the direction the player aims, if the weapon has cooled down. Firing ends the player's shield. */
export function fire(match: Match, fighter: Fighter): void {
  const { room } = match
  const { player } = fighter
  if (room.now < fighter.mayFireAt) return
  fighter.mayFireAt = room.now + SHOT_COOLDOWN_MS
  if (player.shieldUntil > room.now) player.shieldUntil = wholeMs(room)
  const from = quantizePosition(muzzle(player, player.angle))
  const speed = quantizePosition({
    x: Math.cos(player.angle) * SHOT_SPEED,
    y: Math.sin(player.angle) * SHOT_SPEED,
  })
  const flight = { x: from.x, y: from.y, vx: speed.x, vy: speed.y, firedAt: wholeMs(room) }
  const endMs = flightMs(flight)
  if (endMs <= 0) return
  const id = String(match.nextId++)
  room.state.shots[id] = { owner: fighter.id, ...flight }
  match.shots.push({ id, owner: fighter.id, ...flight, endMs, checkedAt: room.now })
}

/** Moves all shots to now: each ends at the first player it touches, a wall or its range. */
export function flyShots(match: Match): void {
  if (match.shots.length === 0) return
  const { now } = match.room
  match.shots = match.shots.filter((shot) => {
    const isOver = strike(match, shot) || now >= shot.firedAt + shot.endMs
    if (isOver) delete match.room.state.shots[shot.id]
    shot.checkedAt = now
    return !isOver
  })
}

export function clearShots(match: Match): void {
  for (const { id } of match.shots) delete match.room.state.shots[id]
  match.shots = []
}

function strike(match: Match, shot: ShotInFlight): boolean {
  const { now } = match.room
  const from = shotAt(shot, shot.checkedAt, shot.endMs)
  const to = shotAt(shot, now, shot.endMs)
  let first: Fighter | null = null
  let share = Infinity
  for (const fighter of match.fighters.values()) {
    if (!fighter.player.alive || fighter.id === shot.owner) continue
    const { x, y } = fighter.player
    const touched = touchShare(from, to, { x, y, radius: PLAYER_RADIUS + SHOT_RADIUS })
    if (touched >= share) continue
    first = fighter
    share = touched
  }
  if (!first) return false
  const at = quantizePosition({
    x: from.x + (to.x - from.x) * share,
    y: from.y + (to.y - from.y) * share,
  })
  hurt(match, first, { by: shot.owner, weapon: 'shot', damage: SHOT_DAMAGE, at })
  return true
}

/** Takes health from a living player, unless a shield holds; at 0 the player dies. */
export function hurt(match: Match, victim: Fighter, cause: Cause): void {
  const { room } = match
  const { player } = victim
  if (!player.alive || room.now < player.shieldUntil) return
  const damage = Math.min(cause.damage, player.health)
  player.health -= damage
  room.emit('hit', { by: cause.by, whom: victim.id, damage, x: cause.at.x, y: cause.at.y })
  if (player.health === 0) die(match, victim, cause)
}

function die(match: Match, victim: Fighter, { by, weapon }: Cause): void {
  const { room } = match
  const { player } = victim
  player.alive = false
  player.deaths += 1
  player.respawnAt = wholeMs(room) + RESPAWN_MS
  const killer = match.fighters.get(by)
  if (killer) {
    killer.player.score += 1
    killer.lastKillAt = room.now
  }
  room.emit('kill', { by, whom: victim.id, weapon, x: player.x, y: player.y })
}

/** Brings back everybody whose time has come. */
export function respawnDead(match: Match): void {
  for (const fighter of match.fighters.values())
    if (!fighter.player.alive && match.room.now >= fighter.player.respawnAt) spawn(match, fighter)
}

/** Puts a player, whole and shielded, on a spot far from the others. */
export function spawn(match: Match, fighter: Fighter): void {
  const { room } = match
  const { player } = fighter
  const spot = chooseSpot(match, fighter)
  player.x = spot.x
  player.y = spot.y
  player.health = MAX_HEALTH
  player.alive = true
  player.respawnAt = 0
  player.shieldUntil = wholeMs(room) + SHIELD_MS
  room.emit('spawn', { who: fighter.id, x: spot.x, y: spot.y })
}

/** Draws three spots at random and gives the one farthest from any living player. */
function chooseSpot(match: Match, fighter: Fighter): Point {
  let best: Point = { x: 0, y: 0 }
  let bestSquare = -1
  for (let draw = 0; draw < 3; draw++) {
    const spot = SPAWN_SPOTS[match.room.random.int(0, SPAWN_SPOTS.length - 1)]
    if (!spot) continue
    let square = Infinity
    for (const { id, player } of match.fighters.values()) {
      if (id === fighter.id || !player.alive) continue
      const dx = player.x - spot.x
      const dy = player.y - spot.y
      square = Math.min(square, dx * dx + dy * dy)
    }
    if (square <= bestSquare) continue
    best = spot
    bestSquare = square
  }
  return best
}
