import { RingsideError } from '../../process/errors.ts'
import { checkHeaders } from '../header-check.ts'
import type { ByteStream, HttpRequest, HttpResponse } from '../contract.ts'

/** HTTP/1.1 has no request without a Host (RFC 9112 section 3.2). */
export const DEFAULT_HOST = 'localhost'

/** One request of a test. */
export interface MemoryRequest {
  /** Default GET. */
  readonly method?: string
  /** The path with or without a query. */
  readonly path: string
  /** In lower case; `host` is `localhost` unless given. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  readonly remoteAddress?: string
}

/** Follows an answer as it comes; see {@link MemoryExchange.follow}. */
export interface AnswerReader {
  /** Status and headers are there; called once, before any bytes. */
  onHead(): void
  onBytes(bytes: Uint8Array): void
  /** The answer is whole, or the exchange was given up; called once, and nothing after it. */
  onEnd(): void
}

/** Both ends of one in-process HTTP exchange. */
export class MemoryExchange implements HttpRequest, HttpResponse {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly remoteAddress: string
  isOpen = true
  /** 0 until the server answers. */
  status = 0
  headers: Readonly<Record<string, string>> = {}
  /** The open body, once the server streams. */
  openBody: MemoryStream | null = null
  /** Resolves when the answer is complete: sent, ended, or the client has gone. */
  readonly done: Promise<void>
  readonly #request: MemoryRequest
  readonly #chunks: Uint8Array[] = []
  readonly #onFinish: () => void
  #resolveDone: () => void = () => {}
  #onAborted: (() => void) | null = null
  #reader: AnswerReader | null = null

  constructor(request: MemoryRequest, onFinish: () => void) {
    const [path = '', query = ''] = request.path.split('?')
    this.method = (request.method ?? 'GET').toUpperCase()
    this.path = path
    this.query = new URLSearchParams(query)
    this.remoteAddress = request.remoteAddress ?? '127.0.0.1'
    this.#request = request
    this.#onFinish = onFinish
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve
    })
  }

  header(name: string): string {
    return this.#request.headers?.[name] ?? (name === 'host' ? DEFAULT_HOST : '')
  }

  onAborted(listener: () => void): void {
    this.#onAborted = listener
  }

  async body(maxBytes: number): Promise<Uint8Array> {
    const { body = '' } = this.#request
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body)
    await Promise.resolve()
    if (!this.isOpen) throw new RingsideError('aborted')
    if (bytes.length > maxBytes)
      throw new RingsideError('body_too_large', `Expected a body of at most ${maxBytes} bytes`)
    return bytes
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array | string): void {
    if (!this.isOpen) return
    checkHeaders(headers)
    this.#answer(status, headers)
    const hasBody = this.method !== 'HEAD' && status !== 204 && status !== 304
    if (hasBody)
      this.#take(typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body))
    this.#finish()
  }

  stream(headers: Readonly<Record<string, string>>): ByteStream | null {
    if (!this.isOpen || this.openBody) return null
    checkHeaders(headers)
    if (this.method === 'HEAD') {
      this.send(200, headers, '')
      return null
    }
    this.#answer(200, headers)
    this.openBody = new MemoryStream(
      (bytes) => this.#take(bytes),
      () => this.#finish(),
    )
    return this.openBody
  }

  /** The bytes that the client has received so far. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks)
  }

  text(): string {
    return new TextDecoder().decode(this.bytes())
  }

  json(): unknown {
    return JSON.parse(this.text())
  }

  /** Hands what came so far and what comes from here on to one reader. */
  follow(reader: AnswerReader): void {
    this.#reader = reader
    if (this.status !== 0) reader.onHead()
    for (const bytes of this.#chunks) reader.onBytes(bytes)
    if (!this.isOpen) reader.onEnd()
  }

  /** The client goes away. */
  abort(): void {
    const listener = this.#onAborted
    this.#finish()
    listener?.()
  }

  endStream(): void {
    this.openBody?.end()
  }

  #answer(status: number, headers: Readonly<Record<string, string>>): void {
    this.status = status
    this.headers = headers
    this.#reader?.onHead()
  }

  #take(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
    this.#reader?.onBytes(bytes)
  }

  #finish(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#onAborted = null
    this.openBody?.gone()
    this.#onFinish()
    this.#resolveDone()
    this.#reader?.onEnd()
  }
}

/** An open body whose fullness is set by hand. */
export class MemoryStream implements ByteStream {
  isOpen = true
  onWritable: (() => void) | null = null
  onClose: (() => void) | null = null
  readonly #take: (bytes: Uint8Array) => void
  readonly #onEnd: () => void
  #waiting: Uint8Array[] = []
  #bufferedBytes = 0
  /** The reader takes so many bytes at once; Infinity while nothing holds it up. */
  #roomBytes = Infinity

  constructor(take: (bytes: Uint8Array) => void, onEnd: () => void) {
    this.#take = take
    this.#onEnd = onEnd
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  write(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false
    if (this.#roomBytes === Infinity) {
      this.#take(new Uint8Array(bytes))
      return true
    }
    this.#waiting.push(new Uint8Array(bytes))
    this.#bufferedBytes += bytes.length
    this.#takeWaiting()
    return this.#bufferedBytes === 0
  }

  // There is no kernel that takes anything untold.
  poke(): void {}

  /** A full stream keeps what is written; empty again, it delivers all and calls `onWritable`. */
  setFull(isFull: boolean): void {
    this.setRoom(isFull ? 0 : Infinity)
  }

  /** The reader takes so many bytes from here on, and then no more until this is called again. */
  setRoom(byteCount: number): void {
    this.#roomBytes = byteCount
    if (this.#waiting.length === 0) return
    this.#takeWaiting()
    if (this.#waiting.length === 0) this.onWritable?.()
  }

  /** It takes so many more, as long as it does not come to more than `maxBytes`. */
  grant(byteCount: number, maxBytes: number): void {
    this.setRoom(Math.min(maxBytes, this.#roomBytes + byteCount))
  }

  #takeWaiting(): void {
    while (this.#roomBytes > 0) {
      const [first] = this.#waiting
      if (!first) return
      const taken = first.subarray(0, Math.min(this.#roomBytes, first.length))
      if (taken.length === first.length) this.#waiting.shift()
      else this.#waiting[0] = first.subarray(taken.length)
      this.#roomBytes -= taken.length
      this.#bufferedBytes -= taken.length
      this.#take(taken)
    }
  }

  end(): void {
    if (!this.isOpen) return
    this.isOpen = false
    for (const bytes of this.#waiting) this.#take(bytes)
    this.#onEnd()
  }

  /** The exchange is over; called once. */
  gone(): void {
    this.isOpen = false
    this.#waiting = []
    this.#bufferedBytes = 0
    const { onClose } = this
    this.onClose = null
    this.onWritable = null
    onClose?.()
  }
}
