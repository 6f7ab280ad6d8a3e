import type { Json } from '@ringside/protocol'
import type { Profile } from './profile.ts'

/** A seat as a snapshot keeps it. */
export interface SeatRecord {
  readonly sessionId: string
  readonly name: string
  readonly reconnectToken: string
  /** `session.auth` as far as it is JSON, else null. */
  readonly auth: Json
  /** The team that the player is in, if any. */
  readonly team?: string
}

/** What a new owner of a room needs besides its state (OB6). */
export interface RoomRuntime extends Profile {
  readonly tick: number
  /** The room's clock in ms. */
  readonly now: number
  /** Secret of the room's randomness; the epoch of its owner says where the draws begin (OB20). */
  readonly seed: string
  readonly seats: readonly SeatRecord[]
}

/** For the log, as the `runtime` of a snapshot. */
export function encodeRuntime(runtime: RoomRuntime): string {
  return JSON.stringify(runtime)
}

/**
 * Reads the `runtime` of a snapshot. It was written by this code, perhaps by an earlier version of it:
 * what is missing takes its first value, and the seed that of the room's record. Earlier versions wrote the
 * generator's state as a number: its digits are the seed now, and as easily found as before.
 */
export function decodeRuntime(text: string, recordSeed: string): RoomRuntime {
  const given = JSON.parse(text) as Partial<Omit<RoomRuntime, 'seed'>> & { seed?: string | number }
  return {
    tick: given.tick ?? 0,
    now: given.now ?? 0,
    seed: String(given.seed ?? recordSeed),
    isLocked: given.isLocked ?? false,
    isPrivate: given.isPrivate ?? false,
    metadata: given.metadata ?? null,
    revision: given.revision ?? 0,
    seats: given.seats ?? [],
  }
}

/** Longest `auth` that is kept, in characters of JSON. */
const MAX_AUTH_CHARACTERS = 4_096

/** What of `session.auth` survives a restart: JSON of a sensible size, else null. */
export function authRecord(auth: unknown): Json {
  if (auth === undefined) return null
  try {
    const text = JSON.stringify(auth) as string | undefined
    return text !== undefined && text.length <= MAX_AUTH_CHARACTERS
      ? (JSON.parse(text) as Json)
      : null
  } catch {
    return null
  }
}
