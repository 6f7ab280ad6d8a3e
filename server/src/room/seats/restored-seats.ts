import type { Json } from '@ringside/protocol'
import type { StoredRoom } from '../../outbox/contract/outbox.ts'
import { GONE, SEATS, seatEntriesOf } from '../../outbox/contract/seats.ts'
import type { SeatEntry } from '../../outbox/contract/seats.ts'
import type { GoneSeats, LoggedSeats } from './seat-log.ts'

/** The seats of a room that goes on from its log. */
export interface RestoredSeats {
  readonly seats: LoggedSeats
  /** False for a log that was written before its hidden document had the seats. */
  readonly isLogged: boolean
  /** Seats that were given up not long ago; null where the log says nothing of such. */
  readonly gone: GoneSeats | null
  /** Store time in ms of the last event that the owner before has written. */
  readonly lastAt: number
}

/**
 * Takes the seats out of a room's hidden document: the game's state must not have them.
 * @throws SyntaxError when it is no JSON.
 */
export function takeSeats(
  restored: Pick<StoredRoom, 'hiddenState' | 'runtime' | 'events' | 'at'>,
): RestoredSeats & Pick<StoredRoom, 'hiddenState'> {
  const hidden = JSON.parse(restored.hiddenState ?? 'null') as Json
  const seats = seatEntriesOf(hidden)
  const lastAt = restored.at
  if (seats === null) {
    const { hiddenState } = restored
    return { seats: seatsOfOldLog(restored), isLogged: false, gone: null, lastAt, hiddenState }
  }
  const { [SEATS]: _seats, [GONE]: gone = null, ...rest } = hidden as { [key: string]: Json }
  const hiddenState = JSON.stringify(rest)
  return { seats, isLogged: true, gone: gone as GoneSeats | null, lastAt, hiddenState }
}

/** A seat in the `runtime` of an old snapshot. */
interface OldSeat {
  readonly sessionId: string
  readonly name: string
  readonly reconnectToken: string
  readonly auth: Json
  readonly team?: string
}

/** Finds the seats of an old log: those of the newest snapshot, and of the events `joined` and `left` after it. */
function seatsOfOldLog({ runtime, events }: Pick<StoredRoom, 'runtime' | 'events'>): LoggedSeats {
  const { seats = [] } = JSON.parse(runtime ?? '{}') as { readonly seats?: readonly OldSeat[] }
  const found: Record<string, SeatEntry> = {}
  for (const { sessionId, name, reconnectToken, auth, team } of seats)
    found[sessionId] = { ...oldEntry(name, reconnectToken, auth), ...(team ? { team } : {}) }
  for (const event of events) {
    if (event.type !== 'joined' && event.type !== 'left') continue
    const { sessionId, name } = JSON.parse(event.data) as OldSeat
    if (event.type === 'left') delete found[sessionId]
    else {
      const hidden = JSON.parse(event.hidden ?? '{}') as Partial<OldSeat>
      found[sessionId] = oldEntry(name, hidden.reconnectToken ?? '', hidden.auth ?? null)
    }
  }
  return found
}

function oldEntry(name: string, token: string, auth: Json): SeatEntry {
  return { name, phase: 'seated', token, auth: JSON.stringify(auth) }
}
