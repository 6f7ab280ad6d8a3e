// The seam has handler properties only: an in-process socket is no EventTarget.
// oxlint-disable unicorn/prefer-add-event-listener
import {
  decodeSystem,
  encodeFrame,
  encodeMessage,
  encodeSystem,
  readCommandId,
  system,
} from '@ringside/protocol'
import type { LoopbackSocket } from '@ringside/server'
import { game } from '../shared/game.ts'
import type { Input } from '../shared/movement.ts'

/** A server that does not close after LEAVE is left without its word after this, in ms. */
const LEAVE_MS = 2_000
/** `readyState` of a socket that is open. */
const OPEN = 1

/** The seat to take, and the ticket and socket to take it with. */
export interface SeatTicket {
  readonly sessionId: string
  readonly ticket: string
}

/**
 * A seat that plays but does not look: it sends what any player's client sends and drops the state it is
 * sent. Bots of one room and process see through one replica instead of sixteen, which is most of their
 * cost. States: joining (until JOINED) -> open -> closed.
 */
export class BlindSeat {
  readonly sessionId: string
  /** Is called once with the close code when an open seat is lost; not after `leave`. */
  onLost: ((code: number) => void) | null = null
  readonly #socket: LoopbackSocket
  #onClosed: (() => void) | null = null

  private constructor(socket: LoopbackSocket, sessionId: string) {
    this.#socket = socket
    this.sessionId = sessionId
  }

  /** Takes the ticket's seat over a fresh socket. Rejects when the server refuses it. */
  static take(socket: LoopbackSocket, { sessionId, ticket }: SeatTicket): Promise<BlindSeat> {
    return new Promise((resolve, reject) => {
      const seat = new BlindSeat(socket, sessionId)
      const join = (): void => socket.send(encodeSystem('join', { ticket }))
      let refusal = ''
      socket.binaryType = 'arraybuffer'
      socket.onopen = join
      socket.onmessage = ({ data }) => {
        const frame = new Uint8Array(data)
        const id = readCommandId(frame)
        if (id === system.error.id) refusal = decodeSystem('error', frame).code
        if (id !== system.joined.id) return
        // Nothing that comes from here on is of use.
        socket.onmessage = null
        resolve(seat)
      }
      socket.onclose = ({ code, reason }) => {
        reject(new Error(`No seat: ${refusal || reason || String(code)}`))
        seat.#closed(code)
      }
      if (socket.readyState === OPEN) join()
    })
  }

  get isOpen(): boolean {
    return this.#socket.readyState === OPEN
  }

  /** Sends one input, if the seat is open. */
  send(input: Input): void {
    if (!this.isOpen) return
    const { id, payload } = game.commands.input
    this.#socket.send(encodeFrame(id, encodeMessage(payload, input)))
  }

  /** Gives the seat up. Resolves when the connection is closed; never rejects. */
  leave(): Promise<void> {
    this.onLost = null
    if (!this.isOpen) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#socket.close(), LEAVE_MS)
      this.#onClosed = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#socket.send(encodeSystem('leave', {}))
    })
  }

  #closed(code: number): void {
    this.#onClosed?.()
    this.onLost?.(code)
    this.onLost = null
  }
}
