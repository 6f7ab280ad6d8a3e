import http from 'k6/http'
import { setTimeout } from 'k6/timers'
import { WebSocket } from 'k6/websockets'
import {
  bytesField,
  bytesOf,
  frame,
  ids,
  numberOf,
  readFields,
  textField,
  textOf,
  uintField,
} from './wire.js'

/**
 * @typedef {object} RoomEvent
 * @property {string} name
 * @property {Uint8Array} payload
 */

/** A player with a seat in a room. It counts what it should never see. */
export class Player {
  /** Id of its seat. */
  sessionId = ''
  /** Answers that came ahead of an earlier request's. */
  outOfOrder = 0
  /** Events of the room that never came, and those that came twice. */
  missing = 0
  doubled = 0
  /** Is false once the connection is gone; `hasLeft` says whether the player wanted that. */
  isOpen = false
  hasLeft = false
  /** @type {(event: RoomEvent) => void} */
  onEvent = () => {}

  #socket
  #correlation = 0
  #nextAnswer = 1
  #lastIndex = 0
  /** @type {Map<number, { resolve: (payload: Uint8Array) => void, reject: (error: Error) => void }>} */
  #waiting = new Map()
  /** @type {() => void} */
  #resolveJoined = () => {}
  /** @type {(error: Error) => void} */
  #rejectJoined = () => {}
  /** @type {() => void} */
  #resolveClosed = () => {}
  /** @type {Promise<void>} */
  #closed

  /**
   * @param {string} url
   * @param {string} ticket
   */
  constructor(url, ticket) {
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    const socket = new WebSocket(url)
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      this.isOpen = true
      socket.send(frame(ids.JOIN, textField(1, ticket)))
    }
    socket.onerror = (event) => this.#rejectJoined(new Error(event ? event.error : 'no connection'))
    socket.onmessage = (event) => {
      if (event && event.data instanceof ArrayBuffer) this.#read(event.data)
    }
    socket.onclose = () => {
      this.isOpen = false
      const error = new Error('The connection is closed')
      this.#rejectJoined(error)
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
      this.#resolveClosed()
    }
  }

  /** Resolves once the server has said JOINED. */
  joined() {
    return new Promise((resolve, reject) => {
      this.#resolveJoined = () => resolve(undefined)
      this.#rejectJoined = reject
    })
  }

  /**
   * Sends a command of the game and waits for its answer.
   * @param {number} command
   * @param {readonly number[]} payload
   * @returns {Promise<Uint8Array>}
   */
  request(command, payload) {
    const correlation = ++this.#correlation
    this.#socket.send(
      frame(ids.REQUEST, [
        ...uintField(1, correlation),
        ...uintField(2, command),
        ...bytesField(3, payload),
      ]),
    )
    return new Promise((resolve, reject) => {
      this.#waiting.set(correlation, { resolve, reject })
    })
  }

  /** Gives the seat up; resolves when the connection is closed. */
  async leave() {
    this.hasLeft = true
    if (this.isOpen) this.#socket.send(frame(ids.LEAVE, []))
    await this.#closed
  }

  /** @param {ArrayBuffer} data */
  #read(data) {
    const id = new DataView(data).getUint32(0)
    const payload = new Uint8Array(data, 4)
    if (id === ids.REPLY) {
      const fields = readFields(payload)
      this.#settle(numberOf(fields, 1), ({ resolve }) => resolve(bytesOf(fields, 2)))
    } else if (id === ids.EVENT) this.#readEvent(payload)
    else if (id === ids.ERROR) {
      const fields = readFields(payload)
      const error = new Error(`${textOf(fields, 3)}: ${textOf(fields, 4)}`)
      this.#rejectJoined(error)
      this.#settle(numberOf(fields, 2), ({ reject }) => reject(error))
    } else if (id === ids.JOINED) {
      const fields = readFields(payload)
      this.sessionId = textOf(fields, 3)
      this.#lastIndex = numberOf(fields, 12)
      this.#resolveJoined()
    }
  }

  /**
   * @param {number} correlation
   * @param {(waiting: { resolve: (payload: Uint8Array) => void, reject: (error: Error) => void }) => void} settle
   */
  #settle(correlation, settle) {
    const waiting = this.#waiting.get(correlation)
    if (!waiting) return
    this.#waiting.delete(correlation)
    if (correlation !== this.#nextAnswer) this.outOfOrder++
    this.#nextAnswer = correlation + 1
    settle(waiting)
  }

  /** @param {Uint8Array} payload */
  #readEvent(payload) {
    const fields = readFields(payload)
    const index = numberOf(fields, 4)
    if (index > 0) {
      if (index <= this.#lastIndex) this.doubled++
      else this.missing += index - this.#lastIndex - 1
      this.#lastIndex = Math.max(index, this.#lastIndex)
    }
    this.onEvent({ name: textOf(fields, 1), payload: bytesOf(fields, 3) })
  }
}

/**
 * Takes a seat in a room of the type and enters it.
 * @param {{ url: string, type: string, name: string }} where
 * @returns {Promise<Player>}
 */
export async function join({ url, type, name }) {
  const response = await http.asyncRequest(
    'POST',
    `${url}/matchmake/joinOrCreate/${type}`,
    JSON.stringify({ name }),
    { headers: { 'Content-Type': 'application/json' }, tags: { name: 'joinOrCreate' } },
  )
  if (response.status !== 200)
    throw new Error(
      `Expected a seat, got ${response.status} ${response.error || JSON.stringify(response.body)}`,
    )
  const seat = /** @type {{ url: string, ticket: string }} */ (
    /** @type {unknown} */ (response.json())
  )
  const player = new Player(addressOf(seat.url, url), seat.ticket)
  await player.joined()
  return player
}

/**
 * The address of a seat's WebSocket: its own, or a path from the server that was asked.
 * @param {string} path
 * @param {string} base
 */
function addressOf(path, base) {
  if (/^wss?:/.test(path)) return path
  const [origin] = /^https?:\/\/[^/]+/.exec(base) || [base]
  const whole = path.startsWith('/') ? origin + path : `${base.replace(/\/$/, '')}/${path}`
  return whole.replace('http', 'ws')
}

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
export function delay(ms) {
  return new Promise((resolve) => {
    setTimeout(() => resolve(), Math.max(0, ms))
  })
}
