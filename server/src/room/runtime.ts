import type { Json } from '@ringside/protocol'

/** A seat as a snapshot keeps it. */
export interface SeatRecord {
  readonly sessionId: string
  readonly name: string
  readonly reconnectToken: string
}

/** What a new owner of a room needs besides its state (OB6). */
export interface RoomRuntime {
  readonly tick: number
  /** The room's clock in ms. */
  readonly now: number
  /** State of the room's randomness. */
  readonly seed: number
  readonly isLocked: boolean
  readonly isPrivate: boolean
  readonly metadata: Json
  readonly seats: readonly SeatRecord[]
}

/** For the log, as the `runtime` of a snapshot. */
export function encodeRuntime(runtime: RoomRuntime): string {
  return JSON.stringify(runtime)
}

/**
 * Reads the `runtime` of a snapshot. It was written by this code, perhaps by an earlier version of it:
 * what is missing takes its first value.
 */
export function decodeRuntime(text: string): RoomRuntime {
  const given = JSON.parse(text) as Partial<RoomRuntime>
  return {
    tick: given.tick ?? 0,
    now: given.now ?? 0,
    seed: given.seed ?? 0,
    isLocked: given.isLocked ?? false,
    isPrivate: given.isPrivate ?? false,
    metadata: given.metadata ?? null,
    seats: given.seats ?? [],
  }
}
