import type { ResetReason } from '@ringside/protocol'
import type { RoomEnd } from '../../outbox/contract/store.ts'
import { roomsNewTo } from '../audience/followed.ts'
import { BEFORE_ALL } from '../position/room-id.ts'
import type { RoomPlace } from '../position/room-id.ts'
import { isCutOff } from '../read/feed-log.ts'
import { endId, endJson, whyGone } from '../read/room-end.ts'
import type { FeedStart } from './ask.ts'
import type { BootstrapContext } from './bootstrap-context.ts'
import { CAUGHT_UP } from './format.ts'
import type { FeedNote } from './format.ts'
import { viewAt, writeSnapshots, writeWhole } from './snapshots.ts'
import { findPosition } from './start-position.ts'
import type { FeedStream, StreamPlace } from './stream.ts'

/** The place where a stream begins, or the reason why it begins again. */
export type BootstrapStart =
  | FeedStart
  | { readonly kind: 'reset'; readonly reason: ResetReason; readonly from: number | null }

interface Reset {
  readonly reason: ResetReason
  /** n of the one room that the reader had; null where there are more, or its position is none of the room. */
  readonly from: number | null
}

interface Plan {
  /** The stream goes on after it. */
  readonly position: number
  /** The place of the one room there; null = it is found out, or there are more rooms. */
  readonly place: RoomPlace | null
  readonly hasSnapshot: boolean
  readonly isLive: boolean
  readonly reset: Reset | null
  /** The reader comes back with a checkpoint at which it followed this (`followedText`). */
  readonly followed?: string
}

/** Retention may overtake a bootstrap, which then begins again, but not more often than this. */
const MAX_ATTEMPTS = 3

/**
 * FE2: brings a stream to its first position: `reset` when the reader must start over, the
 * snapshots at that position (no ids until the last is written), then the stream reads on by
 * itself. Since the log is read from the position that the snapshots have, nothing can fall between
 * them, whatever happens meanwhile. Resolves with the place from which the stream goes on by
 * itself; null = it has closed.
 */
export async function bootstrap(
  context: BootstrapContext,
  stream: FeedStream,
  start: BootstrapStart,
): Promise<StreamPlace | null> {
  let from = start
  for (let attempt = 1; ; attempt++) {
    await stream.group.tail.readable
    if (!stream.body.isOpen) return null
    try {
      const gone = overRoom(context, stream)
      if (gone && (await isGone(context, gone))) return await tellEnd(context, stream, [gone, from])
      const plan = await makePlan(context, stream, from)
      // It may have been over only once a position was waited for.
      const over = overRoom(context, stream)
      const next = over ? await beforeEnd(context, stream, [over, plan]) : plan
      return await carryOut(context, stream, next)
    } catch (error) {
      if (!isCutOff(error) || attempt === MAX_ATTEMPTS) throw error
      from = { kind: 'reset', reason: 'retention', from: nOf(start) }
    }
  }
}

/** The one room of a stream, which is over for whoever sees the log up to the stream's tail. */
interface OverRoom {
  readonly room: string
  readonly end: RoomEnd
}

function overRoom({ access }: BootstrapContext, { group }: FeedStream): OverRoom | null {
  const { isSingle, readRoom: room, tail } = group
  const end = isSingle && room !== undefined ? access.endBy(room, tail.position) : null
  return end && room !== undefined ? { room, end } : null
}

/** Nothing of the room is left, its end neither: not in the log, and not in the archive. */
async function isGone({ log }: BootstrapContext, { room, end }: OverRoom): Promise<boolean> {
  await log.prepare(room, end)
  return end.seq <= log.firstOf(room)
}

/**
 * FE116: the feed of a room of which nothing is left says that it is over, with the id by which the reader is told 204
 * when it comes back, and ends.
 */
async function tellEnd(
  context: BootstrapContext,
  stream: FeedStream,
  [{ room, end }, start]: readonly [over: OverRoom, start: BootstrapStart],
): Promise<null> {
  const { format } = stream.group
  const parts: Uint8Array[] = []
  const reason = whyNotFrom(start, end)
  if (reason !== null) {
    context.onReset()
    const place = { n: end.n, check: 0 }
    parts.push(format.event(resetNote({ reason, from: nOf(start) }, room, place)))
  }
  parts.push(format.event({ type: 'end', json: endJson(room, end) }, endId(end)))
  if (await writeWhole(context, stream, parts)) stream.body.end()
  return null
}

/** Null for a reader that has nothing to go on from. */
function whyNotFrom(start: BootstrapStart, end: RoomEnd): ResetReason | null {
  switch (start.kind) {
    case 'live':
    case 'start':
    case 'ago':
      return null
    case 'reset':
      return start.reason
    case 'from':
    case 'after':
      if (start.position.kind === 'place') return whyGone(start.position.place, end)
      return start.position.kind === 'seq' ? 'retention' : 'unknown-checkpoint'
  }
}

async function makePlan(
  context: BootstrapContext,
  stream: FeedStream,
  start: BootstrapStart,
): Promise<Plan> {
  const { log } = context
  const { tail, isSingle, readRoom } = stream.group
  const first = isSingle && readRoom !== undefined ? log.firstOf(readRoom) : log.first
  const plan = { place: null, hasSnapshot: true, isLive: false, reset: null }
  switch (start.kind) {
    case 'live':
      return { ...plan, position: tail.position, isLive: true }
    case 'start':
      return { ...plan, position: Math.min(first, tail.position) }
    case 'ago': {
      const at = context.now() - tail.delayMs - start.ms
      const position = Math.min(await context.times.positionAt(at, stream.address), tail.position)
      return { ...plan, position }
    }
    case 'reset':
      return resetPlan(stream, start.reason, start.from)
    case 'from':
    case 'after': {
      const found = await findPosition(context, stream, start.position)
      if (found.kind === 'lost') return resetPlan(stream, found.reason, nOf(start))
      const { seq } = found
      if (start.kind === 'after' && !found.isOther) {
        const back = { ...plan, position: seq, place: found.place, hasSnapshot: false }
        const { followed } = start
        return followed === undefined ? back : { ...back, followed }
      }
      // What its reader has read is not shown again: the snapshots wait until they may be seen.
      if (found.isOther) return { ...plan, position: seq }
      // Nothing is known beyond what may be seen, so the stream begins with the newest.
      return { ...plan, position: Math.min(seq, tail.position) }
    }
  }
}

function nOf(start: BootstrapStart): number | null {
  if (start.kind === 'reset') return start.from
  const position = 'position' in start ? start.position : null
  return position?.kind === 'place' ? position.place.n : null
}

function resetPlan(stream: FeedStream, reason: ResetReason, from: number | null): Plan {
  const { position } = stream.group.tail
  return { position, place: null, hasSnapshot: true, isLive: true, reset: { reason, from } }
}

/**
 * FE117: the feed of a room that is over shows its end at least, so that the reader knows that nothing follows; where
 * the state before it can no longer be made, nothing else.
 */
async function beforeEnd(
  context: BootstrapContext,
  stream: FeedStream,
  [{ room, end }, plan]: readonly [over: OverRoom, plan: Plan],
): Promise<Plan> {
  const position = Math.min(plan.position, end.seq - 1)
  if (!plan.hasSnapshot) return position < plan.position ? { ...plan, position, place: null } : plan
  const who = stream.address
  if (await viewAt(context, room, { seq: position, who })) return { ...plan, position }
  const { log, gate } = context
  const { events } = await gate.run(who, () => log.read({ room, after: position, limit: 1 }))
  // It begins after this place, or what it began with has left the log.
  if (events[0]?.n === 1) return { ...plan, position }
  const place = { n: end.n - 1, check: 0 }
  return { ...plan, position: end.seq - 1, place, isLive: false, hasSnapshot: false }
}

async function carryOut(
  context: BootstrapContext,
  stream: FeedStream,
  plan: Plan,
): Promise<StreamPlace | null> {
  const { position } = plan
  const { ids, format, isSingle, readRoom } = stream.group
  const room = isSingle ? readRoom : undefined
  const place =
    room === undefined ? null : (plan.place ?? (await placeAt(context, stream, { room, position })))
  const head: Uint8Array[] = []
  const tail: Uint8Array[] = []
  if (plan.reset) {
    context.onReset()
    head.push(format.event(resetNote(plan.reset, room, place)))
  }
  if (plan.isLive) tail.push(format.event(CAUGHT_UP, ids.at(position, place)))
  // A room that was revealed up to here is among these; one that is revealed from here on comes
  // after them.
  stream.takeRevealed()
  let rooms = plan.hasSnapshot ? roomsOf(context, stream) : missing(context, stream, plan)
  // FE3: a position that was read without the delay of this stream lies ahead of it, and so do its snapshots.
  if (position > stream.group.tail.position) {
    for (const id of rooms) stream.reveal(id)
    rooms = []
  }
  const isOpen = await writeSnapshots(context, stream, {
    rooms,
    position,
    head,
    tail,
    tellsEnds: plan.hasSnapshot,
  })
  return isOpen ? { cursor: position, place, announces: !plan.isLive } : null
}

/** A room whose log is gone has no place any more. */
async function placeAt(
  { places, log, access }: BootstrapContext,
  { address, group }: FeedStream,
  { room, position }: { readonly room: string; readonly position: number },
): Promise<RoomPlace> {
  try {
    return await places.placeAt(room, Math.min(position, group.tail.position), address)
  } catch (error) {
    if (isCutOff(error) && position >= log.firstOf(room) && access.find(room)?.isLive !== true)
      return BEFORE_ALL
    throw error
  }
}

/** FE57: a reader of many rooms learns nothing from it but the reason; of one, how far that room is for its readers. */
function resetNote(
  { reason, from }: Reset,
  room: string | undefined,
  place: RoomPlace | null,
): FeedNote {
  const numbers = { room, ...(from === null ? {} : { from }), to: place?.n }
  const data = { reason, ...(room === undefined ? {} : numbers) }
  return { type: 'reset', json: JSON.stringify(data) }
}

/** This is due to a stream at its place. */
export interface Due {
  readonly rooms: Iterable<string>
  /** These events go before the snapshots. */
  readonly notes: readonly FeedNote[]
  readonly place: StreamPlace
}

/**
 * FE40: writes the snapshots of the rooms that became public at the stream's place. Resolves with
 * that place, from which the stream goes on; null = it has closed.
 * @throws RingsideError past_retention when the log no longer reaches back so far.
 */
export async function showRevealed(
  context: BootstrapContext,
  stream: FeedStream,
  { rooms, notes, place }: Due,
): Promise<StreamPlace | null> {
  const { cursor: position } = place
  const { ids, format } = stream.group
  const isOpen = await writeSnapshots(context, stream, {
    rooms,
    position,
    head: notes.map((note) => format.event(note)),
    // A reader that is cut off from here on comes back with what it was shown.
    tail: [format.position(ids.at(position, place.place), context.now())],
    tellsEnds: false,
  })
  return isOpen ? place : null
}

/**
 * A reader that comes back lacks the snapshots of what was revealed while it was away, and of what it did not follow
 * when it went.
 */
function missing(
  context: BootstrapContext,
  stream: FeedStream,
  { position, followed }: Plan,
): Iterable<string> {
  const { access } = context
  const { group } = stream
  if (group.isSingle) return followed === undefined ? [] : newRooms(context, stream, followed)
  const revealed = access.revealedSince(position).filter((id) => group.rooms?.has(id) ?? true)
  if (followed === undefined) return revealed
  return new Set([...revealed, ...newRooms(context, stream, followed)])
}

function newRooms(context: BootstrapContext, stream: FeedStream, followed: string): string[] {
  const { access } = context
  const isPrivate = (id: string): boolean => access.find(id)?.isPrivate === true
  const { types } = stream.group.selection
  // Without patches there is no state that could be missing.
  if (types !== null && !types.allows('patch')) return []
  return roomsNewTo(followed, roomsOf(context, stream), isPrivate)
}

function roomsOf(context: BootstrapContext, stream: FeedStream): Iterable<string> {
  return stream.group.rooms ?? context.access.publicIds()
}
