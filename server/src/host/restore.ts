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

/** Rooms restored at the same time: each waits for the log several times. */
const AT_ONCE = 32
const PAGE = 1_000

export interface RestoreAllParts {
  /** Living rooms with an id above `after`, ascending. */
  readonly page: (after: string, limit: number) => Promise<RoomRecord[]>
  /** False when the room cannot go on. @throws what concerns all rooms. */
  readonly restore: (record: RoomRecord) => Promise<boolean>
  /** A room that does not go on here. */
  readonly onLeft: (record: RoomRecord) => void
  /** Rooms restored at most. */
  readonly limit: number
}

/** How many rooms go on, could not go on, and were not tried because there were too many. */
export interface RestoreCounts {
  restored: number
  left: number
  beyond: number
}

/** Restores the living rooms, several at once. @throws what `restore` threw first, when all have settled. */
export async function restoreAll(parts: RestoreAllParts): Promise<RestoreCounts> {
  const counts: RestoreCounts = { restored: 0, left: 0, beyond: 0 }
  let tried = 0
  const one = async (record: RoomRecord): Promise<void> => {
    const isTried = tried - counts.left < parts.limit
    if (isTried) tried++
    if (isTried && (await parts.restore(record))) counts.restored++
    else {
      counts[isTried ? 'left' : 'beyond']++
      parts.onLeft(record)
    }
  }
  for (let after: string | null = ''; after !== null;) {
    const page: RoomRecord[] = await parts.page(after, PAGE)
    after = page.length < PAGE ? null : (page[page.length - 1]?.room ?? null)
    await allOf(page, one)
  }
  return counts
}

async function allOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const item = items[next++] as T
      await work(item).catch((error: unknown) => void failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
}

/**
 * How a room goes on from its log: the state at its last patch; tick, seed and metadata as of the
 * newest snapshot; lock and privacy of that or of the room's record, whichever is newer; the seats of that
 * snapshot and of those who joined after it (CL3).
 */
export function restoredStart(restored: StoredRoom, parts: RestoreParts): RoomStart {
  const { publicState, hiddenState } = restored
  const tracker = parts.states.restore(publicState, hiddenState)
  const { record } = parts
  const base = decodeRuntime(restored.runtime ?? '{}', record.seed)
  const seats = seatsAfter(base.seats, restored)
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
