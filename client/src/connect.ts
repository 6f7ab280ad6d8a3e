import type { GameContract, Json } from '@ringside/protocol'
import { checkTimeout, createContext } from './client-context.ts'
import type { ClientContext } from './client-context.ts'
import { GameRoom } from './client-room.ts'
import type {
  Client,
  ClientRoom,
  ConnectOptions,
  JoinOptions,
  RequestOptions,
  RoomType,
} from './client-types.ts'
import type { SeatAddress } from './dial-seat.ts'
import { matchmake } from './matchmake.ts'
import { openPlainSession } from './plain-session.ts'
import { postJson } from './post-json.ts'
import { RequestError } from './request-error.ts'
import { RoomConnection } from './room-connection.ts'
import { RoomView } from './room-view.ts'
import { RoomsReader, checkListings } from './rooms-watch.ts'
import { readAnswer, requestText } from './rpc-text.ts'

/**
 * Makes a client of the server at `address` (`https://play.example.com`; in a browser the page's own
 * origin when left out). Connects to nothing by itself.
 * @throws TypeError on an unusable address or option.
 */
export function connect<G extends GameContract>(
  game: G,
  address?: string,
  options: ConnectOptions = {},
): Client<G> {
  const context = createContext(game, address, options)

  async function enter<T extends RoomType<G>>(
    address: SeatAddress,
    request: JoinOptions,
  ): Promise<ClientRoom<G, T>> {
    const view = new RoomView(game)
    const connection = new RoomConnection(context, view, {
      reclaim: (roomId, token) => matchmake(context, ['reconnect', roomId], { token }),
      rejoin: context.rejoin ? (roomId) => seek(context, ['joinById', roomId], request) : null,
    })
    await connection.start(address)
    return new GameRoom<G, T>(view, connection)
  }

  async function join<T extends RoomType<G>>(
    path: readonly string[],
    request: JoinOptions = {},
  ): Promise<ClientRoom<G, T>> {
    return enter<T>(await seek(context, path, request), request)
  }

  return {
    joinOrCreate: (type, request) => join(['joinOrCreate', type], request),
    join: (type, request) => join(['join', type], request),
    create: (type, request) => join(['create', type], request),
    joinById: (roomId, request) => join(['joinById', roomId], request),
    async reconnect(roomId, token) {
      return enter(await matchmake(context, ['reconnect', roomId], { token }), {})
    },
    joinWithTicket: (ticket, url = 'ws') => enter({ ticket, url }, {}),
    async rooms() {
      const timeoutMs = context.joinTimeoutMs
      const answer = await postJson(context, 'rooms', { body: null, timeoutMs })
      try {
        return checkListings(answer)
      } catch {
        throw new RequestError('bad_answer', 'Expected a list of rooms', false)
      }
    },
    watchRooms: (handlers = {}) => new RoomsReader(context, handlers),
    open: () => openPlainSession<G>(context),
    rpc: (method, params, options) =>
      callOverHttp(context, requestText(HTTP_ID, method, params), options),
  }
}

/** An answer over HTTP comes to its own request, so that every one may have the same id. */
const HTTP_ID = 1

async function callOverHttp(
  context: ClientContext,
  body: string,
  { timeoutMs = context.requestTimeoutMs }: RequestOptions = {},
): Promise<unknown> {
  const answer = readAnswer(
    await postJson(context, 'rpc', { body, timeoutMs: checkTimeout(timeoutMs) }),
  )
  if (answer?.error) throw answer.error
  if (answer?.id !== HTTP_ID) throw new RequestError('bad_answer', 'Expected an answer', false)
  return answer.result
}

/** Asks for a seat. */
function seek(
  context: ClientContext,
  path: readonly string[],
  { name, options }: JoinOptions,
): Promise<SeatAddress> {
  const body: { [key: string]: Json } = {}
  if (name !== undefined) body['name'] = name
  if (options !== undefined) body['options'] = options
  return matchmake(context, path, body)
}
