import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { errorCodes } from '@ringside/protocol'
import type { ErrorCode } from '@ringside/protocol'
import type { ClientAddress } from '../client-address.ts'
import { unmapped } from '../client-address.ts'
import type { ListenAddress, TransportHandlers } from '../contract.ts'
import { listenFailure } from '../listen-failure.ts'
import { PlainExchange } from './exchange.ts'

/** Last bytes get this long on `close` before sockets are cut. */
const CLOSE_GRACE_MS = 250
/** A head comes within this, a whole request within three times as long. */
const HEAD_MS = 10_000
/** A connection that nobody asks anything of is closed after this. */
const IDLE_MS = 10_000
/** Far more than anybody sends, and few enough to be kept. */
const MAX_HEADERS = 1_000

export interface PlainDoorOptions {
  readonly maxHeaderBytes: number
  readonly maxBehindMs: number
  readonly clientAddress?: ClientAddress
}

/**
 * HTTP by Node's own parser, on a port of its own (TR46): for clients whose requests uWebSockets.js takes for none, such
 * as HTTP/1.0, a target with a host in it, or a first line in pieces. All routes and streams are there; WebSockets are not.
 */
export class PlainDoor {
  readonly #options: PlainDoorOptions
  readonly #open = new Set<PlainExchange>()
  #server: Server | null = null

  constructor(options: PlainDoorOptions) {
    this.#options = options
  }

  /** @throws RingsideError as Transport.listen. */
  async listen(address: ListenAddress, handlers: TransportHandlers): Promise<number> {
    const { maxHeaderBytes } = this.#options
    const server = createServer(
      {
        maxHeaderSize: maxHeaderBytes,
        requireHostHeader: false,
        headersTimeout: HEAD_MS,
        requestTimeout: 3 * HEAD_MS,
        keepAliveTimeout: IDLE_MS,
        connectionsCheckingInterval: 1_000,
      },
      (request, response) => this.#answer(handlers, request, response),
    )
    server.maxHeadersCount = MAX_HEADERS
    server.on('upgrade', (_request, socket) => refuse(socket as Socket, 'upgrade_required'))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      handlers.malformed?.('request')
      const isLarge = error.code === 'HPE_HEADER_OVERFLOW'
      refuse(socket as Socket, isLarge ? 'headers_too_large' : 'bad_request')
    })
    await new Promise<void>((resolve, fail) => {
      server.once('error', () => void listenFailure(address).then(fail))
      server.listen({ host: address.host, port: address.port, exclusive: true }, resolve)
    })
    this.#server = server
    return (server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = null
    server.close()
    for (const exchange of this.#open) exchange.endStream()
    server.closeIdleConnections()
    await new Promise((resolve) => setTimeout(resolve, CLOSE_GRACE_MS))
    server.closeAllConnections()
  }

  #answer(handlers: TransportHandlers, request: IncomingMessage, response: ServerResponse): void {
    const { clientAddress, maxBehindMs } = this.#options
    const exchange = new PlainExchange(request, response, {
      clientOf: (peer, forwardedFor) => {
        const plain = unmapped(peer)
        return clientAddress ? clientAddress(plain, forwardedFor) : plain
      },
      maxBehindMs,
    })
    this.#open.add(exchange)
    response.on('close', () => this.#open.delete(exchange))
    // It is asked of the server as a whole, which has every method of HTTP that its routes have.
    if (exchange.method === 'OPTIONS' && exchange.path === '*') return exchange.send(204, {}, '')
    try {
      handlers.http(exchange, exchange)
    } catch {
      exchange.send(500, JSON_HEADERS, textOf('internal'))
    }
  }
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' }

function textOf(code: ErrorCode): string {
  return JSON.stringify({ error: { code, message: errorCodes[code].text } })
}

/** Answers what is no request, and ends its connection. */
function refuse(socket: Socket, code: ErrorCode): void {
  if (!socket.writable) return void socket.destroy()
  const text = textOf(code)
  socket.end(
    `HTTP/1.1 ${errorCodes[code].status} ${errorCodes[code].text}\r\nConnection: close\r\n` +
      `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
}
