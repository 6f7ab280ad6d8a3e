import { createServer, connect } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { once } from 'node:events'

type Mode = 'open' | 'cut' | 'swallow'

/** What the wire did to those who used it, since the last `resetCounts`. */
export interface WireCounts {
  /** Open connections that were reset. */
  resetCount: number
  /** New connections that were refused. */
  refusedCount: number
  swallowedFromClient: number
  swallowedFromServer: number
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  isDead: boolean
  /** The driver's own heartbeat goes over it. */
  isHeartbeat: boolean
}

/**
 * A wire that can be cut: `cut` resets what is open and refuses what comes; `swallow` takes every byte of both
 * sides and hands none on, as a network does that has lost a route, and no end of a connection either.
 */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  readonly #targetPort: number
  #mode: Mode = 'open'
  #counts = noCounts()

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

  get counts(): Readonly<WireCounts> {
    return this.#counts
  }

  resetCounts(): void {
    this.#counts = noCounts()
  }

  /** Every open connection ends, and new ones are refused. */
  cut(): void {
    this.#mode = 'cut'
    for (const pair of this.#pairs) this.#reset(pair)
  }

  /** Connections stay, new ones are taken, but nothing gets through. */
  swallow(): void {
    this.#mode = 'swallow'
    this.deaden()
  }

  /** Nothing gets through the open connections any more, new ones work. `isAll`: those of heartbeats too. */
  deaden(isAll = true): void {
    for (const pair of this.#pairs) pair.isDead = isAll || !pair.isHeartbeat
  }

  /** The wire is whole again; connections that have lost bytes are reset. */
  mend(): void {
    this.#mode = 'open'
    for (const pair of this.#pairs) if (pair.isDead) this.#reset(pair)
  }

  async stop(): Promise<void> {
    for (const pair of this.#pairs) this.#reset(pair)
    this.#server.close()
    await once(this.#server, 'close')
  }

  #reset(pair: Pair): void {
    this.#pairs.delete(pair)
    this.#counts.resetCount++
    pair.client.resetAndDestroy()
    pair.server.resetAndDestroy()
  }

  #accept(client: Socket): void {
    if (this.#mode === 'cut') {
      this.#counts.refusedCount++
      client.resetAndDestroy()
      return
    }
    const server = connect(this.#targetPort, '127.0.0.1')
    const isDead = this.#mode === 'swallow'
    const pair: Pair = { client, server, isDead, isHeartbeat: false }
    this.#pairs.add(pair)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true)
      from.on('data', (bytes) => {
        // What the driver asks of a server over and over, and of nothing else.
        if (from === client && bytes.includes('topologyVersion')) pair.isHeartbeat = true
        if (!pair.isDead) to.write(bytes)
        else if (from === client) this.#counts.swallowedFromClient += bytes.length
        else this.#counts.swallowedFromServer += bytes.length
      })
      from.on('error', () => {})
      from.on('close', () => {
        // The other side of a dead connection does not learn that this one has given up.
        if (pair.isDead && !to.destroyed) return
        this.#pairs.delete(pair)
        to.destroy()
      })
    }
  }
}

function noCounts(): WireCounts {
  return { resetCount: 0, refusedCount: 0, swallowedFromClient: 0, swallowedFromServer: 0 }
}
