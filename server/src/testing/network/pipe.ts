import type { Clock } from '../../process/clock.ts'
import type { Random } from '../../process/random.ts'
import type { LinkShape } from './shape.ts'

/** A pipe reads these of its link, anew for each delivery. */
export interface PipeParts {
  readonly clock: Clock
  readonly random: Random
  readonly shape: () => LinkShape
}

interface Parcel {
  readonly dueAt: number
  readonly byteCount: number
  readonly deliver: () => void
}

/**
 * One direction of one connection: what is pushed arrives whole and in order, after the link's delay. Held, it
 * keeps everything; dropped, it loses everything and takes nothing more.
 */
export class Pipe {
  readonly #parts: PipeParts
  #parcels: Parcel[] = []
  #byteCount = 0
  #isHeld = false
  #isDropped = false
  #isDelivering = false
  #cancelTimer: (() => void) | null = null

  constructor(parts: PipeParts) {
    this.#parts = parts
  }

  /** Bytes on their way. */
  get byteCount(): number {
    return this.#byteCount
  }

  /** Without a delay it is delivered before this returns. */
  push(byteCount: number, deliver: () => void): void {
    if (this.#isDropped) return
    this.#parcels.push({ dueAt: this.#arrival(), byteCount, deliver })
    this.#byteCount += byteCount
    this.#pump()
  }

  setHeld(isHeld: boolean): void {
    this.#isHeld = isHeld
    this.#pump()
  }

  drop(): void {
    this.#isDropped = true
    this.#parcels = []
    this.#byteCount = 0
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }

  #arrival(): number {
    const { clock, random } = this.#parts
    const { latencyMs, jitterMs, burstMs } = this.#parts.shape()
    const jitter = jitterMs === 0 ? 0 : random.next() * jitterMs
    const at = clock.now() + Math.round(latencyMs + jitter)
    return burstMs === 0 ? at : Math.ceil(at / burstMs) * burstMs
  }

  /**
   * The head alone decides, so that what is due before it waits behind it. A delivery may push to this pipe again:
   * what it pushes waits its turn.
   */
  #pump(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    this.#cancelTimer?.()
    this.#cancelTimer = null
    const { clock } = this.#parts
    for (let head = this.#parcels[0]; head; head = this.#parcels[0]) {
      if (this.#isHeld) break
      if (head.dueAt > clock.now()) {
        this.#cancelTimer = clock.after(head.dueAt - clock.now(), () => this.#pump())
        break
      }
      this.#parcels.shift()
      this.#byteCount -= head.byteCount
      head.deliver()
    }
    this.#isDelivering = false
  }
}
