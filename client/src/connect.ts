import type { GameContract, Json } from '@ringside/protocol'
import { onAbort, pause } from './abort.ts'
import { fullJitter } from './backoff.ts'
import { checkName, checkOptions, checkText } from './argument-check.ts'
import type { OptionKinds } from './argument-check.ts'
import { checkRequest, checkTimeout, createContext } from './client-context.ts'
import type { ClientContext } from './client-context.ts'
import { GameRoom } from './client-room.ts'
import type {
  Client,
  ClientRoom,
  ConnectOptions,
  JoinOptions,
  RequestOptions,
  RoomType,
  RoomsHandlers,
} from './client-types.ts'
import type { SeatAddress } from './dial-seat.ts'
import { matchmake } from './matchmake.ts'
import { openPlainSession } from './plain-session.ts'
import { postJson } from './post-json.ts'
import { RequestError } from './request-error.ts'
import { RoomConnection, TICKET_CODES, isInDoubt } from './room-connection.ts'
import { RoomView } from './room-view.ts'
import { RoomsReader, checkListings } from './rooms-watch.ts'
import { readAnswer, requestText } from './rpc-text.ts'
import { SeatReturns, newWishName } from './seat-returns.ts'

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

  const returns = new SeatReturns(context)

  /** Takes the seat at the address. When that fails a new one is given back. */
  async function enter<T extends RoomType<G>>(
    address: SeatAddress,
    { signal, ...request }: JoinOptions,
    isNew: boolean,
  ): Promise<ClientRoom<G, T>> {
    const giveBack = ({ ticket }: SeatAddress): void => returns.giveBack({ ticket })
    const view = new RoomView(game, context.timers)
    const connection = new RoomConnection(context, view, {
      reclaim: (roomId, token, ended) => reclaim(context, { roomId, token, signal: ended }),
      rejoin: context.rejoin ? (roomId) => seek(returns, ['joinById', roomId], request) : null,
      giveBack,
      leaving: (left) => returns.follow(left),
    })
    // Told in the turn of the abort, so that a wish of the same turn comes after it.
    const stop = onAbort(isNew ? signal : undefined, () => giveBack(address))
    try {
      await connection.start(address, signal)
      if (!signal?.aborted) return new GameRoom<G, T>(view, connection)
      // It came with the last frame.
      if (isNew) connection.abandon()
      else connection.disconnect()
      throw signal.reason
    } catch (error) {
      if (isNew && !signal?.aborted && isInDoubt(error)) giveBack(address)
      throw error
    } finally {
      stop()
    }
  }

  /** Asks for a seat and takes it, anew where another may be had. */
  async function join<T extends RoomType<G>>(
    path: readonly [how: string, target: string],
    request: JoinOptions = {},
  ): Promise<ClientRoom<G, T>> {
    checkOptions('a member of a join request', request, JOIN_KINDS)
    const until = context.timers.now() + context.joinTimeoutMs
    for (let attempt = 0; ; attempt++) {
      const address = await seek(returns, path, request)
      try {
        return await enter<T>(address, request, true)
      } catch (error) {
        const isLate = attempt === MAX_ASKS - 1 || context.timers.now() >= until
        if (isLate || !mayAskAgain(path[0], error)) throw error
      }
      await pause(context, fullJitter(attempt, ASK_RANGE, context.random), request.signal)
    }
  }

  // It is async, so that what is wrong with the arguments rejects, as all other failures do.
  async function joinType<T extends RoomType<G>>(
    how: string,
    type: T,
    request?: JoinOptions,
  ): Promise<ClientRoom<G, T>> {
    checkName('a room', type, game.rooms)
    return join([how, type], request)
  }

  return {
    joinOrCreate: (type, request) => joinType('joinOrCreate', type, request),
    join: (type, request) => joinType('join', type, request),
    create: (type, request) => joinType('create', type, request),
    async joinById(roomId, request) {
      checkText('the id of a room', roomId)
      return join(['joinById', roomId], request)
    },
    async reconnect(roomId, token, options = {}) {
      checkText('the id of a room', roomId)
      checkText('a token', token)
      checkOptions('an option of reconnect', options, ABORT_KINDS)
      const { signal } = options
      return enter(await reclaim(context, { roomId, token, signal }), { ...given(signal) }, false)
    },
    async joinWithTicket(ticket, url = 'ws', options = {}) {
      checkText('a ticket', ticket)
      checkText('the url of a ticket', url)
      checkOptions('an option of joinWithTicket', options, ABORT_KINDS)
      return enter({ ticket, url }, { ...given(options.signal) }, true)
    },
    async open(options = {}) {
      checkOptions('an option of open', options, ABORT_KINDS)
      options.signal?.throwIfAborted()
      return openPlainSession<G>(context, options.signal)
    },
    async rooms() {
      const timeoutMs = context.joinTimeoutMs
      const answer = await postJson(context, 'rooms', { body: null, timeoutMs })
      try {
        return checkListings(answer)
      } catch {
        throw new RequestError('bad_answer', 'Expected a list of rooms', false)
      }
    },
    watchRooms(handlers = {}) {
      checkOptions('a handler of watchRooms', handlers, WATCH_KINDS)
      return new RoomsReader(context, handlers)
    },
    async rpc(method, params, options) {
      checkText('a method', method)
      return callOverHttp(context, requestText(HTTP_ID, method, params), options)
    },
  }
}

const ABORT_KINDS: OptionKinds<Pick<JoinOptions, 'signal'>> = { signal: 'object' }
const JOIN_KINDS: OptionKinds<JoinOptions> = { ...ABORT_KINDS, name: 'string', options: 'any' }
const WATCH_KINDS: OptionKinds<RoomsHandlers> = {
  onAdd: 'function',
  onUpdate: 'function',
  onRemove: 'function',
  onStatus: 'function',
}

/** A seat is asked for so many times when its ticket leads nowhere. */
const MAX_ASKS = 3
/** Between two of these times, in ms. */
const ASK_RANGE = { minMs: 100, maxMs: 1_000 } as const

/**
 * The server had a seat, and when the ticket came it was gone: the room was over by then, or moved (CN50). Another may be
 * asked for where the game has not refused the player, and where it would not be another room than was meant.
 */
function mayAskAgain(how: string, error: unknown): boolean {
  if (!(error instanceof RequestError) || how === 'create' || isInDoubt(error)) return false
  if (error.retry || TICKET_CODES.has(error.code)) return true
  return how !== 'joinById' && error.code === 'room_not_found'
}

function given(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal ? { signal } : {}
}

/** An answer over HTTP comes to its own request, so that every one may have the same id. */
const HTTP_ID = 1

async function callOverHttp(
  context: ClientContext,
  body: string,
  options: RequestOptions = {},
): Promise<unknown> {
  const { timeoutMs = context.requestTimeoutMs } = checkRequest(options)
  const answer = readAnswer(
    await postJson(context, 'rpc', { body, timeoutMs: checkTimeout(timeoutMs) }),
  )
  if (answer?.error) throw answer.error
  if (answer?.id !== HTTP_ID) throw new RequestError('bad_answer', 'Expected an answer', true)
  return answer.result
}

/** Asks for a seat. @throws the signal's reason; RequestError */
async function seek(
  returns: SeatReturns,
  path: readonly string[],
  { name, options, signal }: JoinOptions,
): Promise<SeatAddress> {
  const { context } = returns
  const body: { [key: string]: Json } = {}
  if (name !== undefined) body['name'] = name
  if (options !== undefined) body['options'] = options
  if (signal) {
    // What mounts, goes and mounts again does so in one turn: then nothing is sent for the first (CN48).
    await Promise.resolve()
    signal.throwIfAborted()
  }
  if (returns.isBusy) await returns.settled(signal)
  if (!signal) return matchmake(context, path, { body })
  const wish = newWishName()
  // The server may answer all the same.
  const giveBack = (): void => returns.giveBack({ wish })
  const stop = onAbort(signal, giveBack)
  try {
    return await matchmake(context, path, { body: { ...body, wish }, signal })
  } catch (error) {
    if (!signal.aborted && isInDoubt(error)) giveBack()
    throw error
  } finally {
    stop()
  }
}

/** Asks for a seat of before. @throws the signal's reason; RequestError */
async function reclaim(
  context: ClientContext,
  seat: {
    readonly roomId: string
    readonly token: string
    readonly signal?: AbortSignal | undefined
  },
): Promise<SeatAddress> {
  const { roomId, token, signal } = seat
  signal?.throwIfAborted()
  return matchmake(context, ['reconnect', roomId], { body: { token }, signal })
}
