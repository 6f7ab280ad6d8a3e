import type { LoopbackSocket } from '../contract.ts'
import { cutCloseReason } from '../close-reason.ts'
import type { Connection, SendResult, TransportHandlers, TransportOptions } from '../contract.ts'
import { SendResult as Result } from '../contract.ts'

/** A connection needs this of its transport. */
export interface MemoryHub {
  subscribe(connection: MemoryConnection, topic: string): void
  unsubscribe(connection: MemoryConnection, topic: string): void
  gone(connection: MemoryConnection): void
}

/** The parts of a connection. */
export interface MemoryConnectionParts {
  readonly handlers: TransportHandlers
  readonly hub: MemoryHub
  readonly options: TransportOptions
  readonly remoteAddress: string
  readonly protocol: string | null
}

/** A socket tells of room when so many bytes were taken, as a kernel does, or all of them. */
const DRAIN_BYTES = 2_048

/** uWebSockets.js drops the socket without a frame this far over `maxMessageBytes`. */
const OVERSIZE_MARGIN_BYTES = 65_536

/** The server's end of an in-process socket. */
export class MemoryConnection implements Connection {
  isOpen = true
  owner: unknown = null
  allowanceBytes = 0
  readonly remoteAddress: string
  readonly protocol: string | null
  readonly #parts: MemoryConnectionParts
  readonly #client: MemorySocket
  readonly #topics = new Set<string>()
  /** Frames that the full socket did not take. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  /** Of the first frame that waits the socket has taken so many bytes. */
  #takenBytes = 0
  /** Bytes that were taken since the last drain event. */
  #untoldBytes = 0
  /** The socket takes so many bytes at once; Infinity while nothing holds it up. */
  #roomBytes = Infinity
  #closing: { code: number; reason: string } | null = null

  constructor(parts: MemoryConnectionParts) {
    this.#parts = parts
    this.remoteAddress = parts.remoteAddress
    this.protocol = parts.protocol
    this.#client = new MemorySocket(this)
  }

  /** Tells the server and, later, the client. */
  open(): MemorySocket {
    queueMicrotask(() => this.#client.opened())
    this.#parts.handlers.open(this)
    return this.#client
  }

  get bufferedBytes(): number {
    return this.#waitingBytes
  }

  send(frame: Uint8Array): SendResult {
    if (!this.isOpen) return Result.dropped
    const maxBytes = this.#parts.options.maxBufferedBytes + this.allowanceBytes
    if (this.#waitingBytes > 0 && this.#waitingBytes + frame.length > maxBytes)
      return Result.dropped
    // slice() would not do, for a Buffer's shares its memory.
    const copy = new Uint8Array(frame)
    if (this.#roomBytes === Infinity) this.#client.deliver(copy)
    else {
      this.#waiting.push(copy)
      this.#waitingBytes += copy.length
      this.#takeWaiting()
    }
    return Result.accepted
  }

  sendBuffer(frame: ArrayBuffer): SendResult {
    return this.send(new Uint8Array(frame))
  }

  /** Sends as `send` does, but tells the server of a frame too many in a later turn. */
  publish(frame: Uint8Array): void {
    if (!this.isOpen || this.send(frame) === Result.accepted) return
    queueMicrotask(() => {
      if (this.isOpen) this.#parts.handlers.dropped(this)
    })
  }

  subscribe(topic: string): void {
    if (!this.isOpen) return
    this.#topics.add(topic)
    this.#parts.hub.subscribe(this, topic)
  }

  unsubscribe(topic: string): void {
    if (!this.#topics.delete(topic)) return
    this.#parts.hub.unsubscribe(this, topic)
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return
    const cut = cutCloseReason(reason)
    // Accepted frames go first, so a full socket holds the close frame back as well.
    if (this.#waiting.length > 0) this.#closing = { code, reason: cut }
    else this.#client.deliverClose(code, cut)
    this.#gone(code, cut)
  }

  terminate(): void {
    if (!this.isOpen) return
    this.#waiting = []
    this.#waitingBytes = 0
    this.#takenBytes = 0
    this.#client.deliverClose(1006, '')
    this.#gone(1006, '')
  }

  /** Takes a message from the client; `data` is the connection's own copy. */
  receive(data: ArrayBuffer, isBinary: boolean): void {
    if (!this.isOpen) return
    if (data.byteLength > this.#parts.options.maxMessageBytes + OVERSIZE_MARGIN_BYTES) {
      this.terminate()
      return
    }
    this.#parts.handlers.message(this, data, isBinary)
    // uWebSockets.js takes its buffer back too, so a view that was kept must not survive here either.
    new Uint8Array(data).fill(0xdb)
  }

  /** The client closed (1005, 1000, ...) or vanished (1006). */
  clientClosed(code: number, reason: string): void {
    if (!this.isOpen) return
    this.#client.deliverClose(code, reason)
    this.#gone(code, reason)
  }

  setFull(isFull: boolean): void {
    this.setRoom(isFull ? 0 : Infinity)
  }

  /** The socket takes so many bytes from here on, and then no more until this is called again. */
  setRoom(byteCount: number): void {
    this.#roomBytes = byteCount
    this.#takeWaiting()
    const isDue = this.#untoldBytes >= DRAIN_BYTES || this.#waitingBytes === 0
    if (!isDue || this.#untoldBytes === 0) return
    this.#untoldBytes = 0
    if (this.#waiting.length === 0 && this.#closing)
      this.#client.deliverClose(this.#closing.code, this.#closing.reason)
    else if (this.isOpen) this.#parts.handlers.drain(this)
  }

  /** It takes so many more, as long as it does not come to more than `maxBytes`. */
  grant(byteCount: number, maxBytes: number): void {
    this.setRoom(Math.min(maxBytes, this.#roomBytes + byteCount))
  }

  // There is no kernel that takes anything untold.
  poke(): void {}

  /** A frame arrives once all of it was taken. */
  #takeWaiting(): void {
    while (this.#roomBytes > 0) {
      const [first] = this.#waiting
      if (!first) break
      const byteCount = Math.min(this.#roomBytes, first.length - this.#takenBytes)
      this.#roomBytes -= byteCount
      this.#takenBytes += byteCount
      this.#waitingBytes -= byteCount
      this.#untoldBytes += byteCount
      if (this.#takenBytes < first.length) break
      this.#takenBytes = 0
      this.#waiting.shift()
      this.#client.deliver(first)
    }
  }

  #gone(code: number, reason: string): void {
    this.isOpen = false
    for (const topic of this.#topics) this.#parts.hub.unsubscribe(this, topic)
    this.#topics.clear()
    this.#parts.hub.gone(this)
    this.#parts.handlers.close(this, code, reason)
  }
}

/** The client's end: the browser's WebSocket as far as the SDK uses it, and what tests need. */
export class MemorySocket implements LoopbackSocket {
  binaryType = 'arraybuffer'
  readyState = 0
  readonly bufferedAmount = 0
  onopen: (() => void) | null = null
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: (() => void) | null = null
  readonly #connection: MemoryConnection

  constructor(connection: MemoryConnection) {
    this.#connection = connection
  }

  /** The subprotocol the server chose; '' for none. */
  get protocol(): string {
    return this.#connection.protocol ?? ''
  }

  /** Bytes that the server's end holds back because this socket is full. */
  get heldBytes(): number {
    return this.#connection.bufferedBytes
  }

  send(data: Uint8Array): void {
    this.#later(new Uint8Array(data).buffer, true)
  }

  /** Sends a text message, which no client of the protocol does. */
  sendText(text: string): void {
    this.#later(new TextEncoder().encode(text).buffer, false)
  }

  close(code = 1005, reason = ''): void {
    if (this.readyState > 1) return
    this.readyState = 2
    queueMicrotask(() => this.#connection.clientClosed(code, reason))
  }

  /** Vanishes without a closing handshake: the server sees 1006. */
  vanish(): void {
    if (this.readyState > 1) return
    this.readyState = 2
    queueMicrotask(() => this.#connection.clientClosed(1006, ''))
  }

  /** A full socket takes nothing from the server until it is set to false again. */
  setFull(isFull: boolean): void {
    this.#connection.setFull(isFull)
  }

  /** The socket takes so many bytes from here on, and then nothing until this is called again. */
  setRoom(byteCount: number): void {
    this.#connection.setRoom(byteCount)
  }

  /** It takes so many more, as long as it does not come to more than `maxBytes`. */
  grant(byteCount: number, maxBytes: number): void {
    this.#connection.grant(byteCount, maxBytes)
  }

  /** The connection told the client that it is open. */
  opened(): void {
    if (this.readyState !== 0) return
    this.readyState = 1
    this.onopen?.()
  }

  /** Brings a frame to the client, in a microtask. */
  deliver(frame: Uint8Array): void {
    queueMicrotask(() => {
      if (this.readyState < 2) this.onmessage?.({ data: frame.buffer as ArrayBuffer })
    })
  }

  /** Brings the close to the client, after what was delivered before. */
  deliverClose(code: number, reason: string): void {
    queueMicrotask(() => {
      if (this.readyState === 3) return
      this.readyState = 3
      this.onclose?.({ code, reason })
    })
  }

  #later(data: ArrayBuffer | ArrayBufferLike, isBinary: boolean): void {
    if (this.readyState === 0) throw new DOMException('Still connecting', 'InvalidStateError')
    if (this.readyState > 1) return
    queueMicrotask(() => this.#connection.receive(data as ArrayBuffer, isBinary))
  }
}
