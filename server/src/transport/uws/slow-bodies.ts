import { performance } from 'node:perf_hooks'
import { Intake } from '../../process/intake.ts'
import type { IntakeLimits } from '../../process/intake.ts'

/** A body that waits for its reader. */
export interface SlowBody {
  /** Bytes that the kernel has not taken. */
  readonly bufferedBytes: number
  /** Nobody else looks after it: it is cut when its reader is too slow. A stream that is open has an owner for that. */
  readonly isUnwatched: boolean
  /** Hands the kernel what it has room for. It may leave by that. */
  press(): void
  /** Drops the socket. */
  cut(): void
}

const PRESS_MS = 1_000

/**
 * The HTTP bodies whose sockets are full. The kernel tells of room only once a third of its buffer is free, which over
 * a slow line takes longer than the 10 s after which uWebSockets.js gives a socket up, and longer than anybody may take
 * nothing: so each is pressed once a second, which is also how its progress is seen.
 */
export class SlowBodies {
  readonly #limits: IntakeLimits
  readonly #bodies = new Map<SlowBody, Intake>()
  #timer: ReturnType<typeof setInterval> | null = null

  constructor(limits: IntakeLimits) {
    this.#limits = limits
  }

  add(body: SlowBody): void {
    if (this.#bodies.has(body)) return
    const intake = new Intake(this.#limits)
    intake.look(body.bufferedBytes, performance.now())
    this.#bodies.set(body, intake)
    this.#timer ??= setInterval(() => this.#pressAll(), PRESS_MS)
  }

  remove(body: SlowBody): void {
    if (!this.#bodies.delete(body) || this.#bodies.size > 0) return
    this.stop()
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  #pressAll(): void {
    const now = performance.now()
    for (const [body, intake] of this.#bodies) {
      body.press()
      if (!this.#bodies.has(body)) continue
      intake.look(body.bufferedBytes, now)
      if (body.isUnwatched && intake.isSlow(now)) body.cut()
    }
  }
}
