/** Bytes in front of every payload: the command id as uint32, big-endian. */
export const FRAME_HEADER_BYTES = 4

/** The largest payload any server may be configured to take, in bytes (10 MiB). */
export const MAX_PAYLOAD_BYTES_LIMIT = 10 * 1024 * 1024

/** First id of the range that games may not register. */
export const FIRST_RESERVED_ID = 0xffff0000

/** The subprotocol the Ringside SDK offers; a client without it is a plain 4-byte client. */
export const SUBPROTOCOL = 'ringside.1'

/** True for an id that games may register: an integer from 0 to 0xFFFEFFFF. */
export function isGameCommandId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < FIRST_RESERVED_ID
}

/**
 * Builds one WebSocket message: the id, then a copy of the payload.
 * The result is a fresh array that the caller owns.
 */
export function encodeFrame(id: number, payload?: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + (payload?.length ?? 0))
  writeCommandId(frame, id)
  if (payload) frame.set(payload, FRAME_HEADER_BYTES)
  return frame
}

/** Writes the id into the first four bytes of `frame`. */
export function writeCommandId(frame: Uint8Array, id: number): void {
  frame[0] = id >>> 24
  frame[1] = id >>> 16
  frame[2] = id >>> 8
  frame[3] = id
}

/** Reads the id of a frame, or -1 when there are fewer than four bytes. */
export function readCommandId(frame: Uint8Array): number {
  if (frame.length < FRAME_HEADER_BYTES) return -1
  return (
    (((frame[0] as number) << 24) |
      ((frame[1] as number) << 16) |
      ((frame[2] as number) << 8) |
      (frame[3] as number)) >>>
    0
  )
}

/** The payload of a frame: a view on the same memory, valid only as long as the frame is. */
export function framePayload(frame: Uint8Array): Uint8Array {
  return frame.subarray(FRAME_HEADER_BYTES)
}
