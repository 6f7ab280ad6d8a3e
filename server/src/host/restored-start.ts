import type { Json } from '@ringside/protocol'
import type { StoredRoom } from '../outbox/contract/outbox.ts'
import type { RoomRecord } from '../outbox/contract/store.ts'
import type { StateTracker } from '../state/contract.ts'
import type { RoomStart } from '../room/start.ts'
import { decodeRuntime } from '../room/runtime.ts'
import type { RoomRuntime, SeatRecord } from '../room/runtime.ts'

export interface RestoreParts {
  readonly states: { restore(publicState: string, hiddenState: string | null): StateTracker }
  readonly record: RoomRecord
}

/**
 * How a room goes on from its log: the state at its last patch; tick, seed and metadata as of the
 * newest snapshot; lock and privacy of that or of the room's record, whichever is newer; the seats of that
 * snapshot and of those who joined after it (CL3).
 */
export function restoredStart(stored: StoredRoom, parts: RestoreParts): RoomStart {
  const { publicState, hiddenState } = stored
  const tracker = parts.states.restore(publicState, hiddenState)
  const { record } = parts
  const base = decodeRuntime(stored.runtime ?? '{}', record.seed)
  const seats = seatsAfter(base.seats, stored)
  const runtime: RoomRuntime = { ...base, ...newerAccess(base, record), seats }
  return { kind: 'restored', tracker, runtime }
}

type Access = Pick<RoomRuntime, 'isLocked' | 'isPrivate' | 'revision'>

/** Who may get in and watch. Where neither is newer, what shuts the room counts. */
function newerAccess(snapshot: Access, record: Access): Access {
  const { isLocked, isPrivate, revision } = record.revision > snapshot.revision ? record : snapshot
  if (record.revision !== snapshot.revision) return { isLocked, isPrivate, revision }
  return {
    isLocked: isLocked || record.isLocked,
    isPrivate: isPrivate || record.isPrivate,
    revision,
  }
}

function seatsAfter(before: readonly SeatRecord[], { events }: StoredRoom): SeatRecord[] {
  const seats = new Map(before.map((seat) => [seat.sessionId, seat]))
  for (const event of events) {
    if (event.type !== 'joined' && event.type !== 'left') continue
    const { sessionId, name } = JSON.parse(event.data) as SeatRecord
    if (event.type === 'left') seats.delete(sessionId)
    else {
      const { reconnectToken = '', auth = null } = JSON.parse(event.hidden ?? '{}') as {
        reconnectToken?: string
        auth?: Json
      }
      seats.set(sessionId, { sessionId, name, reconnectToken, auth })
    }
  }
  return [...seats.values()]
}
