import type { IncomingMessage, ServerResponse } from 'node:http'
import { RingsideError } from '../../process/errors.ts'
import type { ByteStream, HttpRequest, HttpResponse } from '../contract.ts'
import { checkHeaders } from '../header-check.ts'
import { readTarget } from './target.ts'

/** Both halves of one exchange that Node's parser has read. */
export class PlainExchange implements HttpRequest, HttpResponse {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly remoteAddress: string
  /** RFC 9112 section 3.2: only HTTP/1.0 has requests without a Host, and no browser sends them. */
  readonly isHostless: boolean
  readonly #headers = new Map<string, string>()
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #maxBehindMs: number
  #isOpen = true
  #stream: PlainStream | null = null
  #onAborted: (() => void) | null = null

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    options: {
      readonly clientOf: (peer: string, forwardedFor: string) => string
      readonly maxBehindMs: number
    },
  ) {
    this.#request = request
    this.#response = response
    this.#maxBehindMs = options.maxBehindMs
    // TR34: Node's own reading keeps one of two.
    const { rawHeaders } = request
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = (rawHeaders[at] ?? '').toLowerCase()
      const value = rawHeaders[at + 1] ?? ''
      const before = this.#headers.get(name)
      const between = name === 'cookie' ? '; ' : ', '
      this.#headers.set(name, before === undefined ? value : before + between + value)
    }
    const { path, query, host } = readTarget(request.url ?? '')
    // RFC 9112 section 3.2.2: an absolute target's host is the request's.
    if (host !== null) this.#headers.set('host', host)
    this.isHostless = request.httpVersion === '1.0' && !this.#headers.has('host')
    this.method = request.method ?? ''
    this.path = path
    this.query = new URLSearchParams(query)
    const peer = request.socket.remoteAddress ?? ''
    this.remoteAddress = options.clientOf(peer, this.header('x-forwarded-for'))
    response.on('close', () => this.#gone())
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  header(name: string): string {
    return this.#headers.get(name) ?? ''
  }

  onAborted(listener: () => void): void {
    this.#onAborted = listener
  }

  body(maxBytes: number): Promise<Uint8Array> {
    if (!this.#isOpen) return Promise.reject(new RingsideError('aborted'))
    return new Promise((resolve, rejectBody) => {
      let chunks: Uint8Array[] = []
      let size = 0
      this.#request.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size <= maxBytes) return void chunks.push(chunk)
        // The rest is read and thrown away, so that the client gets to see the answer.
        chunks = []
        const text = `Expected a body of at most ${maxBytes} bytes`
        rejectBody(new RingsideError('body_too_large', text))
      })
      this.#request.on('end', () => resolve(new Uint8Array(Buffer.concat(chunks))))
      this.#request.on('close', () => rejectBody(new RingsideError('aborted')))
      this.#request.on('error', () => rejectBody(new RingsideError('aborted')))
    })
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array | string): void {
    if (!this.#isOpen || this.#response.headersSent) return
    checkHeaders(headers)
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const hasLength = status !== 204 && status !== 304
    const length = hasLength ? { 'content-length': String(bytes.length) } : {}
    // Whoever takes nothing of an answer is cut off (TR32).
    this.#response.setTimeout(this.#maxBehindMs, () => this.#response.destroy())
    this.#response.writeHead(status, { ...headers, ...length })
    this.#response.end(hasLength && this.method !== 'HEAD' ? bytes : undefined)
    // What is left of its body is read away.
    this.#request.resume()
    this.#isOpen = false
  }

  stream(headers: Readonly<Record<string, string>>): ByteStream | null {
    if (!this.#isOpen || this.#response.headersSent) return null
    checkHeaders(headers)
    if (this.method === 'HEAD') {
      this.send(200, headers, '')
      return null
    }
    this.#response.writeHead(200, headers)
    this.#response.flushHeaders()
    this.#stream = new PlainStream(this.#response, this.#maxBehindMs)
    return this.#stream
  }

  endStream(): void {
    this.#stream?.end()
  }

  #gone(): void {
    const listener = this.#isOpen && !this.#stream ? this.#onAborted : null
    this.#isOpen = false
    this.#onAborted = null
    this.#stream?.gone()
    listener?.()
  }
}

/** An open body. Node keeps by reference what the socket does not take. */
class PlainStream implements ByteStream {
  isOpen = true
  onWritable: (() => void) | null = null
  onClose: (() => void) | null = null
  readonly #response: ServerResponse
  readonly #maxBehindMs: number

  constructor(response: ServerResponse, maxBehindMs: number) {
    this.#response = response
    this.#maxBehindMs = maxBehindMs
    response.on('drain', () => {
      if (this.isOpen) this.onWritable?.()
    })
  }

  get bufferedBytes(): number {
    return this.#response.writableLength
  }

  write(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false
    return this.#response.write(bytes)
  }

  // Node hands the kernel what it has room for by itself.
  poke(): void {}

  end(): void {
    if (!this.isOpen) return
    // A reader that takes nothing of what waits is not waited for.
    this.#response.setTimeout(this.#maxBehindMs, () => this.#response.destroy())
    this.#response.end()
    this.gone()
  }

  gone(): void {
    if (!this.isOpen) return
    this.isOpen = false
    const { onClose } = this
    this.onClose = null
    this.onWritable = null
    onClose?.()
  }
}
