import type { Json } from '@ringside/protocol'

/** One event of an SSE stream. */
export interface StreamEvent {
  /** '' when it has none. */
  readonly id: string
  readonly type: string
  readonly data: Json
}

/** Everything that a spectator's stream has brought so far, read as WHATWG's EventSource reads it. */
export class TestStream {
  /** 0 until the server answers. */
  status = 0
  headers: Readonly<Record<string, string>> = {}
  /** The body as it came, comments and `retry:` included. */
  text = ''
  readonly events: StreamEvent[] = []
  /** The server ended it, or the connection broke. */
  isOver = false
  readonly #decoder = new TextDecoder()
  #abort: () => void = () => {}
  #readTo = 0

  /** The data of all events of this type, in order. */
  all(type: string): Json[] {
    return this.events.filter((event) => event.type === type).map(({ data }) => data)
  }

  /** True when an event of this type came. */
  has(type: string): boolean {
    return this.events.some((event) => event.type === type)
  }

  /** The spectator goes away. */
  close(): void {
    if (this.isOver) return
    this.isOver = true
    this.#abort()
  }

  /** The source of the stream says how it is ended from here. */
  attach(abort: () => void): void {
    this.#abort = abort
  }

  /** Takes a part of the body, cut anywhere, from the source of the stream. */
  take(bytes: Uint8Array): void {
    if (this.isOver) return
    this.text += this.#decoder.decode(bytes, { stream: true })
    for (;;) {
      const end = this.text.indexOf('\n\n', this.#readTo)
      if (end < 0) return
      const event = parseBlock(this.text.slice(this.#readTo, end))
      if (event) this.events.push(event)
      this.#readTo = end + 2
    }
  }
}

/** Null for a block without data: a comment, an id alone, a `retry:`. */
function parseBlock(block: string): StreamEvent | null {
  let [id, type, data] = ['', 'message', '']
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? []
    if (name === 'id') id = value
    else if (name === 'event') type = value
    else if (name === 'data') data += value
  }
  return data === '' ? null : { id, type, data: JSON.parse(data) as Json }
}
