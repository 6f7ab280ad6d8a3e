import { nextTurn } from '../../process/wait.ts'
import { isCutOff } from '../read/feed-log.ts'
import { endJson } from '../read/room-end.ts'
import { snapshotBlock } from '../read/states.ts'
import type { StateView } from '../read/states.ts'
import { joinBytes } from '../sse.ts'
import type { BootstrapContext } from './bootstrap-context.ts'
import { MAX_CHUNK_BYTES } from './chunk.ts'
import type { FeedStream } from './stream.ts'

export interface Snapshots {
  readonly rooms: Iterable<string>
  readonly position: number
  /** These blocks go before and after them. */
  readonly head: readonly Uint8Array[]
  readonly tail: readonly Uint8Array[]
  /** Who named the rooms is told which of them are over. */
  readonly tellsEnds: boolean
}

/** Writes the snapshots at `position`, a chunk at a time. False = the stream has closed. */
export async function writeSnapshots(
  context: BootstrapContext,
  stream: FeedStream,
  { rooms, position, head, tail, tellsEnds }: Snapshots,
): Promise<boolean> {
  const { access, states } = context
  const { group } = stream
  const { format } = group
  let parts = [...head]
  let size = 0
  for (const room of rooms) {
    if (!group.isSingle && access.isQuietAt(room, position)) {
      const end = group.rooms && tellsEnds ? access.endBy(room, position) : null
      // Who names a room is told that it is over (FE117).
      if (end && group.allows(room))
        parts.push(format.event({ type: 'end', json: endJson(room, end) }))
      continue
    }
    // Every room there is comes by here: most of them need no read.
    if (states.hasNothingAt(room, position)) continue
    if (!stream.body.isOpen) return false
    const view = await viewAt(context, room, { seq: position, who: stream.address })
    // Later readers need not ask.
    if (!view) await states.noteBeginning(room, position, stream.address)
    if (!view || (view.isOver && !group.isSingle) || !group.allows(room, view.who)) continue
    const block = snapshotBlock(view)
    format.addBlock('snapshot', block, parts)
    size += block.length
    if (size < MAX_CHUNK_BYTES) continue
    if (!(await writeWhole(context, stream, parts))) return false
    parts = []
    size = 0
  }
  parts.push(...tail)
  return parts.length === 0 ? stream.body.isOpen : writeWhole(context, stream, parts)
}

/**
 * A room whose log is gone for the most part is shown only while it lives: an ended one is left
 * out.
 */
export async function viewAt(
  context: BootstrapContext,
  room: string,
  { seq, who }: { readonly seq: number; readonly who: string },
): Promise<StateView | null> {
  try {
    return await context.states.at(room, seq, who)
  } catch (error) {
    const isBehind = seq < context.log.firstOf(room)
    if (isCutOff(error) && !isBehind && context.access.find(room)?.isLive !== true) return null
    throw error
  }
}

/**
 * Writes from a turn of its own and waits until the socket takes more. False = the stream has
 * closed.
 */
export async function writeWhole(
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
