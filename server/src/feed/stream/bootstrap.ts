import type { ResetReason } from '@ringside/protocol'
import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { FeedAccess } from '../audience/access.ts'
import { MAX_CHUNK_BYTES } from './chunk.ts'
import type { FeedStart } from './ask.ts'
import type { FeedStream } from './stream.ts'
import type { FeedTail } from '../read/tail.ts'
import type { ReadGate } from '../read/read-gate.ts'
import type { RoomSpans } from '../read/spans.ts'
import type { RoomStates, RoomView } from '../read/states.ts'
import { snapshotBlock } from '../read/states.ts'
import { encodeEvent, joinBytes } from '../sse.ts'
import type { TimeIndex } from '../read/time-index.ts'

export interface BootstrapContext {
  readonly outbox: Outbox
  readonly states: RoomStates
  readonly access: FeedAccess
  readonly spans: RoomSpans
  readonly times: TimeIndex
  readonly gate: ReadGate
  readonly clock: Clock
  /** The log's time in ms. */
  readonly now: () => number
  readonly write: (stream: FeedStream, bytes: Uint8Array) => boolean
  /** A reader is told to start over. */
  readonly onReset: () => void
}

/** Where a stream begins, or that it begins again. */
export type BootstrapStart =
  | FeedStart
  | { readonly kind: 'reset'; readonly reason: ResetReason; readonly from: number }

interface Plan {
  /** Where the stream goes on. */
  readonly position: number
  readonly hasSnapshot: boolean
  readonly isLive: boolean
  readonly reset: { readonly reason: ResetReason; readonly from: number } | null
}

/** Retention may overtake a bootstrap; so often it begins again. */
const MAX_ATTEMPTS = 3

/**
 * FE2: brings a stream to its first position: `reset` when the reader must start over, the snapshots at that
 * position (no ids until the last is written), then the stream reads on by itself. Since the log is read from the
 * position that the snapshots have, nothing can fall between them, whatever happens meanwhile.
 * Resolves when the stream may go on; false = it has closed.
 */
export async function bootstrap(
  context: BootstrapContext,
  stream: FeedStream,
  start: BootstrapStart,
): Promise<boolean> {
  let next: Plan | null = null
  for (let attempt = 1; ; attempt++) {
    await stream.group.tail.readable
    if (!stream.body.isOpen) return false
    try {
      const plan: Plan = next ?? (await makePlan(context, stream, start))
      return await carryOut(context, stream, plan)
    } catch (error) {
      const isCut = error instanceof RingsideError && error.code === 'past_retention'
      if (!isCut || attempt === MAX_ATTEMPTS) throw error
      const from = 'seq' in start && Number.isFinite(start.seq) ? start.seq : 0
      next = resetPlan(stream, 'retention', from)
    }
  }
}

async function makePlan(
  context: BootstrapContext,
  stream: FeedStream,
  start: BootstrapStart,
): Promise<Plan> {
  const { outbox } = context
  const { tail } = stream.group
  const first = Math.max(outbox.floor, outbox.origin)
  const plan = { hasSnapshot: true, isLive: false, reset: null }
  switch (start.kind) {
    case 'live':
      return livePlan(context, stream)
    case 'start':
      return { ...plan, position: Math.min(first, tail.position) }
    case 'ago': {
      const at = context.now() - tail.delayMs - start.ms
      const position = Math.min(await context.times.positionAt(at, stream.address), tail.position)
      return beforeEnd(context, stream, { ...plan, position })
    }
    case 'reset':
      return resetPlan(stream, start.reason, start.from)
    case 'from':
    case 'after': {
      const wrong = await whyNot(context, stream, start.seq)
      if (wrong) return resetPlan(stream, wrong, Number.isNaN(start.seq) ? 0 : start.seq)
      if (start.kind === 'after') return { ...plan, position: start.seq, hasSnapshot: false }
      // Beyond what may be seen: nothing is known there yet, so it begins with the newest.
      const position = Math.min(start.seq, tail.position)
      return beforeEnd(context, stream, { ...plan, position })
    }
  }
}

/**
 * Why a stream cannot begin at this seq; null when it can. With a delay, what lies beyond the tail is answered
 * alike whether it exists or not: else the answer would tell how far the log is now (FE3).
 */
async function whyNot(
  { outbox, gate }: BootstrapContext,
  { address, group }: FeedStream,
  seq: number,
): Promise<ResetReason | null> {
  const tail: FeedTail = group.tail
  if (Number.isNaN(seq)) return 'unknown-checkpoint'
  if (seq < outbox.origin) return 'another-log'
  if (seq < outbox.floor) return 'retention'
  if (tail.delayMs > 0) return seq > tail.position ? 'unknown-checkpoint' : null
  if (seq > outbox.sealed && seq > (await gate.run(address, () => outbox.counter())))
    return 'unknown-checkpoint'
  return null
}

function resetPlan(stream: FeedStream, reason: ResetReason, from: number): Plan {
  const { position } = stream.group.tail
  return { position, hasSnapshot: true, isLive: true, reset: { reason, from } }
}

function livePlan(context: BootstrapContext, stream: FeedStream): Promise<Plan> {
  const { position } = stream.group.tail
  return beforeEnd(context, stream, { position, hasSnapshot: true, isLive: true, reset: null })
}

/** The feed of an ended room shows the end at least, so that the reader knows that nothing follows. */
async function beforeEnd(context: BootstrapContext, stream: FeedStream, plan: Plan): Promise<Plan> {
  const room = stream.group.isSingle ? stream.group.readRoom : undefined
  if (room === undefined || context.access.find(room)?.isLive !== false) return plan
  const view = await context.states.at(room, plan.position, stream.address)
  return view?.isOver ? { ...plan, position: view.seq - 1 } : plan
}

async function carryOut(
  context: BootstrapContext,
  stream: FeedStream,
  plan: Plan,
): Promise<boolean> {
  const { position } = plan
  const head: Uint8Array[] = []
  const tail: Uint8Array[] = []
  if (plan.reset) {
    const { reason, from } = plan.reset
    context.onReset()
    head.push(encodeEvent('reset', JSON.stringify({ reason, from, to: position })))
  }
  if (plan.isLive) tail.push(encodeEvent('caught-up', `{"seq":${position}}`, position))
  // From here on, what is revealed comes after this.
  stream.revealed = null
  const rooms = plan.hasSnapshot
    ? roomsOf(context, stream)
    : revealedSince(context, stream, position)
  stream.cursor = position
  stream.announces = !plan.isLive
  return writeSnapshots(context, stream, { rooms, position, head, tail })
}

/**
 * FE11: writes the snapshots of the rooms that became public where the stream stands. Resolves when it may go
 * on; false = it has closed.
 * @throws RingsideError past_retention when the log no longer reaches back so far.
 */
export function showRevealed(context: BootstrapContext, stream: FeedStream): Promise<boolean> {
  const rooms = stream.revealed ?? []
  stream.revealed = null
  return writeSnapshots(context, stream, { rooms, position: stream.cursor, head: [], tail: [] })
}

interface Snapshots {
  readonly rooms: Iterable<string>
  readonly position: number
  /** Blocks that go before and after them. */
  readonly head: readonly Uint8Array[]
  readonly tail: readonly Uint8Array[]
}

/** Writes the snapshots at `position`, a chunk at a time. */
async function writeSnapshots(
  context: BootstrapContext,
  stream: FeedStream,
  { rooms, position, head, tail }: Snapshots,
): Promise<boolean> {
  const { access, spans, outbox } = context
  const { group } = stream
  let parts = [...head]
  let size = 0
  for (const room of rooms) {
    if (!group.isSingle && access.wasOverAt(room, position)) continue
    // Asked for every room there is: most of them need no read.
    if (position <= outbox.origin || spans.hasNothingAt(room, position)) continue
    if (!stream.body.isOpen) return false
    const view = await viewAt(context, room, { seq: position, who: stream.address })
    if (!view) await noteBeginning(context, room, { after: position, who: stream.address })
    else if (view.isOver) access.note(room, view.seq, true)
    if (!view || (view.isOver && !group.isSingle) || !group.allows(room)) continue
    const block = snapshotBlock(view)
    parts.push(block)
    size += block.length
    if (size < MAX_CHUNK_BYTES) continue
    if (!(await writeWhole(context, stream, parts))) return false
    parts = []
    size = 0
  }
  parts.push(...tail)
  return parts.length === 0 ? stream.body.isOpen : writeWhole(context, stream, parts)
}

/** A reader that comes back lacks the snapshots of what was revealed while it was away. */
function revealedSince(context: BootstrapContext, { group }: FeedStream, seq: number): string[] {
  if (group.isSingle) return []
  return context.access.revealedSince(seq).filter((id) => !group.rooms || group.rooms.has(id))
}

function roomsOf(context: BootstrapContext, stream: FeedStream): Iterable<string> {
  return stream.group.rooms ?? context.access.publicIds()
}

/** A room whose log is gone for the most part is shown only while it lives: an ended one is left out. */
async function viewAt(
  context: BootstrapContext,
  room: string,
  { seq, who }: { readonly seq: number; readonly who: string },
): Promise<RoomView | null> {
  try {
    return await context.states.at(room, seq, who)
  } catch (error) {
    const isCut = error instanceof RingsideError && error.code === 'past_retention'
    const isBehind = seq < context.outbox.floor
    if (isCut && !isBehind && context.access.find(room)?.isLive !== true) return null
    throw error
  }
}

/** The room has nothing to show at `after`, and so up to its next event: later readers need not ask. */
async function noteBeginning(
  { gate, outbox, spans }: BootstrapContext,
  room: string,
  { after, who }: { readonly after: number; readonly who: string },
): Promise<void> {
  const { events, next } = await gate.run(who, () => outbox.read({ after, limit: 1, room }))
  spans.noteNothing(room, events[0] ? events[0].seq - 1 : Math.max(after, next))
}

/** Writes from a turn of its own and waits until the socket takes more. False = the stream has closed. */
async function writeWhole(
  context: BootstrapContext,
  stream: FeedStream,
  parts: readonly Uint8Array[],
): Promise<boolean> {
  await new Promise<void>((resolve) => context.clock.soon(resolve))
  if (!stream.body.isOpen) return false
  if (!context.write(stream, joinBytes(parts)))
    await new Promise<void>((resolve) => {
      if (stream.body.isOpen) stream.wake = resolve
      else resolve()
    })
  stream.wake = null
  return stream.body.isOpen
}
