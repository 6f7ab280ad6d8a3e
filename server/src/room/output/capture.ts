import type { PatchHeader, PlayerPatch } from '../../state/contract.ts'

/** One capture of a room (OB24), and which of its three readers it is for. */
export interface CaptureOptions {
  readonly header: PatchHeader
  /** The log's patch is due, too, and with it a snapshot that was asked for. */
  readonly isLogDue: boolean
  /** Encodes the `runtime` of a snapshot. */
  readonly runtime: () => string
  /** Session ids of those that get a whole state of this instant. */
  readonly fullFor: readonly string[]
}

/** One instant of a room for its players. Nothing of it may be encoded later: the room goes on. */
export interface Capture {
  /** The changes since the last capture; null when there are none. */
  readonly patch: PlayerPatch | null
  /** Whole STATE frames by session id, for those of `fullFor`. */
  readonly full: ReadonlyMap<string, Uint8Array>
}
