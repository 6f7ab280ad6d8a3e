/** A room's own time. It stands still within a turn, and never goes back. */
export class Time {
  /** The room's clock in ms. */
  now: number
  /** Ticks since the room began. */
  tick: number

  constructor(now: number, tick: number) {
    this.now = now
    this.tick = tick
  }

  /** A turn begins at `at`. */
  begin(at: number): void {
    if (at > this.now) this.now = at
  }
}
