// The seam has handler properties only: an in-process socket is no EventTarget.
// oxlint-disable unicorn/prefer-add-event-listener
import { FRAME_HEADER_BYTES, readCommandId } from '@ringside/protocol'
import type { CloseInfo } from './client-types.ts'
import type { WebSocketLike } from './socket/socket.ts'

type FrameHandler = (id: number, frame: Uint8Array) => void

/**
 * One WebSocket, which goes opening -> open -> closed. After closed nothing is called and `send` does nothing.
 */
export class Connection {
  /** Is called once; within `abort` too. */
  onClose: (info: CloseInfo) => void = () => {}
  onOpen: () => void = () => {}
  readonly #socket: WebSocketLike
  #onFrame: FrameHandler | null = null
  /** What has come before anybody could listen: the socket is open a few microtasks earlier. */
  #early: Uint8Array[] = []
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
      if (frame.length < FRAME_HEADER_BYTES) return
      if (this.#onFrame) this.#onFrame(readCommandId(frame), frame)
      else this.#early.push(frame)
    }
    socket.onclose = ({ code, reason }) => this.#finish({ code, reason })
    // A close event follows each error event; without a listener `ws` would throw.
    socket.onerror = () => {}
  }

  /** Is called with every whole frame, those from before as well; text and messages of fewer than four bytes are no frames. */
  set onFrame(handler: FrameHandler) {
    this.#onFrame = handler
    const early = this.#early
    this.#early = []
    for (const frame of early) if (!this.#closed) handler(readCommandId(frame), frame)
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
