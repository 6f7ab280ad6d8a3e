import type { Clock } from '../../process/clock.ts'
import type { Random } from '../../process/random.ts'
import type { MemoryRequest } from '../../transport/memory/http.ts'
import { LinkCall } from './link-call.ts'
import type { CallReader } from './link-call.ts'
import { createFetch } from './link-fetch.ts'
import { LinkSocket } from './link-socket.ts'
import type { MemoryTransport } from '../../transport/memory/transport.ts'
import { checkShape } from './shape.ts'
import type { LinkShape } from './shape.ts'
import { Wire } from './wire.ts'
import type { LinkMode } from './wire.ts'

/** A server as the network finds it by its host name. */
export interface NetworkHost {
  readonly transport: MemoryTransport
  /** After which its end of a silent connection gives up, in ms. */
  readonly idleTimeoutMs: number
}

/** A link needs these of the network around it. */
export interface LinkParts {
  readonly clock: Clock
  readonly random: Random
  /** The server that listens under this name, or null. */
  find(host: string): NetworkHost | null
}

export interface LinkOptions extends Partial<LinkShape> {
  /** The client's address as the server sees it. Default: one of its own for each link (RFC 5737). */
  readonly address?: string
  /** Headers of its handshakes and requests, for example an Origin; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The seams of the SDK over a link: `connect(game, test.address, link.options)`, and the same for `openFeed`. */
export interface LinkClientOptions {
  readonly socket: (url: string, protocol: string) => LinkSocket
  readonly fetch: typeof fetch
  readonly timers: Clock
  /** Seeded, so that backoffs are the same on each run. */
  readonly random: () => number
}

const MS_PER_MINUTE = 60_000

/**
 * The network between one client and the servers of a test: its sockets, requests and streams pass through it and
 * share its fate. It may be changed while it runs. Times are the test's, and what is random is drawn from its seed.
 */
export class Link {
  readonly address: string
  readonly options: LinkClientOptions
  readonly #parts: LinkParts
  readonly #headers: Readonly<Record<string, string>>
  readonly #wires = new Set<Wire>()
  #shape: LinkShape
  #mode: LinkMode = 'open'
  #cancelCut: (() => void) | null = null
  readonly #idleTimers = new Set<() => void>()

  /** Made by `link()` of a test server. @throws RingsideError option_invalid for a shape out of range. */
  constructor(parts: LinkParts, options: LinkOptions & { readonly address: string }) {
    const { address, headers = {}, ...shape } = options
    this.#parts = parts
    this.address = address
    this.#headers = headers
    this.#shape = checkShape(shape)
    this.options = {
      socket: (url, protocol) => this.dial(url, [protocol]),
      fetch: createFetch((url, request, reader) => this.call(url, request, reader)),
      timers: parts.clock,
      random: () => parts.random.next(),
    }
    this.#planCut()
  }

  get shape(): LinkShape {
    return this.#shape
  }

  get mode(): LinkMode {
    return this.#mode
  }

  /** Connections over it: sockets, and HTTP exchanges that are not answered yet or stream. */
  get connectionCount(): number {
    return this.#wires.size
  }

  /** Changes the shape for everything that is sent from here on. @throws RingsideError option_invalid out of range. */
  set(change: Partial<LinkShape>): void {
    this.#shape = checkShape(change, this.#shape)
    if (change.cutsPerMinute !== undefined) this.#planCut()
    if (change.bytesPerSecond === undefined && change.windowBytes === undefined) return
    for (const wire of Array.from(this.#wires)) wire.reshape()
  }

  /** Breaks every connection: what is on its way is lost, both ends hear of it. The next one may be opened at once. */
  cut(host?: string): void {
    // This is a copy, for a client that hears of it may dial anew at once.
    for (const wire of Array.from(this.#wires))
      if (host === undefined || wire.host === host) wire.cut()
  }

  /** The client takes nothing any more and goes on sending: the server's buffers grow, until `resume`. */
  stall(): void {
    this.#setMode('stalled')
  }

  /**
   * Nothing passes in either direction and nobody is told (a half-open connection), until `resume`. Bytes wait.
   * A server gives a socket up after its `idleTimeoutMs`.
   */
  goSilent(): void {
    this.#setMode('silent')
  }

  /** Ends `stall` and `goSilent`: everything that waits arrives. */
  resume(): void {
    this.#setMode('open')
  }

  /** Opens a WebSocket; a refused handshake closes it with 1006, as in a browser. */
  dial(url: string | URL, protocols: readonly string[] = []): LinkSocket {
    const { host, pathname, search } = new URL(url)
    const dial = { path: pathname, query: search.slice(1), protocols, ...this.#from(host) }
    return new LinkSocket(
      this.#open(host),
      (answered) => this.#parts.find(host)?.transport.handshake(dial, answered) ?? null,
    )
  }

  /** Sends one HTTP request. */
  call(url: URL, request: MemoryRequest, reader: CallReader): LinkCall {
    const { host } = url
    const { headers, remoteAddress } = this.#from(host)
    return new LinkCall(this.#open(host), reader, {
      request: { ...request, headers: { ...headers, ...request.headers }, remoteAddress },
      to: (sent) => this.#parts.find(host)?.transport.request(sent) ?? null,
    })
  }

  #from(host: string): { headers: Readonly<Record<string, string>>; remoteAddress: string } {
    return { headers: { host, ...this.#headers }, remoteAddress: this.address }
  }

  #open(host: string): Wire {
    const { clock, random } = this.#parts
    const wire = new Wire(host, { clock, random, shape: () => this.#shape }, () =>
      this.#wires.delete(wire),
    )
    this.#wires.add(wire)
    if (this.#mode !== 'open') wire.setMode(this.#mode)
    return wire
  }

  #setMode(mode: LinkMode): void {
    if (mode === this.#mode) return
    this.#mode = mode
    this.#stopIdleTimers()
    for (const wire of Array.from(this.#wires)) {
      wire.setMode(mode)
      const idleTimeoutMs = this.#parts.find(wire.host)?.idleTimeoutMs
      if (mode === 'silent' && idleTimeoutMs !== undefined)
        this.#idleTimers.add(this.#parts.clock.after(idleTimeoutMs, () => wire.onIdle()))
    }
  }

  #stopIdleTimers(): void {
    for (const cancel of this.#idleTimers) cancel()
    this.#idleTimers.clear()
  }

  /** Exponential pauses: a cut is as likely at any time, whatever was before. */
  #planCut(): void {
    this.#cancelCut?.()
    this.#cancelCut = null
    const { cutsPerMinute } = this.#shape
    if (cutsPerMinute === 0) return
    const ms = (-Math.log(1 - this.#parts.random.next()) * MS_PER_MINUTE) / cutsPerMinute
    this.#cancelCut = this.#parts.clock.after(Math.ceil(ms), () => {
      this.cut()
      this.#planCut()
    })
  }
}
