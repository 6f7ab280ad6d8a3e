import type { GameContract, Json } from '@ringside/protocol'
import { createContext } from './client-context.ts'
import type { ClientContext } from './client-context.ts'
import { GameRoom } from './client-room.ts'
import type { Client, ClientRoom, ConnectOptions, JoinOptions, RoomType } from './client-types.ts'
import type { SeatAddress } from './dial-seat.ts'
import { matchmake } from './matchmake.ts'
import { openPlainSession } from './plain-session.ts'
import { RoomConnection } from './room-connection.ts'
import { RoomView } from './room-view.ts'

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
    open: () => openPlainSession<G>(context),
  }
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
