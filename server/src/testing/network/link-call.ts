import type { AnswerReader, MemoryExchange, MemoryRequest } from '../../transport/memory/http.ts'
import type { Wire } from './wire.ts'

/** An HTTP exchange over a link comes back by these. Nothing is called after `onEnd` or `onBroken`. */
export interface CallReader {
  onHead(status: number, headers: Readonly<Record<string, string>>): void
  onBytes(bytes: Uint8Array): void
  onEnd(): void
  /** Nothing listens there, or the connection broke. */
  onBroken(): void
}

/** One HTTP exchange over a link, on a connection of its own. */
export class LinkCall {
  readonly #wire: Wire
  readonly #reader: CallReader
  #exchange: MemoryExchange | null = null

  /** `send` is called when the request arrives; null when nothing listens there. */
  constructor(
    wire: Wire,
    reader: CallReader,
    send: { readonly request: MemoryRequest; to(request: MemoryRequest): MemoryExchange | null },
  ) {
    this.#wire = wire
    this.#reader = reader
    wire.onRoom = (byteCount) => this.#exchange?.openBody?.setRoom(byteCount)
    wire.onGrant = (byteCount, maxBytes) => this.#exchange?.openBody?.grant(byteCount, maxBytes)
    wire.onCut = () => {
      this.#exchange?.abort()
      reader.onBroken()
    }
    const { body = '' } = send.request
    wire.up.push(body.length, () => this.#follow(send.to(send.request)))
  }

  /** The client wants no more of it: the server hears of it after the link's delay, the client of nothing more. */
  abort(): void {
    const wire = this.#wire
    const exchange = this.#exchange
    wire.down.drop()
    if (!exchange) wire.end()
    else
      wire.up.push(0, () => {
        exchange.abort()
        wire.end()
      })
  }

  #follow(exchange: MemoryExchange | null): void {
    const { down } = this.#wire
    if (!exchange) {
      down.push(0, () => {
        this.#wire.end()
        this.#reader.onBroken()
      })
      return
    }
    this.#exchange = exchange
    const reader: AnswerReader = {
      onHead: () => {
        // The server's handler has the body in hand only after this.
        queueMicrotask(() => this.#wire.reshape())
        down.push(0, () => this.#reader.onHead(exchange.status, exchange.headers))
      },
      onBytes: (bytes) => down.push(bytes.length, () => this.#reader.onBytes(bytes)),
      onEnd: () =>
        down.push(0, () => {
          this.#wire.end()
          if (exchange.status === 0) this.#reader.onBroken()
          else this.#reader.onEnd()
        }),
    }
    exchange.follow(reader)
  }
}
