import { RingsideError } from '../process/errors.ts'
import { readJsonObject, sendJson } from '../http/json.ts'
import type { Route, StreamAct } from '../http/contract.ts'
import type { ReaderLimits } from './audience/reader-limits.ts'
import type { Feed } from './feed.ts'
import type { Lobby } from './lobby/lobby.ts'
import type { History } from './pages/history.ts'
import type { Series } from './pages/series.ts'
import { parseFollowAsk } from './audience/wish.ts'
import { parseFeedAsk, parseWhole } from './stream/ask.ts'
import { formatOf } from './stream/format.ts'
import type { FeedReadings } from './stream/stream-readings.ts'
import type { StreamDesk } from './stream-desk.ts'

const MAX_ACK_BYTES = 1_024
/** Lists of as many names as there may be fit, in JSON. */
const MAX_CHANGE_BYTES = 32 * 1_024
const MAX_LISTED = 1_000
const MAX_SAFE = Number.MAX_SAFE_INTEGER
const LISTED = { min: 1, max: MAX_LISTED, fallback: 100 }

/** These parts answer spectators. */
export interface FeedAnswers {
  readonly feed: Feed
  readonly desk: StreamDesk
  readonly lobby: Lobby
  readonly history: History
  readonly series: Series
  readonly readers: ReaderLimits
  readonly readings: FeedReadings
  /** Default: nobody is told of what operators do. */
  readonly onStream?: StreamAct | undefined
}

const unaudited: StreamAct = async (_, [, context], act) => {
  await context.requireOperator()
  act()
}

/** A route of the feed. */
export interface FeedRoute extends Route {
  /** It reads the log: while that is known to fail, it is answered at once and not by its handler. */
  readonly needsLog: boolean
}

/** Everything that spectators read: lists, streams, pages and states. */
export function feedRoutes(parts: FeedAnswers): FeedRoute[] {
  const { feed, desk, lobby, history, series, readers, readings } = parts
  const { onStream = unaudited } = parts
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
        const follow = parseFollowAsk(request.query)
        const format = formatOf(request.header('accept'), follow.beatsAsEvent)
        return feed.open({ request, response, ask, follow, format, room: params['id'] ?? '' })
      },
    },
    {
      method: 'GET',
      path: '/feed',
      needsLog: true,
      handler: (request, response) => {
        const ask = parseFeedAsk(request, false)
        const follow = parseFollowAsk(request.query)
        const format = formatOf(request.header('accept'), follow.beatsAsEvent)
        return feed.open({ request, response, ask, follow, format, room: null })
      },
    },
    {
      method: 'POST',
      path: '/feed/ack',
      needsLog: true,
      handler: async (request, response) => {
        readers.checkRead(request.remoteAddress)
        const { streamId, streamKey, id } = await readJsonObject(request, MAX_ACK_BYTES)
        if (typeof streamId !== 'string' || typeof streamKey !== 'string' || typeof id !== 'string')
          throw new RingsideError(
            'bad_request',
            'Expected { streamId, streamKey, id } as text: those of the hello of an open stream, and the last id it gave',
          )
        const stream = desk.owned(streamId, streamKey)
        readers.checkReadAs(stream.asking.principal)
        await desk.acknowledge(stream, id)
        response.send(204, {}, '')
      },
    },
    {
      method: 'PATCH',
      path: '/feed/streams/:id',
      needsLog: false,
      handler: async (request, response, { params }) => {
        readers.checkRead(request.remoteAddress)
        const header = request.header('stream-key')
        const { streamKey, ...change } = await readJsonObject(request, MAX_CHANGE_BYTES)
        const stream = desk.owned(params['id'] ?? '', header === '' ? streamKey : header)
        readers.checkReadAs(stream.asking.principal)
        await desk.refresh(stream, request)
        sendJson(response, { body: desk.change(stream, change) })
      },
    },
    {
      method: 'DELETE',
      path: '/feed/streams/:id',
      needsLog: false,
      handler: async (request, response, context) => {
        const { id = '' } = context.params
        await onStream(id, [request, context], () => desk.close(id))
        response.send(204, {}, '')
      },
    },
    {
      method: 'GET',
      path: '/feed/streams',
      needsLog: false,
      handler: async ({ query }, response, context) => {
        await context.requireOperator()
        const after = parseWhole(query, 'after', { min: 0, max: MAX_SAFE, fallback: 0 })
        sendJson(response, { body: desk.list(after, parseWhole(query, 'limit', LISTED)) })
      },
    },
    {
      method: 'GET',
      path: '/feed/stats',
      needsLog: false,
      handler: async (_, response, context) => {
        await context.requireOperator()
        sendJson(response, {
          body: { ...feed.stats, lobbyStreams: lobby.streamCount, ...readings.now },
        })
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
