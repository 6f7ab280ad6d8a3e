import { fromSteps, toSteps } from '@ringside/protocol'
import type { PayloadOf } from '@ringside/protocol'
import { PLAYER_RADIUS, PLAYER_SPEED, STEP_MS } from './constants.ts'
import type { game } from './game.ts'
import { pushOut } from './walls.ts'
import type { Point } from './walls.ts'

/** One step of a player's intent, as it travels. */
export type Input = PayloadOf<typeof game.commands.input>

/** Positions are held in tenths of a unit, directions and angles in hundredths. */
const POSITION_STEP = 0.1
const INTENT_STEP = 0.01

const quantize = (value: number, step: number): number => fromSteps(toSteps(value, step), step)

/** The position as the state holds it. */
export function quantizePosition({ x, y }: Point): Point {
  return { x: quantize(x, POSITION_STEP), y: quantize(y, POSITION_STEP) }
}

/**
 * An input as the server will decode it. Predict with this one, not with the raw numbers, or the
 * prediction drifts from the server.
 */
export function quantizeInput(input: Input): Input {
  return {
    sequence: input.sequence,
    moveX: quantize(input.moveX, INTENT_STEP),
    moveY: quantize(input.moveY, INTENT_STEP),
    angle: quantize(wrapAngle(input.angle), INTENT_STEP),
    buttons: input.buttons,
  }
}

/** Brings a direction between -pi and pi; gives 0 for a value that is no number. */
export function wrapAngle(angle: number): number {
  if (!Number.isFinite(angle)) return 0
  return angle - Math.round(angle / (2 * Math.PI)) * 2 * Math.PI
}

/**
 * Gives a player's place after one input: at most full speed in the direction of (moveX, moveY), sliding
 * along walls. The server runs it for every input it takes, the browser to predict and to replay:
 * both get the same bits, because the result is quantised and no transcendental function is used.
 */
export function step(from: Point, intent: { moveX: number; moveY: number }): Point {
  let { moveX, moveY } = intent
  // A crafted input must not be faster, so a direction longer than 1 is cut to 1.
  const square = moveX * moveX + moveY * moveY
  if (!(square > 0 && square < Infinity)) return quantizePosition(from)
  if (square > 1) {
    const length = Math.sqrt(square)
    moveX /= length
    moveY /= length
  }
  const distance = (PLAYER_SPEED * STEP_MS) / 1000
  const target = { x: from.x + moveX * distance, y: from.y + moveY * distance }
  return quantizePosition(pushOut(target, PLAYER_RADIUS))
}
