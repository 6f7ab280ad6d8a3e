// The seam has handler properties only: an in-process socket is no EventTarget.
// oxlint-disable unicorn/prefer-add-event-listener
import { FRAME_HEADER_BYTES, readCommandId } from '@ringside/protocol'
import type { CloseInfo } from './client-types.ts'
import type { WebSocketLike } from './socket/socket.ts'

/**
 * One WebSocket, which goes opening -> open -> closed. After closed nothing is called and `send` does nothing.
 */
export class Connection {
  /** Is called with every whole frame; text and messages of fewer than four bytes are no frames. */
  onFrame: (id: number, frame: Uint8Array) => void = () => {}
  /** Is called once; within `abort` too. */
  onClose: (info: CloseInfo) => void = () => {}
  onOpen: () => void = () => {}
  readonly #socket: WebSocketLike
  #closed: CloseInfo | null = null

  constructor(socket: WebSocketLike) {
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      if (!this.#closed) this.onOpen()
    }
    socket.onmessage = ({ data }) => {
      if (this.#closed || !(data instanceof ArrayBuffer)) return
      const frame = new Uint8Array(data)
      if (frame.length >= FRAME_HEADER_BYTES) this.onFrame(readCommandId(frame), frame)
    }
    socket.onclose = ({ code, reason }) => this.#finish({ code, reason })
    // A close event follows each error event; without a listener `ws` would throw.
    socket.onerror = () => {}
  }

  /** The close event's code and reason, or null before the end. */
  get closed(): CloseInfo | null {
    return this.#closed
  }

  get isOpen(): boolean {
    return this.#closed === null && this.#socket.readyState === 1
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  /** False when it is not open. */
  send(frame: Uint8Array): boolean {
    if (!this.isOpen) return false
    this.#socket.send(frame)
    return true
  }

  /** Starts the closing handshake; `onClose` comes when the peer has answered. */
  close(): void {
    this.#socket.close(1000)
  }

  /** Gives the connection up at once, without waiting for a peer that may be gone. */
  abort(reason: string): void {
    if (this.#closed) return
    this.#finish({ code: 1006, reason })
    // A handshake with a peer that is gone would keep a process of Node for 30 s.
    if (this.#socket.terminate) this.#socket.terminate()
    else this.#socket.close()
  }

  #finish(info: CloseInfo): void {
    if (this.#closed) return
    this.#closed = info
    this.onClose(info)
  }
}
