import type { Json } from '@ringside/protocol'
import { factsOf } from '../auth/request-facts.ts'
import { RingsideError } from '../process/errors.ts'
import type { Route } from '../http/contract.ts'
import { beginJsonObject, sendJson } from '../http/json.ts'
import type { AddressRate } from '../limit/address-rate.ts'
import type { HttpRequest } from '../transport/contract.ts'
import type { Matchmaker } from './matchmaker.ts'
import type { SeatWish } from './wishes.ts'

/** The parts that the routes are made of. */
export interface MatchmakeRouteParts {
  readonly matchmaker: Matchmaker
  readonly maxBodyBytes: number
  /** Requests of each address. */
  readonly joins: AddressRate
}

/** `POST /matchmake/...`: every answer is a MatchmakeAnswer. */
export function matchmakeRoutes(parts: MatchmakeRouteParts): Route[] {
  const { matchmaker, joins, maxBodyBytes } = parts
  /** The body is begun in this turn, and looked at once the request is counted (LI12). */
  const bodyOf = async (request: HttpRequest): Promise<{ [name: string]: Json }> => {
    const reading = beginJsonObject(request, maxBodyBytes)
    await joins.takeInAll(request.remoteAddress)
    return await reading
  }
  const byTarget = {
    joinOrCreate: (type: string, wish: SeatWish) => matchmaker.joinOrCreate(type, wish),
    join: (type: string, wish: SeatWish) => matchmaker.join(type, wish),
    create: (type: string, wish: SeatWish) => matchmaker.create(type, wish),
    joinById: (roomId: string, wish: SeatWish) => matchmaker.joinById(roomId, wish),
  }
  const routes = Object.entries(byTarget).map(([name, find]): Route => ({
    method: 'POST',
    path: `/matchmake/${name}/:target`,
    async handler(request, response, context) {
      const { remoteAddress } = request
      const abort = new AbortController()
      response.onAborted(() => abort.abort())
      const { name: playerName, options, wish: wishName } = await bodyOf(request)
      const facts = factsOf(request, await context.authenticate())
      const wish = {
        name: playerName,
        options,
        remoteAddress,
        request: facts,
        gone: abort.signal,
        wish: wishName,
      }
      const answer = await find(context.params['target'] ?? '', wish)
      sendJson(response, { body: answer })
    },
  }))
  routes.push({
    method: 'POST',
    path: '/matchmake/reconnect/:roomId',
    async handler(request, response, { params }) {
      const { token } = await bodyOf(request)
      const roomId = params['roomId']
      if (!roomId) throw new RingsideError('bad_request', 'Expected a room id')
      sendJson(response, { body: matchmaker.reconnect(roomId, token, request.remoteAddress) })
    },
  })
  routes.push({
    method: 'POST',
    path: '/matchmake/release',
    async handler(request, response) {
      matchmaker.giveBack(await bodyOf(request))
      response.send(204, { 'cache-control': 'no-store' }, '')
    },
  })
  return routes
}
