import { RingsideError } from '../process/errors.ts'
import type { RouteHandler } from '../http/contract.ts'
import type { AddressRate } from '../limit/address-rate.ts'
import type { HttpRequest } from '../transport/contract.ts'
import type { Matchmaker, SeatWish } from './matchmaker.ts'

/** What the routes need of the HTTP side. */
export interface MatchmakeRouteParts {
  readonly matchmaker: Matchmaker
  /** Reads a JSON object from the body; an empty body is `{}`. @throws RingsideError. */
  readJson(request: HttpRequest): Promise<Record<string, unknown>>
  /** Requests of each address. */
  readonly joins: AddressRate
}

type AddRoute = (method: string, path: string, handler: RouteHandler) => void

/** `POST /matchmake/...`: every answer is a MatchmakeAnswer. */
export function addMatchmakeRoutes(add: AddRoute, parts: MatchmakeRouteParts): void {
  const { matchmaker } = parts
  const byType = {
    joinOrCreate: (type: string, wish: SeatWish) => matchmaker.joinOrCreate(type, wish),
    join: (type: string, wish: SeatWish) => matchmaker.join(type, wish),
    create: (type: string, wish: SeatWish) => matchmaker.create(type, wish),
    joinById: (roomId: string, wish: SeatWish) => matchmaker.joinById(roomId, wish),
  }
  for (const [name, find] of Object.entries(byType)) {
    add('POST', `/matchmake/${name}/:target`, async (request, response, { params }) => {
      parts.joins.check(request.remoteAddress)
      const body = await parts.readJson(request)
      const { name: playerName, options } = body
      const answer = await find(params['target'] ?? '', {
        name: playerName,
        options,
        remoteAddress: request.remoteAddress,
      })
      response.send(200, JSON_HEADERS, JSON.stringify(answer))
    })
  }
  add('POST', '/matchmake/reconnect/:roomId', async (request, response, { params }) => {
    parts.joins.check(request.remoteAddress)
    const body = await parts.readJson(request)
    const roomId = params['roomId']
    if (!roomId) throw new RingsideError('bad_request', 'Expected a room id')
    response.send(200, JSON_HEADERS, JSON.stringify(matchmaker.reconnect(roomId, body['token'])))
  })
}

const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' } as const
