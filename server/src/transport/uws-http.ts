import { STATUS_CODES } from 'node:http'
import type { HttpRequest as UwsRequest, HttpResponse as UwsResponse } from 'uWebSockets.js'
import { RingsideError } from '../errors.ts'
import { checkHeaders } from './header-check.ts'
import type { ByteStream, HttpRequest, HttpResponse } from './transport.ts'

/** The client's address as text: dotted for IPv4 (mapped into IPv6 as well), else groups of hex. */
export function remoteAddressOf(response: UwsResponse): string {
  const bytes = new Uint8Array(response.getRemoteAddress())
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return ''
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255
  if (isMapped) return bytes.subarray(12).join('.')
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2)
    groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16))
  return groups.join(':')
}

/**
 * One HTTP exchange of uWebSockets.js. Its request lives only during the callback, so everything is
 * copied here; its response must not be touched once answered or aborted, so `isOpen` guards it.
 */
export class UwsExchange implements HttpRequest, HttpResponse {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly remoteAddress: string
  readonly #headers = new Map<string, string>()
  readonly #response: UwsResponse
  #isOpen = true
  #stream: UwsByteStream | null = null
  #onGone: (() => void) | null = null
  #onFinish: (() => void) | null

  constructor(response: UwsResponse, request: UwsRequest, onFinish: () => void) {
    this.method = request.getCaseSensitiveMethod().toUpperCase()
    this.path = request.getUrl()
    this.query = new URLSearchParams(request.getQuery())
    this.remoteAddress = remoteAddressOf(response)
    request.forEach((name, value) => {
      this.#headers.set(name, value)
    })
    this.#response = response
    this.#onFinish = onFinish
    response.onAborted(() => this.#finish())
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  header(name: string): string {
    return this.#headers.get(name) ?? ''
  }

  body(maxBytes: number): Promise<Uint8Array> {
    if (!this.#isOpen) return Promise.reject(new RingsideError('aborted'))
    return new Promise((resolve, rejectBody) => {
      let chunks: Uint8Array[] = []
      let size = 0
      this.#onGone = () => rejectBody(new RingsideError('aborted'))
      this.#response.onData((chunk, isLast) => {
        size += chunk.byteLength
        if (size > maxBytes) {
          // The rest is read and thrown away, so that the client gets to see the answer.
          chunks = []
          rejectBody(
            new RingsideError('body_too_large', `Expected a body of at most ${maxBytes} bytes`),
          )
          return
        }
        chunks.push(new Uint8Array(chunk.slice(0)))
        if (isLast) resolve(chunks.length === 1 ? (chunks[0] as Uint8Array) : join(chunks, size))
      })
    })
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array | string): void {
    if (!this.#isOpen) return
    const response = this.#response
    checkHeaders(headers)
    response.cork(() => {
      this.#writeHead(status, headers)
      // RFC 9110: no body after HEAD, and neither body nor length after 204 and 304.
      if (status === 204 || status === 304) response.endWithoutBody()
      else if (this.method === 'HEAD') response.endWithoutBody(Buffer.byteLength(body))
      else response.end(body)
    })
    this.#finish()
  }

  stream(headers: Readonly<Record<string, string>>): ByteStream | null {
    if (!this.#isOpen || this.#stream) return null
    checkHeaders(headers)
    if (this.method === 'HEAD') {
      this.send(200, headers, '')
      return null
    }
    this.#response.cork(() => this.#writeHead(200, headers))
    this.#stream = new UwsByteStream(this.#response, () => this.#finish())
    return this.#stream
  }

  /** Ends an open stream; a request that is still being answered is left alone. */
  endStream(): void {
    this.#stream?.end()
  }

  #writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    this.#response.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`)
    for (const name in headers) this.#response.writeHeader(name, headers[name] as string)
  }

  /** Answered, ended or aborted: uWebSockets.js frees the response now. */
  #finish(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onGone?.()
    this.#onGone = null
    this.#stream?.gone()
    this.#onFinish?.()
    this.#onFinish = null
  }
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

// What writeCorked works on: one function for all streams instead of a closure per write.
let corkedResponse: UwsResponse
let corkedBytes: Uint8Array
let corkedTaken = true
function writeCorked(): void {
  corkedTaken = corkedResponse.write(corkedBytes)
}

class UwsByteStream implements ByteStream {
  isOpen = true
  onWritable: (() => void) | null = null
  onClose: (() => void) | null = null
  readonly #response: UwsResponse
  readonly #onEnd: () => void
  #bufferedBytes = 0

  constructor(response: UwsResponse, onEnd: () => void) {
    this.#response = response
    this.#onEnd = onEnd
    response.onWritable(() => {
      this.#bufferedBytes = 0
      this.onWritable?.()
      return true
    })
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  write(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false
    // An empty chunk would end the body.
    if (bytes.length === 0) return this.#bufferedBytes === 0
    corkedResponse = this.#response
    corkedBytes = bytes
    this.#response.cork(writeCorked)
    if (!corkedTaken) this.#bufferedBytes += bytes.length
    return corkedTaken
  }

  end(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#response.cork(() => {
      this.#response.end()
    })
    this.#onEnd()
  }

  /** The response is over; called once. */
  gone(): void {
    this.isOpen = false
    this.#bufferedBytes = 0
    const { onClose } = this
    this.onClose = null
    this.onWritable = null
    onClose?.()
  }
}
