import { RingsideError } from '../../process/errors.ts'
import { stranger } from '../../limit/standing.ts'
import type { Standing } from '../../limit/standing.ts'
import type { AddressCount } from '../../limit/address-count.ts'
import type { AddressRate } from '../../limit/address-rate.ts'
import type { Route, RouteHandler } from '../../http/contract.ts'
import { sendJson } from '../../http/json.ts'
import type { HttpResponse } from '../../transport/contract.ts'
import { HttpCaller } from './http-caller.ts'
import { measured, readRequests } from './request-text.ts'
import type { RpcCalls } from './rpc-calls.ts'
import { costOfText } from './text-size.ts'

/** The parts that the route is made of. */
export interface RpcRouteParts {
  readonly calls: RpcCalls
  /** Bytes of a body. */
  readonly maxBytes: number
  /** Calls of each address. */
  readonly rate: AddressRate
  /** Bytes of answers of each address that wait for the rest of their batches. */
  readonly held: AddressCount
  readonly standing: Standing
}

/**
 * `POST /rpc`: a text of JSON-RPC as JSON, answered with 200 whatever its members come to, and with 204 when
 * all of them are notifications. The body is charged as one call before it is read, by its size before it is
 * parsed, then each member.
 */
export function rpcRoute({ calls, maxBytes, rate, held, standing }: RpcRouteParts): Route {
  const handler: RouteHandler = async (request, response, context) => {
    const { remoteAddress } = request
    rate.check(remoteAddress)
    standing.checkBan(stranger(remoteAddress))
    // A page elsewhere can send a form or text without asking first, but no JSON (Fetch standard, CORS).
    if (!isJson(request.header('content-type'))) throw new RingsideError('unsupported_media_type')
    const body = await request.body(maxBytes)
    const size = measured(body)
    const cost = costOfText(size)
    if (cost > 0) rate.check(remoteAddress, cost)
    // After the charge, so that keys are not tried for nothing.
    const principal = await context.authenticate()
    const caller = new HttpCaller({ principal, remoteAddress, response, held })
    const input = readRequests(body, size)
    if (!response.isOpen) return
    calls.run(input, {
      caller,
      charge: (cost) => rate.take(remoteAddress, cost),
      send: (text) => answer(response, text),
      space: caller,
    })
  }
  return { method: 'POST', path: '/rpc', handler }
}

function isJson(contentType: string): boolean {
  return /^application\/json[ \t]*(?:;|$)/i.test(contentType.trim())
}

function answer(response: HttpResponse, text: string | null): void {
  if (text === null) response.send(204, { 'cache-control': 'no-store' }, '')
  else sendJson(response, { encoded: text })
}
