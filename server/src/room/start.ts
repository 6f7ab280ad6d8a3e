import type { Json } from '@ringside/protocol'
import { NO_EVENTS, foldEventMarks } from '../outbox/contract/event-marks.ts'
import type { EventMarks } from '../outbox/contract/event-marks.ts'
import type { StoredRoom } from '../outbox/contract/outbox.ts'
import type { RoomWho } from '../outbox/contract/room-who.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'
import type { StateTracker } from '../state/contract.ts'
import type { StoredProfile } from './profile.ts'
import { takeSeats } from './seats/restored-seats.ts'
import type { RestoredSeats } from './seats/restored-seats.ts'

/** Makes the tracker of a room's first state. */
export type TrackState = (initial: unknown) => StateTracker

/** A room that goes on from its log. */
export interface RestoredStart {
  readonly kind: 'restored'
  readonly tracker: StateTracker
  readonly runtime: Runtime
  readonly seats: RestoredSeats
  /** Who sees it, as its log says at its end; null: an older program has written it, and it does not say. */
  readonly who: RoomWho | null
  /** Spectators see it so much later, as its log or else its record says, in ms. */
  readonly delayMs: number
}

/** A room that begins. */
export interface NewStart {
  readonly kind: 'new'
  /** The creator's wishes: hostile until onCreate has checked them. */
  readonly options: Json
  readonly track: TrackState
}

/** A room begins anew, or goes on from its log. */
export type Start = NewStart | RestoredStart

/** A snapshot has this for a new owner of the room, besides its state and seats (OB62). */
export interface Runtime extends StoredProfile {
  readonly tick: number
  /** The room's clock in ms. */
  readonly now: number
  /** Secret of the room's randomness; the epoch of its owner says where the draws begin (OB20). */
  readonly seed: string
  /** How far its events have been counted. */
  readonly events: EventMarks
}

/** Encodes it for the log, as the `runtime` of a snapshot. */
export function encodeRuntime(runtime: Runtime): string {
  return JSON.stringify(runtime)
}

export interface RestoreParts {
  readonly states: { restore(publicState: string, hiddenState: string | null): StateTracker }
  readonly record: RoomRecord
}

/**
 * Says how a room goes on from its log: with the state at its last patch; tick, seed and metadata as of the
 * newest snapshot; its events counted on; its lock of that or of the room's record, whichever is newer; who sees it, and the
 * seats, as the log has them (CL3, CL23, CL24, OB25, OB126).
 */
export function restoredStart(stored: StoredRoom, parts: RestoreParts): Start {
  const { hiddenState, ...seats } = takeSeats(stored)
  const tracker = parts.states.restore(stored.publicState, hiddenState)
  const { record } = parts
  const base = decodeRuntime(stored.runtime ?? '{}', record.seed)
  const events = stored.events.reduce(foldEventMarks, base.events)
  const { who } = stored
  const access = newerAccess(base, record)
  const isPrivate = who?.isPrivate ?? access.isPrivate
  const runtime: Runtime = { ...base, ...access, isPrivate, events }
  const delayMs = who?.delayMs ?? record.delayMs
  return { kind: 'restored', tracker, runtime, seats, who, delayMs }
}

/** Of the owners of a log that was written without indexes nothing is known. */
const UNCOUNTED: EventMarks = { ...NO_EVENTS, since: Number.MAX_SAFE_INTEGER }

type Access = Pick<Runtime, 'isLocked' | 'isPrivate' | 'revision'>

/** Says who may get in and watch. Where neither is newer, the one that shuts the room counts. */
function newerAccess(snapshot: Access, record: Access): Access {
  const { isLocked, isPrivate, revision } = record.revision > snapshot.revision ? record : snapshot
  if (record.revision !== snapshot.revision) return { isLocked, isPrivate, revision }
  return {
    isLocked: isLocked || record.isLocked,
    isPrivate: isPrivate || record.isPrivate,
    revision,
  }
}

/**
 * Reads the `runtime` of a snapshot. It was written by this code, perhaps by an earlier version of it:
 * a missing field takes its first value, and the seed that of the room's record. Earlier versions wrote the
 * generator's state as a number: its digits are the seed now, and as easily found as before.
 */
function decodeRuntime(text: string, recordSeed: string): Runtime {
  const given = JSON.parse(text) as Partial<Omit<Runtime, 'seed'>> & { seed?: string | number }
  return {
    tick: given.tick ?? 0,
    now: given.now ?? 0,
    seed: String(given.seed ?? recordSeed),
    isLocked: given.isLocked ?? false,
    isPrivate: given.isPrivate ?? false,
    metadata: given.metadata ?? null,
    maxClients: given.maxClients ?? null,
    revision: given.revision ?? 0,
    events: given.events ?? UNCOUNTED,
  }
}
