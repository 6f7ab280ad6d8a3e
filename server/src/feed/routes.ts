import { RingsideError } from '../process/errors.ts'
import { readJsonObject } from '../http/json-body.ts'
import type { RouteHandler } from '../http/contract.ts'
import type { ReaderLimits } from './audience/reader-limits.ts'
import type { Feed } from './feed.ts'
import type { Lobby } from './lobby/lobby.ts'
import type { History } from './pages/history.ts'
import { checkClientId, parseFeedAsk, parseRooms } from './stream/ask.ts'

const MAX_ACK_BYTES = 1_024

/** Takes routes; the HTTP router is one. */
export interface RouteAdder {
  add(method: string, path: string, handler: RouteHandler): void
}

/** These parts answer spectators. */
export interface FeedAnswers {
  readonly feed: Feed
  readonly lobby: Lobby
  readonly history: History
  readonly readers: ReaderLimits
}

/** Adds everything that spectators read: lists, streams, pages and states. */
export function addFeedRoutes(router: RouteAdder, parts: FeedAnswers): void {
  const { feed, lobby, history, readers } = parts
  router.add('GET', '/rooms', (request, response) => lobby.answer(request, response))
  router.add('GET', '/rooms/stream', (request, response) => lobby.open(request, response))
  router.add('GET', '/rooms/:id/feed', (request, response, { params }) => {
    const ask = parseFeedAsk(request)
    return feed.open({ request, response, ask, rooms: [params['id'] ?? ''], isSingle: true })
  })
  router.add('GET', '/feed', (request, response) => {
    const ask = parseFeedAsk(request)
    const rooms = parseRooms(request.query)
    return feed.open({ request, response, ask, rooms, isSingle: false })
  })
  router.add('POST', '/feed/ack', async (request, response) => {
    readers.checkRead(request.remoteAddress)
    const { clientId, seq } = await readJsonObject(request, MAX_ACK_BYTES)
    if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 0)
      throw new RingsideError('bad_request', 'Expected seq to be a whole number')
    feed.acknowledge(checkClientId(clientId), seq)
    response.send(204, {}, '')
  })
  router.add('GET', '/rooms/:id/events', (request, response, { params }) =>
    history.events(params['id'] ?? '', { request, response }),
  )
  router.add('GET', '/rooms/:id/state', (request, response, { params }) =>
    history.state(params['id'] ?? '', { request, response }),
  )
}
