import { RingsideError } from '../process/errors.ts'
import { readJsonObject } from '../http/json.ts'
import type { Route } from '../http/contract.ts'
import type { ReaderLimits } from './audience/reader-limits.ts'
import type { Feed } from './feed.ts'
import type { Lobby } from './lobby/lobby.ts'
import type { History } from './pages/history.ts'
import type { Series } from './pages/series.ts'
import { checkClientId, parseFeedAsk, parseRooms } from './stream/ask.ts'

const MAX_ACK_BYTES = 1_024

/** These parts answer spectators. */
export interface FeedAnswers {
  readonly feed: Feed
  readonly lobby: Lobby
  readonly history: History
  readonly series: Series
  readonly readers: ReaderLimits
}

/** A route of the feed. */
export interface FeedRoute extends Route {
  /** It reads the log: while that is known to fail, it is answered at once and not by its handler. */
  readonly needsLog: boolean
}

/** Everything that spectators read: lists, streams, pages and states. */
export function feedRoutes(parts: FeedAnswers): FeedRoute[] {
  const { feed, lobby, history, series, readers } = parts
  return [
    {
      method: 'GET',
      path: '/rooms',
      // Lists are in memory.
      needsLog: false,
      handler: (request, response) => lobby.answer(request, response),
    },
    {
      method: 'GET',
      path: '/rooms/stream',
      needsLog: false,
      handler: (request, response) => lobby.open(request, response),
    },
    {
      method: 'GET',
      path: '/rooms/:id/feed',
      needsLog: true,
      handler: (request, response, { params }) => {
        const ask = parseFeedAsk(request, true)
        return feed.open({ request, response, ask, rooms: [params['id'] ?? ''], isSingle: true })
      },
    },
    {
      method: 'GET',
      path: '/feed',
      needsLog: true,
      handler: (request, response) => {
        const ask = parseFeedAsk(request, false)
        const rooms = parseRooms(request.query)
        return feed.open({ request, response, ask, rooms, isSingle: false })
      },
    },
    {
      method: 'POST',
      path: '/feed/ack',
      needsLog: false,
      handler: async (request, response) => {
        readers.checkRead(request.remoteAddress)
        const { clientId, seq } = await readJsonObject(request, MAX_ACK_BYTES)
        if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 0)
          throw new RingsideError('bad_request', 'Expected seq to be a whole number')
        feed.acknowledge(checkClientId(clientId), seq)
        response.send(204, {}, '')
      },
    },
    {
      method: 'GET',
      path: '/rooms/:id/events',
      needsLog: true,
      handler: (request, response, { params }) =>
        history.events(params['id'] ?? '', { request, response }),
    },
    {
      method: 'GET',
      path: '/rooms/:id/state',
      needsLog: true,
      handler: (request, response, { params }) =>
        history.state(params['id'] ?? '', { request, response }),
    },
    {
      method: 'GET',
      path: '/rooms/:id/series',
      needsLog: true,
      handler: (request, response, { params }) =>
        series.answer(params['id'] ?? '', { request, response }),
    },
  ]
}
