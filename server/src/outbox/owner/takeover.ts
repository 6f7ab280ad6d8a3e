import { RingsideError } from '../../process/errors.ts'
import type { RoomLogHandlers } from '../contract/outbox.ts'
import type { MarkerOutcome, RoomPosition } from '../append/ownership.ts'
import { RoomBuffer } from '../append/room-buffer.ts'
import type { BufferContext } from '../append/room-buffer.ts'
import { END, OWNER, patchNOf } from '../contract/store.ts'
import type { LogEvent, LogStore, Snapshot } from '../contract/store.ts'

const MAX_ATTEMPTS = 100
/** The epochs of restored logs count from 2020-01-01, in s: so they stay below 2^31 until 2088. */
const EPOCHS_SINCE_S = 1_577_836_800

export interface TakeoverContext {
  readonly store: Pick<LogStore, 'events' | 'snapshots'>
  readonly buffers: BufferContext
  readonly randomId: () => string
  /** Store time in ms of the last restore, if the event of this seq is older; else 0 (OB102). */
  readonly restoredAtSince: (seq: number) => number
}

/** One attempt to own a room. */
export interface Claim {
  readonly room: string
  readonly handlers: RoomLogHandlers
  /** Only from the owner of this epoch, or an earlier one; null: from anybody. */
  readonly fromEpoch: number | null
}

/**
 * Takes the ownership of a room (OB4). A room without history needs nothing: its n = 1 decides. One with
 * history gets a marker at last + 1 with a higher epoch. One that loses that place to another marker gives up; one
 * that loses it to an event of the old owner looks again, with a new n and so a new seq (OB54).
 * @throws RingsideError room_over when the room has ended, room_taken when another owner was first.
 */
export async function takeRoom(
  { room, handlers, fromEpoch }: Claim,
  context: TakeoverContext,
): Promise<RoomBuffer> {
  const { store } = context
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const since = context.buffers.clock.now()
    let last = await store.events.lastOfRoom(room)
    const snapshot = await store.snapshots.at(room, Number.MAX_SAFE_INTEGER)
    // The room went on between the two, or its log was cut: only the second makes the snapshot the last.
    if (snapshot && snapshot.n > (last?.n ?? 0)) last = await store.events.lastOfRoom(room)
    if (last?.type === END) throw new RingsideError('room_over', `Room '${room}' has ended`)
    const from = positionOf(last, snapshot)
    const lastEpoch = Math.max(last?.epoch ?? 0, snapshot?.epoch ?? 0)
    if (fromEpoch !== null && lastEpoch > fromEpoch) throw takenError(room)
    const epoch = Math.max(lastEpoch + 1, restoredEpoch(context.restoredAtSince(from.seq)))
    const ownership = { room, epoch, own: context.randomId(), from }
    const buffer = new RoomBuffer(ownership, handlers, context.buffers)
    if (from.n === 0) return buffer
    const outcome = await new Promise<MarkerOutcome>((resolve) =>
      buffer.appendMarker(since, resolve),
    )
    if (outcome.kind === 'owned') return buffer
    if (outcome.kind === 'failed') throw outcome.cause
    if (outcome.to.type === OWNER) throw takenError(room)
  }
  throw new RingsideError('unavailable', `Room '${room}' changed too fast to be taken over`)
}

/**
 * A room whose log was restored gets an epoch that no owner in the lost history had: its draws repeat none that were
 * seen, and players take its state for newer than what they have (OB106). It is the time of the restore, so that two
 * restores of one backup differ too. Below 0: the log was not restored since the room was written.
 */
function restoredEpoch(restoredAt: number): number {
  return Math.floor(restoredAt / 1_000) - EPOCHS_SINCE_S
}

function takenError(room: string): RingsideError {
  return new RingsideError('room_taken', `Room '${room}' was taken by another owner`)
}

/** Gives the greatest of snapshot, marker (an event as any other) and log. */
function positionOf(last: LogEvent | null, snapshot: Snapshot | null): RoomPosition {
  if (snapshot && snapshot.n > (last?.n ?? 0)) {
    // The log was cut up to the snapshot, or beyond.
    const { n, seq, at, patchN } = snapshot
    return { n, seq, at, patchN, who: snapshot.who ?? null }
  }
  if (!last) return { n: 0, seq: 0, at: 0, patchN: 0, who: null }
  // Of a room that is not open to all each event says who sees it.
  return { n: last.n, seq: last.seq, at: last.at, patchN: patchNOf(last), who: last.who ?? null }
}
