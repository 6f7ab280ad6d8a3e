import { createRandom } from '@ringside/server'
import { describe, expect, test } from 'vitest'
import {
  ARENA_HEIGHT,
  ARENA_WIDTH,
  PLAYER_RADIUS,
  PLAYER_SPEED,
  SHOT_RANGE,
  SHOT_SPEED,
  STEP_MS,
} from '../src/shared/constants.ts'
import { quantizeInput, step, wrapAngle } from '../src/shared/movement.ts'
import { flightMs, muzzle, shotAt, touchShare } from '../src/shared/shots.ts'
import { PACK_SPOTS, SPAWN_SPOTS, WALLS, freeShare, isFree, pushOut } from '../src/shared/walls.ts'

const STEP_UNITS = (PLAYER_SPEED * STEP_MS) / 1000

describe('AR1 movement', () => {
  test('AR1 a full step goes one step length in the direction given', () => {
    const to = step({ x: 800, y: 200 }, { moveX: 1, moveY: 0 })
    expect(to.x).toBeCloseTo(800 + STEP_UNITS, 0)
    expect(to.y).toBe(200)
  })

  test('AR1 no crafted direction is faster than full speed', () => {
    for (const intent of [
      { moveX: 1, moveY: 1 },
      { moveX: 21_474_836.47, moveY: -21_474_836.48 },
      { moveX: 0, moveY: 1e300 },
    ]) {
      const to = step({ x: 1300, y: 500 }, intent)
      expect(Math.hypot(to.x - 1300, to.y - 500)).toBeLessThan(STEP_UNITS + 0.15)
    }
  })

  test('AR1 directions that are no numbers do not move', () => {
    for (const moveX of [NaN, Infinity]) {
      const to = step({ x: 800, y: 200 }, { moveX, moveY: 0 })
      expect(Number.isFinite(to.x) && Number.isFinite(to.y)).toBe(true)
    }
    expect(step({ x: 800, y: 200 }, { moveX: NaN, moveY: 1 })).toEqual({ x: 800, y: 200 })
  })

  test('AR1 a wall across the way is slid along', () => {
    const box = WALLS[0]
    if (!box) throw new Error('No wall')
    let at = { x: box.x + 60, y: box.y - PLAYER_RADIUS - 3 }
    const start = at
    for (let count = 0; count < 5; count++) at = step(at, { moveX: 0.7, moveY: 0.7 })
    expect(at.x).toBeGreaterThan(start.x + 20)
    expect(at.y).toBeLessThanOrEqual(box.y - PLAYER_RADIUS + 0.1)
  })

  test('AR1 a random walk never ends inside a wall or outside the arena', () => {
    const random = createRandom(4711)
    let at = { x: 90, y: 90 }
    let intent = { moveX: 1, moveY: 0 }
    for (let count = 0; count < 20_000; count++) {
      if (count % 15 === 0) intent = { moveX: random.next() * 2 - 1, moveY: random.next() * 2 - 1 }
      at = step(at, intent)
      expect(isFree(at, PLAYER_RADIUS - 0.2), `seed 4711, step ${count}`).toBe(true)
    }
  })

  test('AR1 steps from a quantised place are the same when replayed', () => {
    const random = createRandom(7)
    const inputs = Array.from({ length: 2_000 }, (_, sequence) =>
      quantizeInput({
        sequence,
        moveX: random.next() * 2 - 1,
        moveY: random.next() * 2 - 1,
        angle: random.next() * 10,
        buttons: 0,
      }),
    )
    const walk = (): string => {
      let at = { x: 800, y: 60 }
      return inputs.map((input) => JSON.stringify((at = step(at, input)))).join()
    }
    expect(walk()).toBe(walk())
    for (const input of inputs) expect(quantizeInput(input)).toEqual(input)
  })

  test('AR1 somebody who stands in a wall is put beside it', () => {
    for (const box of WALLS) {
      const inside = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
      const out = pushOut(inside, PLAYER_RADIUS, [box])
      expect(isFree(out, PLAYER_RADIUS - 0.01, [box])).toBe(true)
    }
  })

  test('AR1 any angle is brought between -pi and pi', () => {
    expect(wrapAngle(7)).toBeCloseTo(7 - 2 * Math.PI)
    expect(wrapAngle(NaN)).toBe(0)
    expect(Math.abs(wrapAngle(21_474_836.47))).toBeLessThanOrEqual(Math.PI)
  })
})

describe('AR2 the map', () => {
  test('AR2 is the same seen from every corner', () => {
    const key = (x: number, y: number, w: number, h: number): string => [x, y, w, h].join()
    const all = new Set(WALLS.map((box) => key(box.x, box.y, box.width, box.height)))
    for (const { x, y, width, height } of WALLS) {
      expect(all).toContain(key(ARENA_WIDTH - x - width, y, width, height))
      expect(all).toContain(key(x, ARENA_HEIGHT - y - height, width, height))
    }
  })

  test('AR2 nobody appears in a wall, and every pack can be reached', () => {
    expect(SPAWN_SPOTS.length).toBeGreaterThanOrEqual(16)
    for (const spot of SPAWN_SPOTS) expect(isFree(spot, PLAYER_RADIUS + 4)).toBe(true)
    for (const spot of PACK_SPOTS) expect(isFree(spot, PLAYER_RADIUS)).toBe(true)
  })
})

describe('AR3 shots', () => {
  const shot = { x: 300, y: 60, vx: SHOT_SPEED, vy: 0, firedAt: 1_000 }

  test('AR3 fly straight and end with their range', () => {
    expect(flightMs(shot)).toBeCloseTo((SHOT_RANGE / SHOT_SPEED) * 1000)
    expect(shotAt(shot, 1_500)).toEqual({ x: 300 + SHOT_SPEED / 2, y: 60 })
    expect(shotAt(shot, 99_000).x).toBeCloseTo(300 + SHOT_RANGE)
    expect(shotAt(shot, 0)).toEqual({ x: 300, y: 60 })
  })

  test('AR3 end at a wall and at the edge', () => {
    const down = { x: 300, y: 100, vx: 0, vy: SHOT_SPEED, firedAt: 0 }
    expect(shotAt(down, 1e9).y).toBeCloseTo(175)
    const up = { x: 300, y: 100, vx: 0, vy: -SHOT_SPEED, firedAt: 0 }
    expect(shotAt(up, 1e9).y).toBeCloseTo(5)
  })

  test('AR3 a muzzle in a wall fires nothing through it', () => {
    const box = WALLS[0]
    if (!box) throw new Error('No wall')
    const from = { x: box.x + 50, y: box.y - PLAYER_RADIUS }
    const start = muzzle(from, Math.PI / 2)
    expect(start.y).toBeLessThanOrEqual(box.y)
    expect(flightMs({ ...start, vx: 0, vy: SHOT_SPEED, firedAt: 0 })).toBe(0)
  })

  test('AR3 a fast shot touches whom it passes between two ticks', () => {
    const at = { x: 50, y: 0, radius: 10 }
    expect(touchShare({ x: 0, y: 0 }, { x: 100, y: 0 }, at)).toBeCloseTo(0.4)
    expect(touchShare({ x: 0, y: 11 }, { x: 100, y: 11 }, at)).toBe(Infinity)
    expect(touchShare({ x: 0, y: 0 }, { x: 39, y: 0 }, at)).toBe(Infinity)
    expect(touchShare({ x: 61, y: 0 }, { x: 100, y: 0 }, at)).toBe(Infinity)
    expect(touchShare({ x: 50, y: 5 }, { x: 50, y: 5 }, at)).toBe(0)
  })

  test('AR3 a ray is stopped by each wall in its way and by none beside it', () => {
    expect(freeShare({ x: 300, y: 100 }, { x: 0, y: 160 })).toBeCloseTo(0.5)
    expect(freeShare({ x: 300, y: 100 }, { x: 100, y: 0 })).toBe(1)
    expect(freeShare({ x: 300, y: 100 }, { x: 0, y: 0 })).toBe(1)
  })
})
