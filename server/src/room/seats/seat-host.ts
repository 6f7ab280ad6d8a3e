import type { RoomType } from '../context.ts'
import type { Seat, SeatOwner } from './seat.ts'

/** A seat table sees its room as this: it knows no state, no log and no loop. */
export interface SeatHost extends SeatOwner {
  readonly type: string
  readonly kind: RoomType
  readonly epoch: number
  /** The room's clock in ms. */
  readonly now: number
  /** The log takes nothing: nobody may be seated, and no grace ends. */
  readonly isPaused: boolean
  /** The room is paused or handed over: no time passes in it. */
  readonly isStill: boolean
  readonly isOver: boolean
  /** @throws RingsideError room_released, room_paused. */
  assertTakesInput(): void
  /** A new player's connection has taken the seat. */
  enter(seat: Seat): void
  /** A player is back on a new connection. */
  reenter(seat: Seat): void
}
