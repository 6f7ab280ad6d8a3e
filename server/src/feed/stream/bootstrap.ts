import type { ResetReason } from '@ringside/protocol'
import type { Clock } from '../../process/clock.ts'
import { RingsideError } from '../../process/errors.ts'
import { nextTurn } from '../../process/wait.ts'
import type { Outbox } from '../../outbox/contract/outbox.ts'
import type { FeedAccess } from '../audience/access.ts'
import type { ReadGate } from '../read/read-gate.ts'
import { snapshotBlock } from '../read/states.ts'
import type { States, StateView } from '../read/states.ts'
import type { TimeIndex } from '../read/time-index.ts'
import { encodeEvent, joinBytes } from '../sse.ts'
import type { FeedStart } from './ask.ts'
import { MAX_CHUNK_BYTES } from './chunk.ts'
import type { FeedStream, StreamPlace } from './stream.ts'

export interface BootstrapContext {
  readonly outbox: Outbox
  readonly states: States
  readonly access: FeedAccess
  readonly times: TimeIndex
  readonly gate: ReadGate
  readonly clock: Clock
  /** The log's time in ms. */
  readonly now: () => number
  readonly write: (stream: FeedStream, bytes: Uint8Array) => boolean
  /** It is called when a reader is told to start over. */
  readonly onReset: () => void
}

/** The place where a stream begins, or the reason why it begins again. */
export type BootstrapStart =
  | FeedStart
  | { readonly kind: 'reset'; readonly reason: ResetReason; readonly from: number }

interface Plan {
  /** The stream goes on after it. */
  readonly position: number
  readonly hasSnapshot: boolean
  readonly isLive: boolean
  readonly reset: { readonly reason: ResetReason; readonly from: number } | null
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
  let next: Plan | null = null
  for (let attempt = 1; ; attempt++) {
    await stream.group.tail.readable
    if (!stream.body.isOpen) return null
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
      // Nothing is known beyond what may be seen, so the stream begins with the newest.
      const position = Math.min(start.seq, tail.position)
      return beforeEnd(context, stream, { ...plan, position })
    }
  }
}

/**
 * Says why a stream cannot begin at this seq; null when it can. With a delay, a seq beyond the tail
 * is answered alike whether it exists or not: else the answer would tell how far the log is now
 * (FE34).
 */
async function whyNot(
  { outbox, gate }: BootstrapContext,
  { address, group }: FeedStream,
  seq: number,
): Promise<ResetReason | null> {
  const { tail } = group
  if (Number.isNaN(seq)) return 'unknown-checkpoint'
  if (seq < outbox.origin || outbox.isVoid(seq)) return 'another-log'
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

/**
 * The feed of an ended room shows the end at least, so that the reader knows that nothing follows.
 */
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
): Promise<StreamPlace | null> {
  const { position } = plan
  const head: Uint8Array[] = []
  const tail: Uint8Array[] = []
  if (plan.reset) {
    const { reason, from } = plan.reset
    context.onReset()
    head.push(encodeEvent('reset', JSON.stringify({ reason, from, to: position })))
  }
  if (plan.isLive) tail.push(encodeEvent('caught-up', `{"seq":${position}}`, position))
  // A room that was revealed up to here is among these; one that is revealed from here on comes
  // after them.
  stream.takeRevealed()
  const rooms = plan.hasSnapshot
    ? roomsOf(context, stream)
    : revealedSince(context, stream, position)
  const isOpen = await writeSnapshots(context, stream, { rooms, position, head, tail })
  return isOpen ? { cursor: position, announces: !plan.isLive } : null
}

/**
 * FE40: writes the snapshots of the rooms that became public at the stream's place. Resolves with
 * that place, from which the stream goes on; null = it has closed.
 * @throws RingsideError past_retention when the log no longer reaches back so far.
 */
export async function showRevealed(
  context: BootstrapContext,
  stream: FeedStream,
  { rooms, place }: { readonly rooms: Iterable<string>; readonly place: StreamPlace },
): Promise<StreamPlace | null> {
  const { cursor: position } = place
  const isOpen = await writeSnapshots(context, stream, { rooms, position, head: [], tail: [] })
  return isOpen ? place : null
}

interface Snapshots {
  readonly rooms: Iterable<string>
  readonly position: number
  /** These blocks go before and after them. */
  readonly head: readonly Uint8Array[]
  readonly tail: readonly Uint8Array[]
}

/** Writes the snapshots at `position`, a chunk at a time. False = the stream has closed. */
async function writeSnapshots(
  context: BootstrapContext,
  stream: FeedStream,
  { rooms, position, head, tail }: Snapshots,
): Promise<boolean> {
  const { access, states } = context
  const { group } = stream
  let parts = [...head]
  let size = 0
  for (const room of rooms) {
    if (!group.isSingle && access.wasOverAt(room, position)) continue
    // Every room there is comes by here: most of them need no read.
    if (states.hasNothingAt(room, position)) continue
    if (!stream.body.isOpen) return false
    const view = await viewAt(context, room, { seq: position, who: stream.address })
    // Later readers need not ask.
    if (!view) await states.noteBeginning(room, position, stream.address)
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

/**
 * A room whose log is gone for the most part is shown only while it lives: an ended one is left
 * out.
 */
async function viewAt(
  context: BootstrapContext,
  room: string,
  { seq, who }: { readonly seq: number; readonly who: string },
): Promise<StateView | null> {
  try {
    return await context.states.at(room, seq, who)
  } catch (error) {
    const isCut = error instanceof RingsideError && error.code === 'past_retention'
    const isBehind = seq < context.outbox.floor
    if (isCut && !isBehind && context.access.find(room)?.isLive !== true) return null
    throw error
  }
}

/**
 * Writes from a turn of its own and waits until the socket takes more. False = the stream has
 * closed.
 */
async function writeWhole(
  context: BootstrapContext,
  stream: FeedStream,
  parts: readonly Uint8Array[],
): Promise<boolean> {
  let next: Uint8Array[] = []
  for (const part of parts) {
    if (part.length < MAX_CHUNK_BYTES) {
      next.push(part)
      continue
    }
    // A large block is written as it is: readers that wait for it share its bytes (FE50).
    const isOpen =
      (next.length === 0 || (await writeOne(context, stream, joinBytes(next)))) &&
      (await writeOne(context, stream, part))
    if (!isOpen) return false
    next = []
  }
  return next.length === 0 ? stream.body.isOpen : writeOne(context, stream, joinBytes(next))
}

async function writeOne(
  context: BootstrapContext,
  stream: FeedStream,
  bytes: Uint8Array,
): Promise<boolean> {
  await nextTurn(context.clock)
  if (!stream.body.isOpen) return false
  if (!context.write(stream, bytes)) await stream.writable()
  return stream.body.isOpen
}
