import type { HttpRequest } from '../transport/contract.ts'

/** A route under a name that people bring along, and ours. */
interface Alias {
  /** Null: any. */
  readonly method: string | null
  readonly path: RegExp
  /** The method and path that are meant. */
  readonly meant: (match: RegExpExecArray, request: HttpRequest) => Meant
}

interface Meant {
  readonly path: string
  readonly method?: string
  /** Parameters that the alias implies where the request does not say otherwise. */
  readonly query?: Readonly<Record<string, string>>
}

const to =
  (path: string): Alias['meant'] =>
  () => ({ path })

/** A feed of topics alone, unless rooms are named. */
const topicsAlone: Alias['meant'] = () => ({ path: '/feed', query: { rooms: '' } })

/** PU9: the whole list. None of them hides a route of ours, for ours begin otherwise. */
const aliases: readonly Alias[] = [
  { method: 'GET', path: /^\/(?:api\/sse\/connect|api\/v1\/sse|sse\/events)$/, meant: topicsAlone },
  {
    method: 'POST',
    path: /^\/api\/sse\/(broadcast|notification|alert|data-update)$/,
    meant: ([, name]) => ({ path: `/feed/${name}` }),
  },
  {
    method: 'POST',
    path: /^\/api\/sse\/send\/([^/]+)$/,
    meant: ([, id]) => ({ path: `/feed/send/${id}` }),
  },
  { method: null, path: /^\/api\/demo\/(.+)$/, meant: ([, rest]) => ({ path: `/demo/${rest}` }) },
  { method: 'GET', path: /^\/sse\/stats$/, meant: to('/feed/stats') },
  { method: 'GET', path: /^\/sse\/connections$/, meant: to('/feed/streams') },
  { method: 'POST', path: /^\/sse\/test-event$/, meant: to('/feed/test-event') },
  {
    method: 'POST',
    path: /^\/sse\/subscribe$/,
    meant: (_, { query }) => ({
      path: `/feed/streams/${encodeURIComponent(query.get('connection_id') ?? query.get('streamId') ?? '_')}`,
      method: 'PATCH',
    }),
  },
]

/** The request as it is meant (PU9): itself, or the same for the route of ours that its path is another name of. */
export function meantRequest(request: HttpRequest): HttpRequest {
  const { method, path } = request
  const asked = method === 'HEAD' ? 'GET' : method
  for (const alias of aliases) {
    // A preflight asks for another method than its own.
    if (alias.method !== null && alias.method !== asked && method !== 'OPTIONS') continue
    const match = alias.path.exec(path)
    if (match) return new MeantRequest(request, alias.meant(match, request))
  }
  return request
}

class MeantRequest implements HttpRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly remoteAddress: string
  readonly #request: HttpRequest

  constructor(request: HttpRequest, meant: Meant) {
    this.#request = request
    const isPreflight = request.method === 'OPTIONS'
    this.method = isPreflight ? request.method : (meant.method ?? request.method)
    this.path = meant.path
    this.remoteAddress = request.remoteAddress
    this.query = new URLSearchParams(request.query)
    for (const [name, value] of Object.entries(meant.query ?? {}))
      if (!this.query.has(name)) this.query.set(name, value)
  }

  header(name: string): string {
    return this.#request.header(name)
  }

  body(maxBytes: number): Promise<Uint8Array> {
    return this.#request.body(maxBytes)
  }
}
