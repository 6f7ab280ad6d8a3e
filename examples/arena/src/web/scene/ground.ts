import type Phaser from 'phaser'
import { ARENA_HEIGHT, ARENA_WIDTH } from '../../shared/constants.ts'
import { WALLS } from '../../shared/walls.ts'
import { theme } from '../theme.ts'

const CELL = 50

/** Draws what never changes: floor, grid, markings, walls. */
export function drawGround(scene: Phaser.Scene): void {
  const ground = scene.add.graphics().setDepth(0)
  ground.fillStyle(theme.floor, 1).fillRect(0, 0, ARENA_WIDTH, ARENA_HEIGHT)
  for (let x = CELL; x < ARENA_WIDTH; x += CELL) {
    ground.lineStyle(1, theme.grid, x % (CELL * 4) === 0 ? 1 : 0.55)
    ground.lineBetween(x, 0, x, ARENA_HEIGHT)
  }
  for (let y = CELL; y < ARENA_HEIGHT; y += CELL) {
    ground.lineStyle(1, theme.grid, y % (CELL * 4) === 0 ? 1 : 0.55)
    ground.lineBetween(0, y, ARENA_WIDTH, y)
  }
  ground.lineStyle(3, theme.grid, 1)
  ground.strokeCircle(ARENA_WIDTH / 2, ARENA_HEIGHT / 2, 170)
  ground.lineBetween(ARENA_WIDTH / 2, 0, ARENA_WIDTH / 2, ARENA_HEIGHT)

  const walls = scene.add.graphics().setDepth(5)
  for (const wall of WALLS)
    walls.fillStyle(0x04060a, 0.5).fillRect(wall.x + 5, wall.y + 7, wall.width, wall.height)
  for (const wall of WALLS)
    walls.fillStyle(theme.wall, 1).fillRect(wall.x, wall.y, wall.width, wall.height)
  for (const wall of WALLS) {
    walls.fillStyle(theme.wallEdge, 1).fillRect(wall.x, wall.y, wall.width, 3)
    walls.fillStyle(theme.wallEdge, 0.45).fillRect(wall.x, wall.y, 3, wall.height)
  }
  walls.lineStyle(10, theme.edge, 0.1).strokeRect(-5, -5, ARENA_WIDTH + 10, ARENA_HEIGHT + 10)
  walls.lineStyle(3, theme.edge, 0.75).strokeRect(-1.5, -1.5, ARENA_WIDTH + 3, ARENA_HEIGHT + 3)
}
