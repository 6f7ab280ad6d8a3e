import { applyMergePatch } from '@ringside/protocol'
import type { Json } from '@ringside/protocol'
import type { LogEvent } from './store.ts'

/**
 * Key of a room's hidden document under which its seats stand, by session id. No field of a schema can have
 * this name, so patches, their composition, folds and snapshots carry the seats like any hidden field.
 */
export const SEATS = '~seats'

/**
 * Key of the seats that are gone, by session id, each with the store time at which it was given up. They are kept for
 * `GONE_MS`, so that no token of theirs seats them anew (CL35). Under `''` stands the time up to which some were forgotten
 * sooner, if any were.
 */
export const GONE = '~gone'

/** A seat that is gone is remembered for so long, and a token seats anew that was issued so long before, in ms. */
export const GONE_MS = 60_000

/**
 * A seat comes this far: `joining` until `onJoin` has settled, `seated`, `leaving` until `onLeave` has, `gone`
 * from then on. A new owner runs `onLeave` for a seat that is `joining` or `leaving`.
 */
export type SeatPhase = 'joining' | 'seated' | 'leaving' | 'gone'

/** One seat as the log has it. */
export interface SeatEntry {
  readonly name: string
  readonly phase: SeatPhase
  /** The generation of its newest token; absent in a log of before tokens had one. */
  readonly generation?: number
  /** A log of before has the token itself here: it counts as that of generation 0. */
  readonly token?: string | null
  /** `session.auth` as encoded JSON: a merge patch would drop nulls inside of it. */
  readonly auth: string
  /** The team that the player is in, if any. */
  readonly team?: string | null
  /** The seat was given up for this reason; it is there from `leaving` on. */
  readonly reason?: string | null
  /** Stands until the room's `joined` follows in the log: without that, a new owner writes it. */
  readonly isNew?: true
}

/**
 * A hidden document after an event that is no patch: `joined` and `left` say that the change of their seat is
 * told, and take the mark of that, or the seat, off the document. Changes and returns `hidden`.
 */
export function foldSeatEvent(
  hidden: Json | null,
  { type, data }: Pick<LogEvent, 'type' | 'data'>,
): Json | null {
  if (type !== 'joined' && type !== 'left') return hidden
  const { sessionId } = JSON.parse(data) as { readonly sessionId?: string }
  if (sessionId === undefined || !seatEntriesOf(hidden)?.[sessionId]) return hidden
  const change = type === 'left' ? null : { isNew: null }
  return applyMergePatch(hidden ?? {}, { [SEATS]: { [sessionId]: change } })
}

/** The seats of a hidden document; null where the log was written before it had them. */
export function seatEntriesOf(hidden: Json | null): Readonly<Record<string, SeatEntry>> | null {
  if (hidden === null || typeof hidden !== 'object' || Array.isArray(hidden)) return null
  if (!Object.hasOwn(hidden, SEATS)) return null
  return hidden[SEATS] as unknown as Readonly<Record<string, SeatEntry>>
}
