import type { Clock } from '../../process/clock.ts'
import type { BoundReason } from '../position/bound-suffix.ts'
import { boundSuffix } from '../position/bound-suffix.ts'
import type { IdSuffix } from '../position/bounded-ids.ts'
import type { RoomPlace } from '../position/room-id.ts'

/** A stream ends at `to`, an n of its room, or when this is used up: events (`limit`) or seconds (`for`). */
export interface BoundAsk {
  readonly reason: BoundReason
  /** n of the last event, or how much is left. */
  readonly amount: number
}

/**
 * FE98: the bound of one stream, and what is left of it. Whoever writes an event to the stream takes it from the bound first.
 */
export class Bound implements IdSuffix {
  readonly reason: BoundReason
  readonly #clock: Clock
  /** n of the last event, or how many are left. */
  #amount: number
  readonly #until: number
  #isTimeUp = false

  /** The time of a `for` begins now. */
  constructor({ reason, amount }: BoundAsk, clock: Clock) {
    this.reason = reason
    this.#clock = clock
    this.#amount = amount
    this.#until = clock.now() + amount * 1_000
  }

  /** What is left changes without events, too. */
  get isOfTime(): boolean {
    return this.reason === 'for'
  }

  /** Calls back once its time is up. The function that it returns stops that. */
  watch(onTimeUp: () => void): () => void {
    if (!this.isOfTime) return () => {}
    return this.#clock.after(Math.max(0, this.#until - this.#clock.now()), () => {
      this.#isTimeUp = true
      onTimeUp()
    })
  }

  /** One event is shown. */
  take(): void {
    if (this.reason === 'limit') this.#amount--
  }

  /** Nothing more may be shown to a stream that stands here, and has been shown all up to here. */
  isMetAt(place: RoomPlace | null, waitingCount = 0): boolean {
    switch (this.reason) {
      case 'to':
        return place !== null && place.n >= this.#amount
      case 'limit':
        return this.#amount <= waitingCount
      case 'for':
        return this.#isTimeUp
    }
  }

  suffixAt(n: number): string {
    return boundSuffix(this.reason, this.#leftAt(n))
  }

  #leftAt(n: number): number {
    switch (this.reason) {
      case 'to':
        return Math.max(0, this.#amount - n)
      case 'limit':
        return this.#amount
      case 'for':
        // A second that has begun is left, so that nobody loses time by coming back.
        return this.#isTimeUp
          ? 0
          : Math.max(1, Math.ceil((this.#until - this.#clock.now()) / 1_000))
    }
  }
}
