import { ARENA_HEIGHT, ARENA_WIDTH, PLAYER_RADIUS } from '../shared/constants.ts'
import { freeShare, isFree } from '../shared/walls.ts'
import type { Point } from '../shared/walls.ts'

/** Side of a grid cell in units. */
const CELL = 40
const COLUMNS = ARENA_WIDTH / CELL
const ROWS = ARENA_HEIGHT / CELL
const CELLS = COLUMNS * ROWS
/** Room that a walker keeps to walls, in units. */
const MARGIN = PLAYER_RADIUS + 2
/** A walker looks so far ahead on its way for a short cut, in cells. */
const LOOK_AHEAD = 8
const UNREACHABLE = 255

/** The eight neighbours, straight ones first: ties are broken towards straight ways. */
const STEPS: readonly (readonly [dx: number, dy: number])[] = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
  [1, 1],
  [1, -1],
  [-1, 1],
  [-1, -1],
]

/** Knows the ways around the walls: for each pair of cells the next step. It is made once. */
export interface Navigation {
  /** The point to walk to now so as to come to `to`: the goal itself when nothing is in between. */
  waypoint(from: Point, to: Point): Point
}

let shared: Navigation | null = null

/** The navigation of the arena's one map; every brain shares it. */
export function navigation(): Navigation {
  shared ??= createNavigation()
  return shared
}

/** True when a player can walk straight from one point to the other. */
export function canWalk(from: Point, to: Point): boolean {
  return freeShare(from, { x: to.x - from.x, y: to.y - from.y }, MARGIN) >= 1
}

/** True when a shot could fly straight from one point to the other. */
export function canSee(from: Point, to: Point): boolean {
  return freeShare(from, { x: to.x - from.x, y: to.y - from.y }, 6) >= 1
}

function createNavigation(): Navigation {
  const open = Array.from({ length: CELLS }, (_, cell) => isFree(centre(cell), MARGIN))
  const nearestOpen = Array.from({ length: CELLS }, (_, cell) => nearest(open, cell))
  // next[goal * CELLS + cell]: index into STEPS that leads from the cell towards the goal.
  const next = new Uint8Array(CELLS * CELLS).fill(UNREACHABLE)
  for (let goal = 0; goal < CELLS; goal++) if (open[goal]) flood(open, next, goal)

  return {
    waypoint(from, to) {
      if (canWalk(from, to)) return to
      const goal = nearestOpen[cellAt(to)] ?? 0
      let cell = nearestOpen[cellAt(from)] ?? 0
      // A walker outside the grid's open cells goes back onto it first.
      let best = centre(cell)
      for (let ahead = 0; ahead < LOOK_AHEAD && cell !== goal; ahead++) {
        const direction = STEPS[next[goal * CELLS + cell] ?? UNREACHABLE]
        if (!direction) break
        cell += direction[0] + direction[1] * COLUMNS
        const point = centre(cell)
        if (ahead > 0 && !canWalk(from, point)) break
        best = point
      }
      return best
    },
  }
}

/** Goes breadth first from the goal, so that every reached cell learns the step back towards it. */
function flood(open: readonly boolean[], next: Uint8Array, goal: number): void {
  const queue = [goal]
  const seen = new Uint8Array(CELLS)
  seen[goal] = 1
  for (let head = 0; head < queue.length; head++) {
    const cell = queue[head] ?? 0
    for (let index = 0; index < STEPS.length; index++) {
      const [dx, dy] = STEPS[index] ?? [0, 0]
      const from = neighbour(cell, -dx, -dy)
      if (from === -1 || seen[from] || !open[from]) continue
      // Corners are not cut: both cells beside a diagonal must be open.
      if (dx !== 0 && dy !== 0 && !(open[from + dx] && open[from + dy * COLUMNS])) continue
      seen[from] = 1
      next[goal * CELLS + from] = index
      queue.push(from)
    }
  }
}

function neighbour(cell: number, dx: number, dy: number): number {
  const column = (cell % COLUMNS) + dx
  const row = Math.floor(cell / COLUMNS) + dy
  if (column < 0 || row < 0 || column >= COLUMNS || row >= ROWS) return -1
  return row * COLUMNS + column
}

function centre(cell: number): Point {
  return {
    x: ((cell % COLUMNS) + 0.5) * CELL,
    y: (Math.floor(cell / COLUMNS) + 0.5) * CELL,
  }
}

function cellAt({ x, y }: Point): number {
  const column = Math.min(COLUMNS - 1, Math.max(0, Math.floor(x / CELL)))
  const row = Math.min(ROWS - 1, Math.max(0, Math.floor(y / CELL)))
  return row * COLUMNS + column
}

function nearest(open: readonly boolean[], cell: number): number {
  const at = centre(cell)
  let best = cell
  let bestSquare = Infinity
  for (let other = 0; other < CELLS; other++) {
    if (!open[other]) continue
    const { x, y } = centre(other)
    const square = (x - at.x) ** 2 + (y - at.y) ** 2
    if (square >= bestSquare) continue
    best = other
    bestSquare = square
  }
  return best
}
