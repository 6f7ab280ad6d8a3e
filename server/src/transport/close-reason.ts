/** RFC 6455 section 5.5: a close frame carries 125 bytes, two of them the code. */
export const MAX_CLOSE_REASON_BYTES = 123

const encoder = new TextEncoder()

/** Cuts a close reason to what a close frame can carry, at a character's edge. */
export function cutCloseReason(reason: string): string {
  if (reason.length * 3 <= MAX_CLOSE_REASON_BYTES) return reason
  const scratch = new Uint8Array(MAX_CLOSE_REASON_BYTES)
  const { read } = encoder.encodeInto(reason, scratch)
  return reason.slice(0, read)
}
