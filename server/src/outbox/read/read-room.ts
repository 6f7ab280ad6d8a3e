import { RingsideError } from '../../process/errors.ts'
import type { StoredRoom } from '../contract/outbox.ts'
import type { RoomWho } from '../contract/room-who.ts'
import { END, OWNER, PATCH } from '../contract/store.ts'
import type { LogEvent, LogStore, Snapshot } from '../contract/store.ts'
import { RoomDocuments } from './room-documents.ts'

const PAGE = 1_000
const PAGE_BYTES = 16 * 1024 * 1024
/** So often may the log be cut while it is read. */
const MAX_ATTEMPTS = 5

type ReadableStore = Pick<LogStore, 'events' | 'snapshots'>

/**
 * Makes a room's state out of its newest snapshot and the log after it, up to `upTo`. The events of a room are
 * taken by n and must follow each other without a gap: such a run is whole, whatever else of the log is not
 * sealed yet (CL4).
 * @throws RingsideError past_retention when a part is missing, or there is nothing; room_over when it has ended;
 * state_invalid when it is no JSON.
 */
export async function readRoom(
  store: ReadableStore,
  room: string,
  upTo = Number.MAX_SAFE_INTEGER,
): Promise<StoredRoom> {
  let snapshot = await store.snapshots.at(room, upTo)
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOn(store, baseOf(room, snapshot), upTo)
    } catch (error) {
      const newer = await store.snapshots.at(room, upTo)
      // The log was cut between the two reads: then there is a newer snapshot.
      const isCut = newer !== null && newer.seq > (snapshot?.seq ?? 0)
      if (!isCut || attempt === MAX_ATTEMPTS) throw error
      snapshot = newer
    }
  }
}

/**
 * The same room with what came after it in the log.
 * @throws RingsideError as readRoom.
 */
export async function readOn(
  store: Pick<LogStore, 'events'>,
  read: StoredRoom,
  upTo: number,
): Promise<StoredRoom> {
  const { room } = read
  const documents = asJson(() => new RoomDocuments(read))
  let last: Pick<LogEvent, 'n' | 'seq' | 'epoch' | 'type'> = { ...read, type: '' }
  const events = [...read.events]
  let { at, who } = read
  for (;;) {
    const query = { room, after: last.seq, upTo, limit: PAGE, maxBytes: PAGE_BYTES }
    const page = await store.events.range(query)
    for (const event of page) {
      if (event.n !== last.n + 1) throw missing(room)
      last = event
      who = event.who ?? who
      if (event.type !== OWNER) at = event.at
      if (event.type !== PATCH) events.push(event)
      asJson(() => documents.add(event))
    }
    if (page.length === 0) break
  }
  if (last.n === 0) throw missing(room)
  if (last.type === END) throw new RingsideError('room_over', `Room '${room}' has ended`)
  const { n, seq, epoch } = last
  return { room, n, seq, epoch, at, ...documents.texts(), runtime: read.runtime, who, events }
}

function baseOf(room: string, snapshot: Snapshot | null): StoredRoom {
  const events: LogEvent[] = []
  if (!snapshot) {
    const state = { publicState: '{}', hiddenState: null, runtime: null, who: null }
    return { room, n: 0, seq: 0, epoch: 0, at: 0, ...state, events }
  }
  const { n, seq, epoch, at, publicState, hiddenState, runtime } = snapshot
  const { who = null } = snapshot
  return { room, n, seq, epoch, at, publicState, hiddenState, runtime, who, events }
}

/**
 * Who sees a room as its log says it at its end; null where an older program has written it. Each event of a room that
 * is not open to all says it (OB126): one that does not, after a snapshot that does, is of an open room.
 */
export async function whoAtEnd(store: ReadableStore, room: string): Promise<RoomWho | null> {
  const last = await store.events.lastOfRoom(room)
  if (last?.who) return last.who
  const snapshot = await store.snapshots.at(room, Number.MAX_SAFE_INTEGER)
  if (!snapshot?.who) return null
  return last && last.n > snapshot.n ? { delayMs: 0, isPrivate: false } : snapshot.who
}

/** @throws RingsideError state_invalid where `read` finds that the log has no JSON. */
function asJson<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new RingsideError('state_invalid', 'Expected JSON in the log of a room', { cause })
  }
}

/** Cut while its owner stood still: by now the room is another's, or nobody's. */
export function missing(room: string): RingsideError {
  return new RingsideError('past_retention', `Expected the whole log of room '${room}'`)
}
