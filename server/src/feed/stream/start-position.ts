import type { ResetReason } from '@ringside/protocol'
import type { Clock } from '../../process/clock.ts'
import { checkOf } from '../position/room-id.ts'
import type { RoomPlace } from '../position/room-id.ts'
import type { SealedPosition } from '../position/sealed-positions.ts'
import type { FoundPlace } from '../read/places.ts'
import type { FeedTail, TailFollower } from '../read/tail.ts'
import type { Position } from './ask.ts'
import type { BootstrapContext } from './bootstrap-context.ts'
import type { FeedStream } from './stream.ts'

/** A place that may not be seen yet is waited for so long: another process may be ahead of this one (FE55). */
const WAIT_MS = 5_000
/** Where a stream begins that names a position, or why it cannot begin there. */
export type FoundPosition =
  | {
      readonly kind: 'at'
      readonly seq: number
      /** In the feed of one room, unless it is to be found out. */
      readonly place: RoomPlace | null
      /** It is of another selection: each room begins with its snapshot (FE56). */
      readonly isOther: boolean
    }
  | { readonly kind: 'lost'; readonly reason: ResetReason }

const UNKNOWN = { kind: 'lost', reason: 'unknown-checkpoint' } as const
const ANOTHER_LOG = { kind: 'lost', reason: 'another-log' } as const

/** Finds what a position names in the log as the stream's readers see it. */
export function findPosition(
  context: BootstrapContext,
  stream: FeedStream,
  position: Position,
): FoundPosition | Promise<FoundPosition> {
  switch (position.kind) {
    case 'place':
      return findPlace(context, stream, position.place)
    case 'token': {
      const token = context.positions.open(position.text)
      return token ? findToken(context, stream, token) : UNKNOWN
    }
    case 'seq':
      return judgeCheckpoint(context, stream, position.seq)
    case 'foreign':
      return UNKNOWN
  }
}

/**
 * FE55: a place beyond what may be seen is waited for, for another process may be ahead of this one. The answer is the
 * same, and comes after the same time, whether it exists or not.
 */
async function findPlace(
  context: BootstrapContext,
  { address, group }: FeedStream,
  place: RoomPlace,
): Promise<FoundPosition> {
  const { outbox, places, clock } = context
  const { tail, readRoom: room = '' } = group
  const find = (): Promise<FoundPlace> =>
    places.find({ room, place, visible: tail.position, who: address })
  const coming = waitFor(clock, tail, { room, n: place.n })
  try {
    let found = await find()
    if (found.kind === 'beyond' && (await coming.hasCome)) found = await find()
    if (found.kind === 'at') return { ...found, isOther: false }
    if (found.kind === 'lost') return found
    return outbox.wasRestored ? ANOTHER_LOG : UNKNOWN
  } finally {
    coming.stop()
  }
}

/** Resolves with true once the tail passes an event of the room with this n or a later one, with false after 5 s. */
function waitFor(
  clock: Clock,
  tail: FeedTail,
  { room, n }: { readonly room: string; readonly n: number },
): { readonly hasCome: Promise<boolean>; stop(): void } {
  let stop = (): void => {}
  const hasCome = new Promise<boolean>((resolve) => {
    const follower: TailFollower = {
      rooms: new Set([room]),
      selection: { hasTopics: false, clientId: null },
      take: (entry) => {
        // The tail moves on once all its followers have been told.
        if (entry.n >= n) clock.soon(() => resolve(true))
      },
    }
    const cancel = clock.after(WAIT_MS, () => resolve(false))
    tail.add(follower)
    stop = () => {
      cancel()
      tail.remove(follower)
    }
  })
  return { hasCome, stop: () => stop() }
}

/** A sealed position is one that we told: beyond this process' tail it is waited for. */
async function findToken(
  context: BootstrapContext,
  { address, group }: FeedStream,
  token: SealedPosition,
): Promise<FoundPosition> {
  const { outbox, positions, gate } = context
  const { seq, check, selection } = token
  const found = judgeSeq(context, seq, selection !== group.ids.selection)
  if (found.kind === 'lost' || positions.isOfThisHistory(token)) return found
  // It was told before a restore, or by another log with the same secret: then its event is another one, or none.
  if (seq > outbox.sealed) return ANOTHER_LOG
  const query = { after: seq - 1, upTo: seq, limit: 1 }
  const [event] = (await gate.run(address, () => outbox.read(query))).events
  return event && checkOf(event) === check ? found : ANOTHER_LOG
}

/** A client's checkpoint may be of a room that only the archive has. */
function judgeCheckpoint(
  context: BootstrapContext,
  { group }: FeedStream,
  seq: number,
): FoundPosition {
  const { isSingle, readRoom: room } = group
  const isArchived = isSingle && room !== undefined && context.log.isArchived(room)
  if (isArchived && seq >= context.log.firstOf(room))
    return { kind: 'at', seq, place: null, isOther: false }
  return judgeSeq(context, seq, false)
}

function judgeSeq({ outbox }: BootstrapContext, seq: number, isOther: boolean): FoundPosition {
  if (seq < outbox.origin || outbox.isVoid(seq)) return ANOTHER_LOG
  if (seq < outbox.floor) return { kind: 'lost', reason: 'retention' }
  return { kind: 'at', seq, place: null, isOther }
}
