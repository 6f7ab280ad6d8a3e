import type { StoredRoom } from '../outbox/contract/outbox.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'
import type { StateTracker } from '../state/contract.ts'
import type { Start } from '../room/start.ts'
import { decodeRuntime } from '../room/runtime.ts'
import type { Runtime } from '../room/runtime.ts'
import { takeSeats } from '../room/seats/restored-seats.ts'

export interface RestoreParts {
  readonly states: { restore(publicState: string, hiddenState: string | null): StateTracker }
  readonly record: RoomRecord
}

/**
 * Says how a room goes on from its log: with the state at its last patch; tick, seed and metadata as of the
 * newest snapshot; lock and privacy of that or of the room's record, whichever is newer; the seats as
 * the log has them (CL3, CL23, CL24, OB25).
 */
export function restoredStart(stored: StoredRoom, parts: RestoreParts): Start {
  const { hiddenState, ...seats } = takeSeats(stored)
  const tracker = parts.states.restore(stored.publicState, hiddenState)
  const { record } = parts
  const base = decodeRuntime(stored.runtime ?? '{}', record.seed)
  const runtime: Runtime = { ...base, ...newerAccess(base, record) }
  return { kind: 'restored', tracker, runtime, seats }
}

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
