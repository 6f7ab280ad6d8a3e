import { FRAME_HEADER_BYTES, writeCommandId } from '@ringside/protocol'

/** V8 keeps typed arrays up to this size inside its own heap. */
const ON_HEAP_BYTES = 64
/** Larger frames are rare enough, and their copy dear enough, to be allocated. */
const SCRATCH_BYTES = 1024

const slab = new Uint8Array(SCRATCH_BYTES)
const views = Array.from({ length: SCRATCH_BYTES + 1 }, (_, size) => slab.subarray(0, size))

/**
 * The same bytes where native code can read them without V8 first moving them out of its heap, which
 * costs twice the send itself (1.4 us for 36 bytes). Valid until the next call of either function.
 */
export function offHeap(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  if (length > ON_HEAP_BYTES) return bytes
  const view = views[length] as Uint8Array
  if (view === bytes) return bytes
  for (let index = 0; index < length; index++) view[index] = bytes[index] as number
  return view
}

/**
 * As {@link scratchFrame}, with the payload written in place. `write` gets the memory and where to
 * begin, and returns the end, or -1 when it cannot: then the result is null.
 */
export function scratchEncoded(
  id: number,
  write: (value: unknown, out: Uint8Array, at: number) => number,
  value: unknown,
): Uint8Array | null {
  const end = write(value, slab, FRAME_HEADER_BYTES)
  if (end < 0) return null
  writeCommandId(slab, id)
  return views[end] as Uint8Array
}

/**
 * A frame for a `send` that copies: built in memory that is used again by the next call. Saves the
 * allocation; a larger one is built anew.
 */
export function scratchFrame(id: number, payload: Uint8Array): Uint8Array {
  const length = FRAME_HEADER_BYTES + payload.length
  const frame = length <= SCRATCH_BYTES ? (views[length] as Uint8Array) : new Uint8Array(length)
  writeCommandId(frame, id)
  frame.set(payload, FRAME_HEADER_BYTES)
  return frame
}
