import type { Json } from '@ringside/protocol'
import type { RestoredRoom } from '../outbox/outbox.ts'
import type { StateTracker } from '../state/state.ts'
import type { RoomStart } from './room-start.ts'
import { decodeRuntime } from './runtime.ts'
import type { RoomRuntime, SeatRecord } from './runtime.ts'

export interface RestoreParts {
  readonly states: { restore(publicState: string, hiddenState: string | null): StateTracker }
  /** Of the room's randomness, where no snapshot says more. */
  readonly seed: number
}

/**
 * How a room goes on from its log: the state at its last patch; tick, randomness and profile as of the
 * newest snapshot; the seats of that snapshot and of those who joined after it (CL3).
 */
export function restoredStart(restored: RestoredRoom, parts: RestoreParts): RoomStart {
  const { publicState, hiddenState } = restored
  const tracker = parts.states.restore(publicState, hiddenState)
  const base = decodeRuntime(restored.runtime ?? JSON.stringify({ seed: parts.seed }))
  const runtime: RoomRuntime = { ...base, seats: seatsAfter(base.seats, restored) }
  return { kind: 'restored', tracker, runtime }
}

function seatsAfter(before: readonly SeatRecord[], { events }: RestoredRoom): SeatRecord[] {
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
