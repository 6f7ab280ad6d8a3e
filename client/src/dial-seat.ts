import {
  CLOSE_MOVED,
  StateParts,
  contractFingerprint,
  decodeSystem,
  encodeSystem,
  mayRedial,
  system,
} from '@ringside/protocol'
import { onAbort, unlessAborted } from './abort.ts'
import { openSocket } from './client-context.ts'
import type { ClientContext } from './client-context.ts'
import type { CloseInfo } from './client-types.ts'
import { Connection } from './connection.ts'
import { answerWish, contractError } from './introduce.ts'
import { RequestError } from './request-error.ts'
import type { EventPosition } from './room-view.ts'

/** The part of a matchmaking answer that names the seat's address. */
export interface SeatAddress {
  readonly ticket: string
  /** Path or address of the WebSocket. */
  readonly url: string
  /** The last event that is known of the room, where the seat is one that comes back. */
  readonly seen?: EventPosition | null
}

/** The dialling of a seat needs these. */
export interface DialParts {
  readonly onFrame: (id: number, frame: Uint8Array) => void
  /** Ends it, with the signal's reason, and the socket that was opened for it. */
  readonly signal?: AbortSignal | undefined
}

/** Nodes that send us on to one another would do so for ever. */
const MAX_MOVES = 2
/** So many bytes of a state in pieces give the server its time anew. */
const MIN_PROGRESS_BYTES = 1_024
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

/**
 * Connects, sends JOIN and resolves once JOINED and STATE are there. Every frame goes to `onFrame`
 * synchronously as it arrives, also those that come before the promise's continuation runs; a STATE that comes in
 * pieces does so once it is whole, and each KiB of it gives the server `joinTimeoutMs` anew.
 * A frame that `onFrame` throws at ends the connection, then and later: the view of the room is void.
 * @throws the signal's reason; RequestError with the server's code; retry tells whether a new ticket may help.
 */
export async function dialSeat(
  context: ClientContext,
  seat: SeatAddress,
  parts: DialParts,
): Promise<Connection> {
  let { url } = seat
  for (let moves = 0; ; moves++) {
    const connection = await openConnection(context, url, parts.signal)
    const node = await takeSeat(context, connection, { ...parts, seat })
    if (node === null) return connection
    if (moves === MAX_MOVES || !NODE_NAME.test(node))
      throw new RequestError('disconnected', 'The room could not be found on its node', true)
    url = `n/${node}/ws`
  }
}

/** Opens a socket. @throws the signal's reason; whatever the factory of sockets throws. */
export async function openConnection(
  context: ClientContext,
  url: string,
  signal?: AbortSignal,
): Promise<Connection> {
  // It listens in the very turn in which the socket is there: a server may have spoken already.
  const opened = Promise.resolve(openSocket(context, url)).then((socket) => new Connection(socket))
  return unlessAborted(opened, signal, (late) => late.abort('Aborted'))
}

/** Resolves with null when the seat is taken, with the node's name when the room lives elsewhere. */
function takeSeat(
  context: ClientContext,
  connection: Connection,
  parts: DialParts & { readonly seat: SeatAddress },
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    /** It becomes the rejection's reason. */
    let refusal: { readonly reason: unknown } | null = null
    let isJoined = false
    const fail = (reason: unknown): void => {
      refusal ??= { reason }
      connection.abort('The seat is not taken')
    }
    let stop = (): void => {}
    const pieces = new StateParts()
    const startTimeout = (): (() => void) =>
      context.timers.after(context.joinTimeoutMs, () => {
        fail(new RequestError('timeout', `No seat within ${context.joinTimeoutMs} ms`, true))
      })
    let cancelTimeout = startTimeout()
    let isThere = false
    let renewedAt = 0
    /** A state that comes over a slow line is no silence. */
    const takePiece = (piece: Uint8Array): void => {
      const state = pieces.take(piece)
      // A state that begins again and again, or drips, is as good as none.
      if (!isThere && pieces.size >= renewedAt + MIN_PROGRESS_BYTES) {
        renewedAt = pieces.size
        cancelTimeout()
        cancelTimeout = startTimeout()
      }
      if (state) take(system.state.id, state)
    }
    const take = (id: number, frame: Uint8Array): void => {
      const refused = id === system.error.id && !isJoined ? joinRefusal(frame) : null
      if (refused) refusal ??= { reason: refused }
      if (id === system.statePart.id) return takePiece(frame)
      if (id === system.state.id || id === system.joined.id) pieces.reset()
      parts.onFrame(id, frame)
      if (id === system.joined.id) isJoined = true
      if (id !== system.state.id || !isJoined) return
      isThere = true
      cancelTimeout()
      stop()
      resolve(null)
    }
    const join = (): void => {
      const contract = contractFingerprint(context.game)
      const { ticket, seen } = parts.seat
      connection.send(encodeSystem('join', { ticket, contract, ...seen }))
    }
    connection.onFrame = (id, frame) => {
      try {
        answerWish(id, connection, context.game)
        take(id, frame)
      } catch (error) {
        fail(asRefusal(error))
      }
    }
    connection.onClose = (info) => {
      cancelTimeout()
      stop()
      if (refusal) reject(refusal.reason)
      else if (info.code === CLOSE_MOVED) resolve(info.reason)
      else reject(closeError(info))
    }
    stop = onAbort(parts.signal, () => fail(parts.signal?.reason))
    // An in-process socket may be open, or closed, before anybody listens.
    if (connection.closed) connection.onClose(connection.closed)
    else if (connection.isOpen) join()
    else connection.onOpen = join
  })
}

function joinRefusal(frame: Uint8Array): RequestError | null {
  const { command, correlation, code, message, retry } = decodeSystem('error', frame)
  if (command !== system.join.id || correlation !== undefined) return null
  return new RequestError(code, message, retry)
}

function asRefusal(error: unknown): RequestError {
  if (error instanceof RequestError) return error
  return new RequestError('bad_answer', 'The server sent what is not of the contract', false)
}

/** The error of a connection that was closed with this. */
export function closeError({ code, reason }: CloseInfo): RequestError {
  const mismatch = contractError(code)
  if (mismatch) return mismatch
  const text = reason === '' ? `Connection closed with ${code}` : reason
  return new RequestError('disconnected', text, mayRedial(code))
}
