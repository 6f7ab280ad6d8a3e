/** No snapshot that a server writes is longer. */
const MAX_BLOCK_CHARS = 64 * 1024 * 1024

/** A decoder reports to these. */
export interface SseHandlers {
  /**
   * One block. `data` is null for a block that only moves the position; `id` is null where the block names
   * none of its own.
   */
  onBlock(block: { id: string | null; type: string; data: string | null }): void
  /** `retry:` in ms. */
  onRetry(ms: number): void
}

/**
 * Decodes Server-Sent Events (WHATWG HTML, section 9.2.6) from text in pieces of any size; the text comes
 * from a TextDecoder, which takes the byte order mark away. `feed` throws RangeError when more than
 * 64 Mi characters are held back: an endless line must not fill the memory.
 *
 * The SDK has a decoder of its own, because eventsource-parser does not tell of blocks without data, which move the
 * position of quiet filtered streams, and is half of this reader's size.
 */
export function createSseDecoder(handlers: SseHandlers) {
  let rest = ''
  let endedInCr = false
  let data: string | null = null
  let type = ''
  let id: string | null = null

  function takeLine(line: string): void {
    if (line === '') {
      if (data !== null || id !== null) handlers.onBlock({ id, type: type || 'message', data })
      data = id = null
      type = ''
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))
    if (name === 'data') data = data === null ? value : `${data}\n${value}`
    else if (name === 'event') type = value
    else if (name === 'id' && !value.includes('\0')) id = value
    else if (name === 'retry' && /^\d+$/.test(value)) handlers.onRetry(Number(value))
  }

  return {
    feed(text: string): void {
      if (text === '') return
      // CRLF is one end of line, also when the two come in different pieces.
      const lines = (endedInCr && text[0] === '\n' ? text.slice(1) : text).split(/\r\n|\r|\n/)
      endedInCr = text.endsWith('\r')
      lines[0] = rest + lines[0]
      rest = lines.pop() ?? ''
      for (const line of lines) takeLine(line)
      if (rest.length + (data?.length ?? 0) > MAX_BLOCK_CHARS) throw new RangeError('Too long')
    },
  }
}
