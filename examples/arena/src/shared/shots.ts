import { PLAYER_RADIUS, SHOT_RADIUS, SHOT_RANGE, SHOT_SPEED } from './constants.ts'
import { freeShare } from './walls.ts'
import type { Point } from './walls.ts'

/** The part of a shot's state that its flight depends on. */
export interface Flight {
  readonly x: number
  readonly y: number
  /** Units a second. */
  readonly vx: number
  readonly vy: number
  /** Room clock in ms. */
  readonly firedAt: number
}

/** Gives a shot's beginning: the muzzle, unless a wall is nearer than that. */
export function muzzle(from: Point, angle: number): Point {
  const reach = PLAYER_RADIUS + SHOT_RADIUS + 2
  const along = { x: Math.cos(angle) * reach, y: Math.sin(angle) * reach }
  const share = freeShare(from, along)
  return { x: from.x + along.x * share, y: from.y + along.y * share }
}

/** Gives the time that a shot flies before it meets a wall or is spent, in ms. */
export function flightMs(shot: Flight): number {
  const seconds = SHOT_RANGE / SHOT_SPEED
  return (
    freeShare(shot, { x: shot.vx * seconds, y: shot.vy * seconds }, SHOT_RADIUS) * seconds * 1000
  )
}

/** Gives the shot's place at room time `now`: not beyond its end, not before its start. */
export function shotAt(shot: Flight, now: number, endMs = flightMs(shot)): Point {
  const seconds = Math.min(Math.max(now - shot.firedAt, 0), endMs) / 1000
  return { x: shot.x + shot.vx * seconds, y: shot.y + shot.vy * seconds }
}

/**
 * Share of the way from `from` to `to` at which a circle around `centre` is first touched, 0-1;
 * Infinity when it is not.
 */
export function touchShare(from: Point, to: Point, circle: Point & { radius: number }): number {
  const dx = to.x - from.x
  const dy = to.y - from.y
  const ox = from.x - circle.x
  const oy = from.y - circle.y
  const c = ox * ox + oy * oy - circle.radius * circle.radius
  if (c <= 0) return 0
  const a = dx * dx + dy * dy
  const b = ox * dx + oy * dy
  if (a === 0 || b >= 0) return Infinity
  const root = b * b - a * c
  if (root < 0) return Infinity
  const share = (-b - Math.sqrt(root)) / a
  return share <= 1 ? share : Infinity
}
