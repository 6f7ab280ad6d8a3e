import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { RunFailure } from '../failure.ts'
import { durationMs } from '../options.ts'
import { runtime } from '../runtime.ts'
import { currentUser } from '../virtual-user.ts'
import type { VirtualUser } from '../virtual-user.ts'

/** Connections that wait for the answer to a request, for each source address; further requests wait their turn. */
const MAX_CONNECTIONS = 256
/** Requests to the same server share its connections, where each of k6's users has its own. */
const agents = new Map<string, HttpAgent>()
/** Largest body of an answer in bytes; beyond it the request has failed. */
const MAX_BODY_BYTES = 64 * 1024 * 1024
const TIMEOUT_MS = 60_000

interface RequestParams {
  readonly headers?: Readonly<Record<string, string>>
  readonly tags?: Readonly<Record<string, string>>
  readonly timeout?: string | number
  readonly responseType?: 'text' | 'binary' | 'none'
}

interface Timings {
  blocked: number
  connecting: number
  tls_handshaking: number
  sending: number
  waiting: number
  receiving: number
  duration: number
}

/** What k6 tells of an answer; status 0 and `error` when there was none. */
export class Response {
  readonly url: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | ArrayBuffer | null
  readonly timings: Readonly<Timings>
  readonly error: string

  constructor(url: string, timings: Timings, answer: Answer | Error) {
    const isError = answer instanceof Error
    this.url = url
    this.timings = timings
    this.status = isError ? 0 : answer.status
    this.headers = isError ? {} : answer.headers
    this.body = isError ? null : answer.body
    this.error = isError ? answer.message : ''
  }

  /** @throws SyntaxError when the body is no JSON. */
  json(): unknown {
    const { body } = this
    return JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body ?? undefined))
  }
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | ArrayBuffer | null
}

/** k6's `http.asyncRequest`. Resolves also when there is no answer: look at `status`. Redirects are not followed. */
export async function asyncRequest(
  ...[method, url, body, params]: [string, string, unknown?, (RequestParams | null)?]
): Promise<Response> {
  const user = currentUser('asyncRequest')
  const timings = await send({ user, method, url, body: bodyOf(body), params: params ?? {} })
  const { answer, ...times } = timings
  const response = new Response(url, times.timings, answer)
  const tags = { ...user.tags, ...params?.tags, method, status: String(response.status) }
  const { metrics } = runtime()
  metrics.add('http_reqs', 1, tags)
  metrics.add('http_req_failed', response.status >= 200 && response.status < 400 ? 0 : 1, tags)
  for (const [name, value] of Object.entries(response.timings))
    metrics.add(`http_req_${name}`, value, tags)
  return response
}

interface Sending {
  readonly user: VirtualUser
  readonly method: string
  readonly url: string
  readonly body: string | Uint8Array | null
  readonly params: RequestParams
}

function send({ user, method, url, body, params }: Sending): Promise<{
  readonly timings: Timings
  readonly answer: Answer | Error
}> {
  const { clock } = runtime()
  const timings: Timings = {
    blocked: 0,
    connecting: 0,
    tls_handshaking: 0,
    sending: 0,
    waiting: 0,
    receiving: 0,
    duration: 0,
  }
  const isTls = url.startsWith('https:')
  return new Promise((resolve) => {
    let mark = clock.now()
    let hasAnswer = false
    const lap = (name: keyof Timings): void => {
      const now = clock.now()
      timings[name] += now - mark
      mark = now
    }
    const request = (isTls ? httpsRequest : httpRequest)(url, {
      method,
      headers: { ...params.headers, ...(body ? { 'content-length': byteLength(body) } : {}) },
      agent: agentOf(user.localAddress, isTls),
      ...(user.localAddress ? { localAddress: user.localAddress } : {}),
      timeout: durationMs(params.timeout ?? TIMEOUT_MS, 'timeout of a request'),
    })
    const resource = {
      stop: () => {
        request.removeAllListeners()
        request.on('error', () => undefined)
        request.destroy()
      },
    }
    user.add(resource)
    const end = (answer: Answer | Error): void => {
      timings.duration = timings.sending + timings.waiting + timings.receiving
      resolve({ timings, answer })
      user.delete(resource)
    }
    request.on('socket', (socket) => {
      lap('blocked')
      if (socket.connecting) socket.once('connect', () => lap('connecting'))
    })
    request.on('finish', () => lap('sending'))
    request.on('timeout', () => request.destroy(new Error('request timeout')))
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The server closes a connection that was idle at the moment in which it is used again: nobody has read the request.
      if (!request.reusedSocket || error.code !== 'ECONNRESET' || hasAnswer) return end(error)
      resolve(send({ user, method, url, body, params }))
      user.delete(resource)
    })
    request.on('response', (message) => {
      hasAnswer = true
      lap('waiting')
      readBody(message, params.responseType ?? 'text').then(
        (read) => {
          lap('receiving')
          end({ status: message.statusCode ?? 0, headers: headersOf(message), body: read })
        },
        (error: unknown) => end(error instanceof Error ? error : new Error(String(error))),
      )
    })
    request.end(body ?? undefined)
  })
}

async function readBody(
  message: IncomingMessage,
  type: 'text' | 'binary' | 'none',
): Promise<string | ArrayBuffer | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new Error(`The body is over ${MAX_BODY_BYTES} bytes`)
    if (type !== 'none') chunks.push(chunk)
  }
  if (type === 'none') return null
  const all = Buffer.concat(chunks)
  return type === 'text' ? all.toString() : new Uint8Array(all).buffer
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [canonical(name), String(value)]),
  )
}

/** k6 has the names as Go writes them: `Content-Type`. */
function canonical(name: string): string {
  return name.replace(
    /(^|-)([a-z])/g,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  )
}

function bodyOf(body: unknown): string | Uint8Array | null {
  if (body === null || body === undefined) return null
  if (typeof body === 'string') return body
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  throw new RunFailure('This runner sends text and ArrayBuffers as bodies; write JSON yourself')
}

function byteLength(body: string | Uint8Array): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.length
}

function agentOf(localAddress: string | null, isTls: boolean): HttpAgent {
  const key = `${localAddress ?? ''} ${isTls}`
  const known = agents.get(key)
  if (known) return known
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: TIMEOUT_MS }
  const agent = isTls ? new HttpsAgent(options) : new HttpAgent(options)
  agents.set(key, agent)
  return agent
}

function refuse(name: string): () => never {
  return () => {
    throw new RunFailure(`This runner has no http.${name}(), which blocks; await http.asyncRequest`)
  }
}

/** The object that `import http from 'k6/http'` gives. */
const http = {
  asyncRequest,
  ...Object.fromEntries(
    ['get', 'post', 'put', 'patch', 'del', 'head', 'options', 'request', 'batch'].map((name) => [
      name,
      refuse(name),
    ]),
  ),
}

// oxlint-disable-next-line import/no-default-export -- it is what k6 exports
export default http
