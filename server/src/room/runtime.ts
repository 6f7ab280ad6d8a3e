import type { StoredProfile } from './profile.ts'

/** A snapshot has this for a new owner of the room, besides its state and seats (OB62). */
export interface Runtime extends StoredProfile {
  readonly tick: number
  /** The room's clock in ms. */
  readonly now: number
  /** Secret of the room's randomness; the epoch of its owner says where the draws begin (OB20). */
  readonly seed: string
}

/** Encodes it for the log, as the `runtime` of a snapshot. */
export function encodeRuntime(runtime: Runtime): string {
  return JSON.stringify(runtime)
}

/**
 * Reads the `runtime` of a snapshot. It was written by this code, perhaps by an earlier version of it:
 * a missing field takes its first value, and the seed that of the room's record. Earlier versions wrote the
 * generator's state as a number: its digits are the seed now, and as easily found as before.
 */
export function decodeRuntime(text: string, recordSeed: string): Runtime {
  const given = JSON.parse(text) as Partial<Omit<Runtime, 'seed'>> & { seed?: string | number }
  return {
    tick: given.tick ?? 0,
    now: given.now ?? 0,
    seed: String(given.seed ?? recordSeed),
    isLocked: given.isLocked ?? false,
    isPrivate: given.isPrivate ?? false,
    metadata: given.metadata ?? null,
    revision: given.revision ?? 0,
  }
}
