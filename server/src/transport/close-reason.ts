/** RFC 6455 section 5.5: a close frame carries 125 bytes, two of them the code. */
export const MAX_CLOSE_REASON_BYTES = 123

const encoder = new TextEncoder()

/**
 * Makes of a close reason what a close frame can carry: well-formed, for its UTF-8 is all that a browser takes (RFC 6455
 * section 7.1.6), and cut at a character's edge.
 */
export function cutCloseReason(text: string): string {
  const reason = text.toWellFormed()
  if (reason.length * 3 <= MAX_CLOSE_REASON_BYTES) return reason
  const scratch = new Uint8Array(MAX_CLOSE_REASON_BYTES)
  const { read } = encoder.encodeInto(reason, scratch)
  return reason.slice(0, read)
}
