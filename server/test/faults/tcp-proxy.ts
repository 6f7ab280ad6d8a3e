import { createServer, connect } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { once } from 'node:events'

type Mode = 'open' | 'cut' | 'swallow'

/**
 * A wire that can be cut: `cut` resets what is open and refuses what comes; `swallow` takes every byte of both
 * sides and hands none on, as a network does that has lost a route.
 */
export class TcpProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #targetPort: number
  #mode: Mode = 'open'

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#server = createServer((socket) => this.#accept(socket))
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Every open connection ends, and new ones are refused. */
  cut(): void {
    this.#mode = 'cut'
    this.#reset()
  }

  /** Connections stay, new ones are taken, but nothing gets through. */
  swallow(): void {
    this.#mode = 'swallow'
  }

  /** The wire is whole again; connections that have lost bytes are reset. */
  mend(): void {
    if (this.#mode === 'swallow') this.#reset()
    this.#mode = 'open'
  }

  async stop(): Promise<void> {
    this.#reset()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
    this.#sockets.clear()
  }

  #accept(client: Socket): void {
    if (this.#mode === 'cut') {
      client.resetAndDestroy()
      return
    }
    const server = connect(this.#targetPort, '127.0.0.1')
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true)
      this.#sockets.add(from)
      from.on('data', (bytes) => {
        if (this.#mode === 'open') to.write(bytes)
      })
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}
