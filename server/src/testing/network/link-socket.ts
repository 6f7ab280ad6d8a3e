import type { LoopbackSocket } from '../../transport/contract.ts'
import type { MemoryRefusal } from '../../transport/memory/transport.ts'
import type { MemorySocket } from '../../transport/memory/socket.ts'
import type { Wire } from './wire.ts'

/** The close code of a connection that ended without a closing handshake (RFC 6455). */
const ABNORMAL = 1006

type Dial = (answered: (answer: MemorySocket | MemoryRefusal) => void) => (() => void) | null

/** The client's end of a WebSocket over a link: the browser's, as far as the SDK uses it. */
export class LinkSocket implements LoopbackSocket {
  binaryType = 'arraybuffer'
  readyState = 0
  onopen: (() => void) | null = null
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: (() => void) | null = null
  readonly #wire: Wire
  #inner: MemorySocket | null = null
  #leave: (() => void) | null = null

  /**
   * `dial` is called when the handshake arrives, and gives what ends it before it was answered; null when nothing listens
   * there.
   */
  constructor(wire: Wire, dial: Dial) {
    this.#wire = wire
    wire.onRoom = (byteCount) => this.#inner?.setRoom(byteCount)
    wire.onGrant = (byteCount, maxBytes) => this.#inner?.grant(byteCount, maxBytes)
    wire.onCut = () => {
      this.#leave?.()
      this.#inner?.vanish()
      this.#finish(ABNORMAL, '')
    }
    wire.onIdle = () => this.#inner?.vanish()
    // It is dialled after the caller has set its handlers.
    queueMicrotask(() =>
      wire.up.push(0, () => {
        this.#leave = dial((answer) => this.#connect(answer))
        if (!this.#leave) this.#connect(null)
      }),
    )
  }

  /** Bytes that the network does not take: only a link that passes nothing holds any back. */
  get bufferedAmount(): number {
    return this.#wire.isSilent ? this.#wire.up.byteCount : 0
  }

  /** Bytes that the server's end could not send: its `bufferedBytes`. */
  get heldBytes(): number {
    return this.#inner?.heldBytes ?? 0
  }

  /** The subprotocol the server chose; '' for none. */
  get protocol(): string {
    return this.#inner?.protocol ?? ''
  }

  send(data: Uint8Array): void {
    const bytes = new Uint8Array(data)
    this.#pass(bytes.length, (inner) => inner.send(bytes))
  }

  /** Sends a text message, which no client of the protocol does. */
  sendText(text: string): void {
    this.#pass(text.length, (inner) => inner.sendText(text))
  }

  close(code = 1005, reason = ''): void {
    if (this.readyState > 1) return
    if (this.readyState === 0) {
      this.#wire.cut()
      return
    }
    this.readyState = 2
    this.#wire.up.push(0, () => this.#inner?.close(code, reason))
  }

  #connect(socket: MemorySocket | MemoryRefusal | null): void {
    const { down } = this.#wire
    if (!socket || 'status' in socket) {
      down.push(0, () => {
        this.onerror?.()
        this.#finish(ABNORMAL, '')
      })
      return
    }
    this.#inner = socket
    this.#wire.reshape()
    socket.onopen = () =>
      down.push(0, () => {
        if (this.readyState !== 0) return
        this.readyState = 1
        this.onopen?.()
      })
    socket.onmessage = ({ data }) =>
      down.push(data.byteLength, () => {
        if (this.readyState < 2) this.onmessage?.({ data })
      })
    socket.onclose = ({ code, reason }) => down.push(0, () => this.#finish(code, reason))
  }

  #pass(byteCount: number, arrive: (inner: MemorySocket) => void): void {
    if (this.readyState === 0) throw new DOMException('Still connecting', 'InvalidStateError')
    if (this.readyState > 1) return
    this.#wire.up.push(byteCount, () => {
      if (this.#inner) arrive(this.#inner)
    })
  }

  #finish(code: number, reason: string): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.#wire.end()
    this.onclose?.({ code, reason })
  }
}
