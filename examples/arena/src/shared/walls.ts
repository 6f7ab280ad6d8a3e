import { ARENA_HEIGHT, ARENA_WIDTH } from './constants.ts'

/** An upright rectangle: left, top, width, height in units. */
export interface Wall {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

const wall = (x: number, y: number, width: number, height: number): Wall => ({
  x,
  y,
  width,
  height,
})

/** The upper left quarter; the others are its mirror images, so no corner is better than another. */
const quarter: readonly Wall[] = [
  wall(220, 180, 160, 36),
  wall(220, 216, 36, 100),
  wall(520, 250, 36, 150),
  wall(630, 120, 110, 36),
  wall(390, 395, 50, 50),
]
const middle: readonly Wall[] = [
  wall(770, 410, 60, 60),
  wall(700, 470, 200, 60),
  wall(770, 530, 60, 60),
  wall(110, 455, 36, 90),
  wall(ARENA_WIDTH - 146, 455, 36, 90),
]

/** All obstacles inside the arena, symmetrical on both axes. The arena's edge is not among them. */
export const WALLS: readonly Wall[] = [...quarter.flatMap(mirrorWall), ...middle]

/** The places of health packs. */
export const PACK_SPOTS: readonly Point[] = [
  ...mirrorPoint({ x: 300, y: 265 }),
  { x: 800, y: 290 },
  { x: 800, y: 710 },
]

/** The places where players appear; there are at least as many as a room has seats. */
export const SPAWN_SPOTS: readonly Point[] = [
  ...mirrorPoint({ x: 90, y: 90 }),
  ...mirrorPoint({ x: 70, y: 340 }),
  ...mirrorPoint({ x: 480, y: 80 }),
  ...mirrorPoint({ x: 620, y: 440 }),
  { x: 800, y: 60 },
  { x: 800, y: 940 },
]

function mirrorWall({ x, y, width, height }: Wall): Wall[] {
  const right = ARENA_WIDTH - x - width
  const lower = ARENA_HEIGHT - y - height
  return [
    wall(x, y, width, height),
    wall(right, y, width, height),
    wall(x, lower, width, height),
    wall(right, lower, width, height),
  ]
}

function mirrorPoint({ x, y }: Point): Point[] {
  return [
    { x, y },
    { x: ARENA_WIDTH - x, y },
    { x, y: ARENA_HEIGHT - y },
    { x: ARENA_WIDTH - x, y: ARENA_HEIGHT - y },
  ]
}

/**
 * Moves a circle out of the walls and into the arena; the rest of its step slides along them.
 * It uses additions, products and square roots only, which give the same bits on every machine.
 */
export function pushOut(at: Point, radius: number, walls: readonly Wall[] = WALLS): Point {
  let { x, y } = at
  // This is done twice, for leaving one wall may lead into its neighbour.
  for (let pass = 0; pass < 2; pass++) {
    for (const box of walls) {
      const nearX = Math.min(Math.max(x, box.x), box.x + box.width)
      const nearY = Math.min(Math.max(y, box.y), box.y + box.height)
      const dx = x - nearX
      const dy = y - nearY
      const square = dx * dx + dy * dy
      if (square >= radius * radius) continue
      if (square > 0) {
        const scale = radius / Math.sqrt(square)
        x = nearX + dx * scale
        y = nearY + dy * scale
      } else {
        // The centre is inside, so the circle goes out by the shortest way.
        const left = x - box.x
        const right = box.x + box.width - x
        const up = y - box.y
        const down = box.y + box.height - y
        const least = Math.min(left, right, up, down)
        if (least === left) x = box.x - radius
        else if (least === right) x = box.x + box.width + radius
        else if (least === up) y = box.y - radius
        else y = box.y + box.height + radius
      }
    }
    x = Math.min(Math.max(x, radius), ARENA_WIDTH - radius)
    y = Math.min(Math.max(y, radius), ARENA_HEIGHT - radius)
  }
  return { x, y }
}

/** True when a circle of this radius at this place touches no wall and is inside the arena. */
export function isFree(at: Point, radius: number, walls: readonly Wall[] = WALLS): boolean {
  if (at.x < radius || at.y < radius || at.x > ARENA_WIDTH - radius) return false
  if (at.y > ARENA_HEIGHT - radius) return false
  return walls.every((box) => {
    const dx = at.x - Math.min(Math.max(at.x, box.x), box.x + box.width)
    const dy = at.y - Math.min(Math.max(at.y, box.y), box.y + box.height)
    return dx * dx + dy * dy >= radius * radius
  })
}

/**
 * Gives the share of the way from `from` along (dx, dy) that is free for a ray: 1 = all of it, 0 = none. The
 * walls grow by `margin` on every side; the arena's edge counts as a wall.
 */
export function freeShare(from: Point, along: Point, margin = 0): number {
  const { x: dx, y: dy } = along
  let share = 1
  if (dx > 0) share = Math.min(share, (ARENA_WIDTH - margin - from.x) / dx)
  if (dx < 0) share = Math.min(share, (margin - from.x) / dx)
  if (dy > 0) share = Math.min(share, (ARENA_HEIGHT - margin - from.y) / dy)
  if (dy < 0) share = Math.min(share, (margin - from.y) / dy)
  for (const box of WALLS) {
    const entry = entryShare(from, along, box, margin)
    if (entry < share) share = entry
  }
  return Math.max(0, share)
}

/** Slab test: the share of the way at which the ray enters the grown box; Infinity when it misses. */
function entryShare(from: Point, along: Point, box: Wall, margin: number): number {
  let near = 0
  let far = Infinity
  const left = box.x - margin
  const right = box.x + box.width + margin
  if (along.x === 0) {
    if (from.x <= left || from.x >= right) return Infinity
  } else {
    const a = (left - from.x) / along.x
    const b = (right - from.x) / along.x
    near = Math.max(near, Math.min(a, b))
    far = Math.min(far, Math.max(a, b))
  }
  const top = box.y - margin
  const bottom = box.y + box.height + margin
  if (along.y === 0) {
    if (from.y <= top || from.y >= bottom) return Infinity
  } else {
    const a = (top - from.y) / along.y
    const b = (bottom - from.y) / along.y
    near = Math.max(near, Math.min(a, b))
    far = Math.min(far, Math.max(a, b))
  }
  return near < far ? near : Infinity
}
