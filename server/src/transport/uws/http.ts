import { STATUS_CODES } from 'node:http'
import type { HttpRequest as UwsRequest, HttpResponse as UwsResponse } from 'uWebSockets.js'
import { RingsideError } from '../../process/errors.ts'
import { errorCodes } from '@ringside/protocol'
import { checkHeaders } from '../header-check.ts'
import { hasToken } from './request-check.ts'
import type { Refusal } from './request-check.ts'
import type { ByteStream, HttpRequest, HttpResponse } from '../contract.ts'
import { UwsAnswer } from './answer.ts'
import { UwsByteStream } from './byte-stream.ts'
import type { SlowBodies } from './slow-bodies.ts'

/** The other end of the socket as text: dotted for IPv4 (mapped into IPv6 as well), else groups of hex. */
export function peerAddressOf(response: UwsResponse): string {
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

/** Copies all headers. Several lines of one are one value (TR34); those of cookies are pairs (RFC 9113 section 8.2.3). */
export function headersOf(request: UwsRequest): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  request.forEach((name, value) => {
    const before = headers.get(name)
    const between = name === 'cookie' ? '; ' : ', '
    headers.set(name, before === undefined ? value : before + between + value)
  })
  return headers
}

/**
 * One HTTP request, copied, since that of uWebSockets.js lives only during the callback. It stands apart from its
 * answer, so that an open stream does not keep the request's headers.
 */
export class UwsHttpRequest implements HttpRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly remoteAddress: string
  readonly #headers: ReadonlyMap<string, string>
  readonly #exchange: UwsExchange

  constructor(exchange: UwsExchange, request: UwsRequest, remoteAddress: string) {
    this.#exchange = exchange
    this.method = exchange.method
    this.path = request.getUrl()
    this.query = new URLSearchParams(request.getQuery())
    this.remoteAddress = remoteAddress
    this.#headers = headersOf(request)
  }

  header(name: string): string {
    return this.#headers.get(name) ?? ''
  }

  body(maxBytes: number): Promise<Uint8Array> {
    return this.#exchange.body(maxBytes)
  }
}

/** A stream keeps its exchange, and that the text of its method: of these, one for all. */
const METHODS: ReadonlyMap<string, string> = new Map(
  ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'].map((name) => [name, name]),
)

/** What the exchanges of a transport share. */
export interface ExchangeParts {
  /** Those that are not over. */
  readonly open: Set<UwsExchange>
  readonly slow: SlowBodies
}

/**
 * The answering half of one HTTP exchange. The response of uWebSockets.js must not be touched once answered or
 * aborted, so `isOpen` guards it. It lives as long as a stream does: it keeps no closures or headers it can do
 * without.
 */
export class UwsExchange implements HttpResponse {
  readonly method: string
  readonly #response: UwsResponse
  readonly #parts: ExchangeParts
  /**
   * The connection ends with the answer (TR40): uWebSockets.js reads chunks so leniently that a proxy in front may see
   * their end elsewhere, and take what follows for another's request. So it does for a client that asks for it (TR44).
   */
  #isLast: boolean
  #isOpen = true
  /** The answer is given, though it may not be written yet. */
  #isAnswered = false
  #stream: UwsByteStream | null = null
  /** The answer, while the socket does not take all of it. */
  #answer: UwsAnswer | null = null
  /** Rejects the body that is being read. */
  #onGone: (() => void) | null = null
  #onAborted: (() => void) | null = null

  /** Adds itself to the open exchanges, and leaves them when it is over. */
  constructor(response: UwsResponse, request: UwsRequest, parts: ExchangeParts) {
    const method = request.getCaseSensitiveMethod()
    this.method = METHODS.get(method) ?? method
    this.#isLast =
      request.getHeader('transfer-encoding') !== '' ||
      isCloseAmongOthers(request.getHeader('connection'))
    this.#response = response
    this.#parts = parts
    parts.open.add(this)
    response.onAborted(() => this.#aborted())
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  onAborted(listener: () => void): void {
    this.#onAborted = listener
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
    if (!this.#isOpen || this.#isAnswered) return
    checkHeaders(headers)
    this.#isAnswered = true
    if (this.#isLast) this.#sendLast(status, headers, body)
    else this.#send(status, headers, body)
  }

  /**
   * While a request waits for its answer, uWebSockets.js cuts a connection that asks on. So whatever came in the same
   * packet, behind the end that this request seems to have, is never taken for a request.
   */
  #sendLast(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string,
  ): void {
    setImmediate(() => {
      if (this.#isOpen) this.#send(status, { ...headers, connection: 'close' }, body)
    })
  }

  #send(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string,
  ): void {
    const response = this.#response
    const isLast = this.#isLast
    response.cork(() => {
      this.#writeHead(status, headers)
      // RFC 9110: no body after HEAD, and neither body nor length after 204 and 304.
      if (status === 204 || status === 304) response.endWithoutBody(undefined, isLast)
      else if (this.method === 'HEAD') response.endWithoutBody(Buffer.byteLength(body), isLast)
      else if (isLast) response.end(bytesOf(body), true)
      else this.#end(bytesOf(body))
    })
    this.finish()
  }

  /** Answers a request that must not be read on: the connection ends with the answer. */
  refuse(refusal: Refusal): void {
    const { status, code, headers } = refusal
    this.#isLast = true
    this.send(
      status,
      { 'content-type': 'application/json; charset=utf-8', ...headers },
      JSON.stringify({ error: { code, message: errorCodes[code].text } }),
    )
  }

  #end(body: Uint8Array): void {
    const answer = new UwsAnswer(this.#response, body, this.#parts.slow)
    if (!answer.end()) this.#answer = answer
  }

  stream(headers: Readonly<Record<string, string>>): ByteStream | null {
    if (!this.#isOpen || this.#isAnswered || this.#stream) return null
    checkHeaders(headers)
    if (this.method === 'HEAD') {
      this.send(200, headers, '')
      return null
    }
    this.#beginStream(headers)
    this.#stream = new UwsByteStream(this.#response, this, this.#parts.slow)
    return this.#stream
  }

  /** It stands apart, for anything that a closure of `stream` shared would live as long as the stream. */
  #beginStream(headers: Readonly<Record<string, string>>): void {
    this.#response.cork(() => this.#writeHead(200, headers))
  }

  /** Ends an open stream; a request that is still being answered is left alone. */
  endStream(): void {
    this.#stream?.end()
  }

  #writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    this.#response.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`)
    for (const name in headers) this.#response.writeHeader(name, headers[name] as string)
  }

  #aborted(): void {
    const listener = this.#onAborted
    this.#answer?.gone()
    this.#stream?.aborted()
    this.finish()
    listener?.()
  }

  /** Leaves the response, which uWebSockets.js frees once it is answered, ended or aborted. */
  finish(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onGone?.()
    this.#onGone = null
    this.#onAborted = null
    this.#stream?.gone()
    this.#parts.open.delete(this)
  }
}

/** A text in UTF-8, whatever halves of characters it has. */
function bytesOf(body: Uint8Array | string): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body) : body
}

/** uWebSockets.js sees `close` where nothing else stands beside it. */
function isCloseAmongOthers(connection: string): boolean {
  return connection.length > 'close'.length && hasToken(connection, 'close')
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
