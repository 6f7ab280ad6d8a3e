import type { CallReader } from './link-call.ts'
import { OpenBody } from './open-body.ts'
import type { MemoryRequest } from '../../transport/memory/http.ts'

/** One exchange as the link carries it out. */
export type Call = (
  url: URL,
  request: MemoryRequest,
  reader: CallReader,
) => { readonly abort: () => void }

/** Answers of these carry no body, and a Response with one throws. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304])

/** `fetch` over a link. It takes text and bytes as a body, and no Request. */
export function createFetch(call: Call): typeof fetch {
  return async (input, init = {}) => {
    if (typeof input !== 'string' && !(input instanceof URL))
      throw new TypeError('Expected an address as text or URL')
    const { signal } = init
    if (signal?.aborted) throw signal.reason
    const request = toRequest(new URL(input), init)
    return new Promise<Response>((resolve, reject) => {
      const body = new OpenBody()
      const running = call(new URL(input), request, {
        onHead: (status, headers) => {
          const stream = WITHOUT_BODY.has(status) ? null : body.stream
          resolve(new Response(stream, { status, headers }))
        },
        onBytes: (bytes) => body.push(bytes),
        onEnd: () => body.end(),
        onBroken: () => {
          reject(new TypeError('fetch failed'))
          body.fail(new TypeError('terminated'))
        },
      })
      const abort = (): void => {
        running.abort()
        reject(signal?.reason)
        body.fail(signal?.reason)
      }
      body.onCancel = running.abort
      signal?.addEventListener('abort', abort, { once: true })
    })
  }
}

function toRequest(url: URL, init: RequestInit): MemoryRequest {
  const { method = 'GET', body = '' } = init
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new TypeError('Expected a body of text or bytes')
  const headers: Record<string, string> = {}
  new Headers(init.headers ?? {}).forEach((value, name) => {
    headers[name] = value
  })
  headers['host'] = url.host
  return { method, path: `${url.pathname}${url.search}`, headers, body }
}
