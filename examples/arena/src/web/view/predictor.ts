export interface Position {
  readonly x: number
  readonly y: number
}

/** One step of intent, as it was sent. */
export interface StepInput {
  readonly sequence: number
  readonly moveX: number
  readonly moveY: number
}

/** Makes one step by the shared rules of movement. It must be the server's own function. */
export type MoveStep = (from: Position, input: StepInput) => Position

/** Unconfirmed inputs kept at most: 4 s at 30 a second. Beyond it the server's word counts alone. */
const MAX_PENDING = 120
/** This part of a correction is left after a second; it fades in about 0.1 s. */
const FADE_PER_SECOND = 1e-6
/** A correction larger than this, in units, is a respawn and is taken at once. */
const SNAP_UNITS = 120

/**
 * Moves the own player without waiting for the server: inputs are applied at once by the server's own
 * rules, and applied again on top of each position that the server confirms. A difference to
 * the server's word is faded in, so that a correction is not seen as a jump.
 */
export class Predictor {
  readonly #step: MoveStep
  #pending: StepInput[] = []
  #position: Position | null = null
  #previous: Position | null = null
  #offsetX = 0
  #offsetY = 0

  constructor(step: MoveStep) {
    this.#step = step
  }

  get pending(): number {
    return this.#pending.length
  }

  /** Forgets all: the next confirmed position counts as it is. */
  reset(): void {
    this.#pending = []
    this.#position = null
    this.#previous = null
    this.#offsetX = 0
    this.#offsetY = 0
  }

  /** Applies one own input at once. */
  apply(input: StepInput): void {
    if (!this.#position) return
    this.#pending.push(input)
    if (this.#pending.length > MAX_PENDING) this.#pending.shift()
    this.#previous = this.#position
    this.#position = this.#step(this.#position, input)
  }

  /** Takes the server's position after input `lastInput`, and repeats what it has not seen yet. */
  confirm(server: Position, lastInput: number): void {
    this.#pending = this.#pending.filter((input) => input.sequence > lastInput)
    let position: Position = { x: server.x, y: server.y }
    let previous = position
    for (const input of this.#pending) {
      previous = position
      position = this.#step(position, input)
    }
    if (this.#position) {
      const errorX = this.#position.x - position.x
      const errorY = this.#position.y - position.y
      const isSmall = Math.hypot(errorX, errorY) < SNAP_UNITS
      this.#offsetX = isSmall ? this.#offsetX + errorX : 0
      this.#offsetY = isSmall ? this.#offsetY + errorY : 0
    }
    // There is no step to draw between without unconfirmed inputs.
    this.#previous = this.#pending.length > 0 ? previous : position
    this.#position = position
  }

  /** Gives the place to draw: `part` (0-1) of the way from the step before to the newest. */
  drawn(part: number): Position | null {
    if (!this.#position || !this.#previous) return null
    return {
      x: this.#previous.x + (this.#position.x - this.#previous.x) * part + this.#offsetX,
      y: this.#previous.y + (this.#position.y - this.#previous.y) * part + this.#offsetY,
    }
  }

  /** Lets corrections fade; call it once a frame with the frame's length. */
  fade(elapsedMs: number): void {
    const left = FADE_PER_SECOND ** (elapsedMs / 1000)
    this.#offsetX *= left
    this.#offsetY *= left
  }
}
