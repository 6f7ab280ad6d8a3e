import type { Audience, Infer, Schema } from '@ringside/protocol'

/**
 * Step 6, the contract: a plain object tree whose changes are recorded and leave in two encodings of the same
 * change (docs/protocol.md): columns for players, an RFC 7396 merge patch for the log.
 */
export interface StateTracker<S extends Schema = Schema> {
  /**
   * The state the game works on. Writing what cannot be recorded (an undeclared field, a wrong type, a
   * foreign object, NaN) throws RingsideError state_invalid at that line.
   */
  readonly state: Infer<S>
  /** Nothing has changed since the last call of both flushes. */
  readonly isSettled: boolean
  /** Calls the listener, in place of an earlier one, before something changes in a state that is settled. */
  onChange(listener: () => void): void
  /**
   * Encodes the changes since the last call, as whole PATCH frames in fresh memory; null when there are
   * none.
   */
  flushPlayers(header: PatchHeader): PlayerPatch | null
  /**
   * Encodes the changes since the last call as merge patches. Call it right after `flushPlayers` (which
   * settles removals), at the slower rate of the log. null when there are none.
   */
  flushLog(): LogPatch | null
  /**
   * Puts a session into a group of a kind of audience, such as a team, as of the next flush; null takes it out. Objects
   * that belong to the session go over to its new group by that patch; the session itself sees another part of the
   * state from then on, and needs a full frame in place of the patch.
   */
  setGroup(audience: Audience, sessionId: string, group: string | null): void
  /**
   * A whole STATE frame: the public part, and for a session what the audiences that it is in see. After
   * `flushPlayers`.
   */
  fullFrame(header: PatchHeader, sessionId: string | null): Uint8Array
  /** The whole state for everybody at once: for many viewers, or a large state. After `flushPlayers`. */
  fullState(header: PatchHeader): FullState
  /** The whole state as the two JSON documents of a snapshot. After `flushPlayers`. */
  fullLog(): LogPatch
  /**
   * The room is no longer this owner's: from now on every write to the state throws RingsideError room_released
   * at its line and changes nothing, and both flushes give null. Reading goes on. Right after both flushes: what
   * changed since is in neither.
   */
  freeze(): void
  /** Takes writes again after a `freeze`, from the state as it was then. */
  thaw(): void
}

export interface PatchHeader {
  readonly epoch: number
  readonly tick: number
  /** Room clock in ms. */
  readonly at: number
}

export interface PlayerPatch {
  /** For everybody who sees nothing hidden of it. It has no groups when only hidden fields changed. */
  readonly frame: Uint8Array
  /**
   * For one session: `frame`, with what the audiences that it is in see of the patch appended, the widest first
   * (protobuf concatenation). Each audience's part is encoded once, and all members of a team who see no more than
   * it get the same bytes. Call it before the next flush.
   */
  frameFor(sessionId: string): Uint8Array
  /** Bytes of all its parts together: no frame of it is larger. */
  readonly byteCount: number
}

/** A whole state of one instant for all who see it, each part encoded once. */
export interface FullState {
  /**
   * The payload of a STATE for one session in parts, to be sent one after the other: the public part, the same bytes for
   * everybody, then what the audiences that the session is in see. They may be kept; nothing is copied.
   */
  partsFor(sessionId: string): readonly Uint8Array[]
  /** Bytes of all its parts together. */
  readonly byteCount: number
}

export interface LogPatch {
  /** Encoded JSON of the public part; '{}' when only hidden fields changed. */
  readonly data: string
  /** Encoded JSON of the hidden part, or null. */
  readonly hidden: string | null
}
