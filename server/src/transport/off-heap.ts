import { FRAME_HEADER_BYTES, writeCommandId } from '@ringside/protocol'

/** V8 keeps typed arrays up to this size inside its own heap. */
const ON_HEAP_BYTES = 64
/** Larger frames are rare enough, and their copy dear enough, to be allocated. */
const SCRATCH_BYTES = 1024
/** Frames up to this size have a buffer of exactly their length: 33 KB for all of them. */
const OWN_BUFFER_BYTES = 256
/** Encoded frames up to this size are copied into one of those. */
const WORD_COPY_BYTES = 64
/** The compiler folds a constant of its own module; one of another module it reads at each use. */
const HEADER_BYTES = FRAME_HEADER_BYTES

/**
 * Answers are encoded here, from the fifth byte on; {@link encodedBuffer} and {@link encodedView} make the frame of it.
 */
export const scratchMemory = new Uint8Array(SCRATCH_BYTES)
const views = Array.from({ length: SCRATCH_BYTES + 1 }, (_, size) =>
  scratchMemory.subarray(0, size),
)
const buffers = Array.from({ length: OWN_BUFFER_BYTES + 1 }, (_, size) => new ArrayBuffer(size))
const bufferBytes = buffers.map((buffer) => new Uint8Array(buffer))
const scratchWords = new Int32Array(scratchMemory.buffer)
const bufferWords = buffers
  .slice(0, WORD_COPY_BYTES + 1)
  .map((buffer) => new Int32Array(buffer, 0, buffer.byteLength >> 2))

/**
 * Puts the same bytes where native code can read them without V8 first moving them out of its heap, which
 * costs more than the send itself. The result is valid until the next call of any function here.
 */
export function offHeap(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  if (length > ON_HEAP_BYTES) return bytes
  const view = views[length] as Uint8Array
  if (view === bytes) return bytes
  for (let index = 0; index < length; index++) view[index] = bytes[index] as number
  return view
}

/** Gives a view of the frame whose payload was encoded, up to `end`. */
export function encodedView(id: number, end: number): Uint8Array {
  writeCommandId(scratchMemory, id)
  return views[end] as Uint8Array
}

/**
 * Copies it into a buffer of its own, word by word; null beyond 64 bytes. Copying those costs less than native code
 * takes to look at a view.
 */
export function encodedBuffer(id: number, end: number): ArrayBuffer | null {
  if (end > WORD_COPY_BYTES) return null
  const bytes = bufferBytes[end] as Uint8Array
  writeCommandId(bytes, id)
  const words = bufferWords[end] as Int32Array
  const wholeWords = end >> 2
  for (let index = 1; index < wholeWords; index++) words[index] = scratchWords[index] as number
  for (let index = wholeWords << 2; index < end; index++)
    bytes[index] = scratchMemory[index] as number
  return buffers[end] as ArrayBuffer
}

/**
 * Builds a frame for a `send` that copies, in memory that the next call uses again. That saves the
 * allocation; a larger frame is built anew.
 */
export function scratchFrame(id: number, payload: Uint8Array): Uint8Array {
  const length = HEADER_BYTES + payload.length
  const frame = length <= SCRATCH_BYTES ? (views[length] as Uint8Array) : new Uint8Array(length)
  writeCommandId(frame, id)
  frame.set(payload, HEADER_BYTES)
  return frame
}

/** Gives the same as a whole buffer, which native code takes faster than a view; null when it is too large for one. */
export function scratchBuffer(id: number, payload: Uint8Array): ArrayBuffer | null {
  const length = HEADER_BYTES + payload.length
  if (length > OWN_BUFFER_BYTES) return null
  const bytes = bufferBytes[length] as Uint8Array
  writeCommandId(bytes, id)
  bytes.set(payload, HEADER_BYTES)
  return buffers[length] as ArrayBuffer
}
